/* Pure functions of files that are otherwise tested as a whole. */
#include "base/mem.h"
#include "prog/hostagent/cloud_init.h"
#include "prog/hostagent/preset.h"
#include "unit_test.h"

static void the_end_of_cloud_init_is_recognised(void **state)
{
    static const struct {
        const char *line;
        bool seen_before, is_end, seen_after;
    } cases[] = {
        { "Cloud-init v. 24.1 finished at Sat", false, true, false },
        { "CLOUD-INIT has FINISHED", false, true, false },
        { "finished", false, false, false },
        { "Started cloud-init-main.service - Cloud-init: Single Process.", false, false, true },
        { "cloud-init-main.service: Consumed 2.1s CPU time.", true, true, true },
        { "cloud-init-main.service: Consumed 2.1s CPU time.", false, false, false },
        { "x cloud-init-main.service: Consumed", true, false, true },
        { "", true, false, true },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        bool seen = cases[i].seen_before;

        check_row(cloud_init_is_end(sv_of(cases[i].line), &seen) == cases[i].is_end, cases[i].line);
        check_row(seen == cases[i].seen_after, cases[i].line);
    }
}

static void the_port_follows_the_configuration_then_history(void **state)
{
    static const struct {
        const char *name;
        int64_t configured;
        const char *version;
        uint16_t port;
    } cases[] = {
        { "x", 2222, "2.2.0", 2222 },
        { "default", 2222, "1.0.0", 2222 },
        { "default", 0, "1.2.1", 60022 },
        { "default", 0, "", 60022 },
        { "default", 0, "2.0.0", 0 },
        { "default", 0, "2.2.0+clima.0.1.0", 0 },
        { "default", 0, NULL, 0 },
        { "other", 0, "1.0.0", 0 },
        { "x", 70000, "2.2.0", 0 },
    };

    for (size_t i = 0; i < COUNT(cases); i++)
        check_row(preset_ssh_port(cases[i].name, cases[i].configured, cases[i].version) ==
                      cases[i].port,
                  cases[i].version ? cases[i].version : "no version");
}

static void the_autostart_unit_is_the_last_part_of_the_cgroup(void **state)
{
    static const struct {
        const char *cgroup, *unit; /* NULL = none */
    } cases[] = {
        { "0::/user.slice/user-1000.slice/user@1000.service/app.slice/"
          "app-lima\\x2dvm.slice/lima-vm@default.service\n", "lima-vm@default.service" },
        { "12:pids:/x\n1:name=systemd:/y/lima-vm@a.service\n0::/\n", "lima-vm@a.service" },
        { "0::/user.slice/user-1000.slice/session-2.scope\n", NULL },
        { "0::/lima-vm@a.service/child\n", NULL },
        { "", NULL },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *unit = preset_autostart_unit(cases[i].cgroup);

        check_row(cases[i].unit ? unit && strcmp(unit, cases[i].unit) == 0 : !unit, cases[i].cgroup);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_end_of_cloud_init_is_recognised),
        cmocka_unit_test(the_port_follows_the_configuration_then_history),
        cmocka_unit_test(the_autostart_unit_is_the_last_part_of_the_cgroup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
