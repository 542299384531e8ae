#include "prog/devices/options.h"

#include "../../unit_test.h"

static void options_are_parsed_or_refused(void **state)
{
    static const struct {
        const char *what;
        const char *args[8];
        bool ok;
    } cases[] = {
        { "both", { "--control-fd", "5", "--vsock-fd", "4" }, true },
        { "all", { "--vsock-fd", "4", "--control-fd", "3", "--debug" }, true },
        { "files", { "--control-fd", "5", "--vsock-fd", "4", "--fs-fd", "6" }, true },
        { "files as streams", { "--control-fd", "5", "--vsock-fd", "4", "--fs-fd", "4" }, false },
        { "nothing", { NULL }, false },
        { "no socket of QEMU", { "--control-fd", "5" }, false },
        { "no value", { "--control-fd", "5", "--vsock-fd" }, false },
        { "stderr", { "--control-fd", "5", "--vsock-fd", "2" }, false },
        { "no number", { "--control-fd", "5", "--vsock-fd", "x" }, false },
        { "too large", { "--control-fd", "5", "--vsock-fd", "4294967295" }, false },
        { "the same", { "--control-fd", "5", "--vsock-fd", "5" }, false },
        { "unknown", { "--control-fd", "5", "--vsock-fd", "4", "--what" }, false },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        auto_err struct err *err = NULL;
        struct options o;

        check_row(options_parse((char *const *)cases[i].args, &o, &err) == cases[i].ok,
                  cases[i].what);
        check_row((err != NULL) == !cases[i].ok, cases[i].what);
        if (cases[i].ok)
            check_row(o.vsock_fd == 4, cases[i].what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(options_are_parsed_or_refused) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
