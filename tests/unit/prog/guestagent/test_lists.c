#include "prog/guestagent/clock.h"
#include "prog/guestagent/inittab.h"
#include "prog/guestagent/module.h"
#include "prog/guestagent/power.h"
#include "prog/guestagent/ssh_watch.h"

#include "unit_test.h"

static void module_names_are_plain_and_in_order(void **state)
{
    auto_strv struct strv names = { 0 };

    module_parse_list(
        SV("virtio.ko\n\n# comment\n  virtio_pci.ko # bus\n../../etc/x.ko\n/a.ko\nlast.ko"),
        &names);

    auto_mem char *all = strv_join(&names, " ");

    assert_string_equal(all, "virtio.ko virtio_pci.ko last.ko");
}

static void inittab_yields_its_respawn_rows(void **state)
{
    auto_inittab struct inittab inittab = { 0 };

    inittab_parse(SV("# ::respawn:/no\n::sysinit:/etc/init.d/rcS\n"
                     "::respawn:/usr/sbin/dropbear -F -p 22\n"
                     "ttyS0:2345:respawn:-/bin/sh -c 'a b:c'\n::respawn:\n::respawn:'open\n"
                     "::ctrlaltdel:/sbin/reboot\nrespawn\n"),
                  &inittab);
    assert_int_equal(inittab.respawn.n, 2);
    assert_string_equal(inittab.respawn.v[0].v[0], "/usr/sbin/dropbear");
    assert_int_equal(inittab.respawn.v[0].n, 4);
    assert_string_equal(inittab.respawn.v[1].v[0], "/bin/sh");
    assert_string_equal(inittab.respawn.v[1].v[2], "a b:c");
}

static void gpios_property_names_chip_and_line(void **state)
{
    uint32_t chip, line;

    assert_true(power_parse_gpios(SV("\0\0\x80\x04\0\0\0\x03\0\0\0\0"), &chip, &line));
    assert_int_equal(chip, 0x8004);
    assert_int_equal(line, 3);
    assert_false(power_parse_gpios(SV("\0\0\x80\x04\0\0\0"), &chip, &line));
}

static void listeners_are_found(void **state)
{
    static const char table[] =
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n"
        "   0: 0100007F:0016 0F05A8C0:C0DE 01 00000000:00000000 00:00000000 00000000     0\n"
        "   1: 00000000:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0\n";
    static const char table6[] =
        "   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A\n";

    assert_false(ssh_watch_has_listener(SV(""), 22));
    assert_false(ssh_watch_has_listener(sv_of(table), 22)); /* only a connection */
    assert_true(ssh_watch_has_listener(sv_of(table), 0x1538));
    assert_true(ssh_watch_has_listener(sv_of(table6), 22));
}

static void drift_is_signed_and_saturates(void **state)
{
    assert_int_equal(clock_drift(5, 7), -2);
    assert_int_equal(clock_drift(7, 5), 2);
    assert_true(clock_drift(INT64_MIN, 1) == INT64_MIN);
    assert_true(clock_drift(INT64_MAX, -1) == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(module_names_are_plain_and_in_order),
        cmocka_unit_test(inittab_yields_its_respawn_rows),
        cmocka_unit_test(gpios_property_names_chip_and_line),
        cmocka_unit_test(listeners_are_found),
        cmocka_unit_test(drift_is_signed_and_saturates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
