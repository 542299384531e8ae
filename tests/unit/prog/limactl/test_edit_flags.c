#include "prog/limactl/edit_flags.h"

#include "base/log.h"
#include "base/mem.h"

#include "unit_test.h"

#define MAX_WORDS 8

static bool expression(const char *const *words, const char *existing, char **out, struct err **errp)
{
    struct edit_opts edit = { 0 };
    struct create_opts create = { 0 };
    struct opt_set sets[] = {
        { edit_opt_rows, N_EDIT_OPTS, &edit },
        { create_opt_rows, N_CREATE_OPTS, &create },
    };
    auto_strv struct strv positionals = { 0 };
    auto_strv struct strv params = { 0 };
    struct edit_context context = { .cwd = "/work", .home = "/h/u", .params = &params,
                                    .existing = existing };
    bool ok;

    strv_push(&params, "url");
    ok = args_parse(sets, COUNT(sets), 0, (char *const *)words, &positionals, errp) &&
         edit_flags_expression(&edit, &create, &context, out, errp);
    args_done(sets, COUNT(sets));
    return ok;
}

static void each_flag_has_its_expression(void **state)
{
    static const struct {
        const char *words[MAX_WORDS];
        const char *want;
    } cases[] = {
        { { NULL }, "" },
        { { "--cpus=2" }, ".cpus = 2" },
        { { "--dns=1.1.1.1,8.8.8.8" },
          ".dns += [\"1.1.1.1\",\"8.8.8.8\"] | .dns |= unique | .hostResolver.enabled=false" },
        { { "--memory=4" }, ".memory = \"4GiB\"" },
        { { "--memory=1.5" }, ".memory = \"1.5GiB\"" },
        { { "--memory=0.1" }, ".memory = \"0.1GiB\"" },
        { { "--disk=100" }, ".disk= \"100GiB\"" },
        { { "--mount=/a:w,~/b" },
          ".mounts = [{\"location\": \"/h/u/b\", \"mountPoint\": \"/h/u/b\", \"writable\": false}, "
          "{\"location\": \"/a\", \"mountPoint\": \"/a\", \"writable\": true}] + .mounts" },
        { { "--mount-only=x", "--mount-only", "/c/../d" },
          ".mounts = [{\"location\": \"/work/x\", \"mountPoint\": \"/work/x\", \"writable\": false}, "
          "{\"location\": \"/d\", \"mountPoint\": \"/d\", \"writable\": false}]" },
        { { "--mount-none=false" }, ".mounts = null" },
        { { "--mount-type=9p", "--vm-type=qemu" }, ".mountType = \"9p\" | .vmType = \"qemu\"" },
        { { "--mount-inotify", "--mount-writable=false" },
          ".mountInotify = true | .mounts[].writable = false" },
        { { "--network=lima:shared,vzNAT" },
          ".networks += [{\"lima\": \"shared\"},{\"vzNAT\": true}] | .networks |= unique_by(.lima)" },
        { { "--nested-virt", "--rosetta" },
          ".nestedVirtualization = true | .vmOpts.vz.rosetta.enabled = true | "
          ".vmOpts.vz.rosetta.binfmt = true" },
        { { "--param=url=a=b" }, ".param[\"url\"] = \"a=b\"" },
        { { "--video=false" }, ".video.display = \"none\"" },
        { { "--audio-device=pa", "--audio-interface=hda" },
          ".audio.device = \"pa\" | .audio.interface = \"hda\"" },
        { { "--ssh-port=0" }, ".ssh.localPort = 0" },
        { { "--image-variant=v" }, ".images = [.images[] | select(.variant == \"v\")]" },
        { { "--arch=aarch64", "--plain" }, ".arch = \"aarch64\" | .plain = true" },
        { { "--containerd=system+user" }, ".containerd.user = true | .containerd.system = true" },
        { { "--containerd=none" }, ".containerd.user = false | .containerd.system = false" },
        { { "--port-forward=8080:80,static=true", "--port-forward=1:2" },
          ".portForwards += [{\"guestPort\": \"80\", \"hostPort\": \"8080\", \"static\": true},"
          "{\"guestPort\": \"2\", \"hostPort\": \"1\", \"static\": false}]" },
        { { "--shell=/bin/zsh" }, ".user.shell = \"/bin/zsh\"" },
        /* The order is fixed: --set stands between --cpus and --disk whatever was typed first. */
        { { "--disk=1", "--set=.a=1", "--set", ".b=2", "--cpus=1" },
          ".cpus = 1 | .a=1 | .b=2 | .disk= \"1GiB\"" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *got = NULL;

        check_row(expression(cases[i].words, NULL, &got, NULL), cases[i].want);
        assert_string_equal(got, cases[i].want);
    }
}

static void options_for_new_instances_are_ignored_on_old_ones(void **state)
{
    static const char *const words[] = { "--arch=aarch64", "--plain", "--containerd=user", "--cpus=1",
                                         "--image-variant=v", NULL };
    auto_mem char *got = NULL;

    assert_true(expression(words, "old", &got, NULL));
    assert_string_equal(got, ".cpus = 1");
}

static void bad_values_name_the_flag(void **state)
{
    static const struct {
        const char *words[MAX_WORDS];
        const char *message;
    } cases[] = {
        { { "--cpus=-1" },
          "error while processing flag `cpus`: invalid value for number of cpus, must be >= 0" },
        { { "--mount=/a", "--mount-only=/b" },
          "error while processing flag `mount`: flag `--mount` conflicts with `--mount-only`" },
        { { "--mount=/a", "--mount-none" },
          "error while processing flag `mount-none`: flag `--mount-none` conflicts with `mount`" },
        { { "--mount=~x" }, "error while processing flag `mount`: unexpandable path `~x`" },
        { { "--network=x" },
          "error while processing flag `network`: network name must be `vzNAT` or `lima:*`, got `x`" },
        { { "--param=x" },
          "error while processing flag `param`: invalid parameter `x`, expected NAME=VALUE" },
        { { "--param=K=1" }, "error while processing flag `param`: template does not define param `K`" },
        { { "--containerd=x" },
          "error while processing flag `containerd`: expected one of [`user`, `system`, `user+system`, "
          "`none`], got `x`" },
        { { "--image-variant=" },
          "error while processing flag `image-variant`: the variant must not be empty" },
        { { "--port-forward=80" },
          "error while processing flag `port-forward`: invalid port forward `80`, expected "
          "HOST:GUEST[,static=BOOL]" },
        { { "--port-forward=1:2,x=y" },
          "error while processing flag `port-forward`: invalid option `x=y` of port forward `1:2,x=y`" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_mem char *got = NULL;
        auto_err struct err *err = NULL;

        check_row(!expression(cases[i].words, NULL, &got, &err), cases[i].message);
        assert_string_equal(err_text(err), cases[i].message);
    }
}

static void every_row_is_filled_in(void **state)
{
    for (size_t i = 0; i < N_EDIT_OPTS; i++)
        assert_non_null(edit_opt_rows[i].name);
    for (size_t i = 0; i < N_CREATE_OPTS; i++)
        assert_non_null(create_opt_rows[i].name);
}

static int silence(void **state)
{
    log_setup(LOG_FATAL, LOG_FORMAT_TEXT);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_flag_has_its_expression),
        cmocka_unit_test(options_for_new_instances_are_ignored_on_old_ones),
        cmocka_unit_test(bad_values_name_the_flag),
        cmocka_unit_test(every_row_is_filled_in),
    };

    return cmocka_run_group_tests(tests, silence, NULL);
}
