#include "prog/hostagent/requirement.h"

#include "base/mem.h"
#include "base/strv.h"
#include "sys/proc.h"
#include "unit_test.h"

static struct probe_config two_probes[] = {
    { .mode = "readiness", .description = "docker", .script = "#!/bin/bash\ndocker", .hint = "wait" },
    { .mode = "readiness", .script = "#!/bin/sh\ntrue" },
};

static void lists_depend_on_the_configuration(void **state)
{
    static const struct {
        const char *name, *os, *iid;
        bool plain, containerd, probes;
        const char *ssh, *boot, *probe;
    } cases[] = {
        { "linux", "Linux", "iid-1", false, false, false,
          "ssh,user session is ready for ssh,shared ssh connection",
          "boot scripts must have finished", "" },
        { "plain", "Linux", "iid-1", true, true, true, "ssh,shared ssh connection",
          "boot scripts must have finished", "docker,user probe 2/2" },
        { "taken over", "Linux", NULL, false, false, false, "ssh,shared ssh connection", "", "" },
        { "containerd", "Linux", "iid-1", false, true, true,
          "ssh,user session is ready for ssh,shared ssh connection",
          "boot scripts must have finished",
          "systemd must be available,containerd binaries to be installed,docker,user probe 2/2" },
        { "other system", "FreeBSD", "iid-1", false, true, false, "ssh,shared ssh connection",
          "boot scripts must have finished", "" },
        { "windows", "Windows", "iid-1", false, false, false, "ssh,shared ssh connection", "", "" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct instance_config config = {
            .os = (char *)cases[i].os,
            .guest_install_prefix = "/usr/local",
            .plain = { true, cases[i].plain },
            .containerd.user = { true, cases[i].containerd },
            .probes = { two_probes, cases[i].probes ? 2 : 0, 2 },
        };
        const char *expected[] = { cases[i].ssh, cases[i].boot, cases[i].probe };
        struct requirements lists[3] = { 0 };

        requirements_ssh(&lists[0], &config, cases[i].iid);
        requirements_boot(&lists[1], &config, cases[i].iid);
        requirements_probes(&lists[2], &config);
        for (size_t j = 0; j < COUNT(lists); j++) {
            auto_strv struct strv names = { 0 };
            auto_mem char *joined = NULL;

            for (size_t k = 0; k < lists[j].list.n; k++)
                strv_push(&names, lists[j].list.v[k].description);
            joined = strv_join(&names, ",");
            if (strcmp(joined, expected[j]) != 0)
                fail_msg("%s: %s instead of %s", cases[i].name, joined, expected[j]);
            requirements_done(&lists[j]);
        }
    }
}

static void probes_get_parameters_and_keep_their_hint(void **state)
{
    struct instance_config config = { .os = "Linux", .probes = { two_probes, 2, 2 } };
    struct requirements reqs = { 0 };

    requirements_probes(&reqs, &config);
    assert_true(reqs.list.v[0].with_params);
    assert_false(reqs.list.v[0].no_master);
    assert_string_equal(reqs.list.v[0].hint, "wait");
    assert_string_equal(reqs.list.v[0].script, "#!/bin/bash\ndocker");
    requirements_done(&reqs);
}

static void markers_are_compared_as_shell_can(void **state)
{
    struct instance_config config = { .os = "Linux" };
    struct requirements reqs = { 0 };
    const char *script;

    requirements_boot(&reqs, &config, "iid-1700000000");
    script = reqs.list.v[0].script;
    assert_string_equal(script, "#!/bin/sh\n[ \"$(cat /run/lima-boot-done 2>/dev/null)\" = "
                                "iid-1700000000 ]\n");
    requirements_done(&reqs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_depend_on_the_configuration),
        cmocka_unit_test(probes_get_parameters_and_keep_their_hint),
        cmocka_unit_test(markers_are_compared_as_shell_can),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
