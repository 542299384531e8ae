#include "prog/guestagent/share_place.h"

#include <sys/sysmacros.h>

#include "base/auto.h"
#include "base/mem.h"
#include "unit_test.h"

#define ROOT  "1 1 8:1 / / rw - ext4 /dev/sda rw\n"
#define ALL   "10 1 0:39 / /run/lima-mounts/all rw - virtiofs lima rw\n"
#define HOT_1 "11 10 0:40 / /run/lima-mounts/all/hot-1 rw - virtiofs none rw\n"
#define HOT_2 "12 10 0:41 / /run/lima-mounts/all/hot-2 rw - virtiofs none rw\n"
#define BASE  ROOT ALL HOT_1 HOT_2
#define N     "20 1 0:40 / /mnt/n rw shared:3 - virtiofs none rw\n"

static void shares_are_told_from_what_the_guest_has_mounted(void **state)
{
    static const struct {
        const char *what, *mountinfo, *path, *name, *point;
        uint32_t top;
        enum share_place_state wanted;
    } cases[] = {
        { "the share", BASE N, "/mnt/n", "hot-1", "/mnt/n", 20, SHARE_HERE },
        { "it is not mounted", BASE, "/mnt/n", "hot-1", NULL, 1, SHARE_GONE },
        { "a tmpfs in its place", BASE "20 1 0:50 / /mnt/n rw - tmpfs x rw\n", "/mnt/n", "hot-1",
          NULL, 20, SHARE_GONE },
        { "another share in its place", BASE "20 1 0:41 / /mnt/n rw - virtiofs none rw\n", "/mnt/n",
          "hot-1", NULL, 20, SHARE_GONE },
        { "a tmpfs over it", BASE N "21 20 0:50 / /mnt/n rw - tmpfs x rw\n", "/mnt/n", "hot-1",
          "/mnt/n", 21, SHARE_COVERED },
        { "a tmpfs over the directory above", BASE N "21 1 0:50 / /mnt rw - tmpfs x rw\n", "/mnt/n",
          "hot-1", "/mnt", 21, SHARE_COVERED },
        { "the same without its mount point", BASE N "21 1 0:50 / /mnt rw - tmpfs x rw\n", "/mnt/n",
          "hot-1", NULL, 0, SHARE_COVERED },
        { "one below it is no mount point", BASE N, "/mnt/n/dir", "hot-1", NULL, 20, SHARE_GONE },
        { "a name with a blank", BASE "20 1 0:40 / /mnt/a\\040b rw - virtiofs none rw\n",
          "/mnt/a b", "hot-1", "/mnt/a b", 20, SHARE_HERE },
        { "a file", BASE "20 1 0:40 /f /mnt/f rw - virtiofs none rw\n", "/mnt/f", "hot-1/f",
          "/mnt/f", 20, SHARE_HERE },
        { "a file that the host has removed",
          BASE "20 1 0:40 /f//deleted /mnt/f rw - virtiofs none rw\n", "/mnt/f (deleted)",
          "hot-1/f", "/mnt/f", 20, SHARE_HERE },
        { "a kernel without mounts of exports",
          ROOT ALL "20 1 0:39 /hot-1 /mnt/n rw - virtiofs lima rw\n", "/mnt/n", "hot-1", "/mnt/n",
          20, SHARE_HERE },
        { "another one there", ROOT ALL "20 1 0:39 /hot-2 /mnt/n rw - virtiofs lima rw\n", "/mnt/n",
          "hot-1", NULL, 20, SHARE_GONE },
        { "the one that has no mount of its own",
          BASE "20 1 0:39 /hot-3 /mnt/n rw - virtiofs lima rw\n", "/mnt/n", "hot-3", "/mnt/n", 20,
          SHARE_HERE },
        { "another one in its place", BASE "20 1 0:40 / /mnt/n rw - virtiofs none rw\n", "/mnt/n",
          "hot-3", NULL, 20, SHARE_GONE },
        { "that one in the place of another",
          BASE "20 1 0:39 /hot-3 /mnt/n rw - virtiofs lima rw\n", "/mnt/n", "hot-1", NULL, 20,
          SHARE_GONE },
        { "a file of it", BASE "20 1 0:39 /hot-3/f /mnt/f rw - virtiofs lima rw\n", "/mnt/f",
          "hot-3/f", "/mnt/f", 20, SHARE_HERE },
        { "the device before the one of now", BASE "20 1 0:33 / /mnt/n rw - virtiofs none rw\n",
          "/mnt/n", "hot-3", "/mnt/n", 20, SHARE_HERE },
        { "9p", ROOT "20 1 0:60 / /mnt/n rw - 9p hot-1 rw\n", "/mnt/n", "hot-1", "/mnt/n", 20,
          SHARE_HERE },
        { "another 9p", ROOT "20 1 0:60 / /mnt/n rw - 9p hot-2 rw\n", "/mnt/n", "hot-1", NULL, 20,
          SHARE_GONE },
        { "sshfs", ROOT "20 1 0:60 / /mnt/n rw - fuse.sshfs :/home/u rw\n", "/mnt/n", "hot-1",
          "/mnt/n", 20, SHARE_HERE },
        { "sshfs of the guest", ROOT "20 1 0:60 / /mnt/n rw - fuse.sshfs u@h:/home rw\n", "/mnt/n",
          "hot-1", NULL, 20, SHARE_GONE },
        { "nothing is known", "", "/mnt/n", "hot-1", NULL, 20, SHARE_GONE },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct share_place place;

        share_place_find(sv_of(cases[i].mountinfo), cases[i].top, cases[i].path, cases[i].name,
                         &place);
        check_row(place.state == cases[i].wanted, cases[i].what);
        check_row(str_eq(place.point, cases[i].point), cases[i].what);
        share_place_done(&place);
    }
}

static void the_device_is_that_of_the_share_also_below_something_else(void **state)
{
    struct share_place place;

    share_place_find(SV(BASE N "21 20 0:50 / /mnt/n rw - tmpfs x rw\n"), 21, "/mnt/n", "hot-1",
                     &place);
    assert_int_equal(place.device, makedev(0, 40));
    share_place_done(&place);
}

static void what_is_mounted_in_a_share_is_found(void **state)
{
    static const char mountinfo[] =
        BASE N "30 20 0:41 / /mnt/n/in rw - virtiofs none rw\n"
               "31 20 0:50 / /mnt/n/a\\040b rw - tmpfs x rw\n"
               "32 11 0:41 / /run/lima-mounts/all/hot-1/in rw - virtiofs none rw\n"
               "33 30 0:51 / /mnt/n/in/deep rw - tmpfs x rw\n"
               "34 1 0:52 / /mnt/nn rw - tmpfs x rw\n"
               /* a file system that the host has in the folder, and one in that */
               "40 20 0:45 / /mnt/n/sub rw - virtiofs none rw\n"
               "41 40 0:46 / /mnt/n/sub/sub rw - virtiofs none rw\n"
               "42 41 0:53 / /mnt/n/sub/sub/tmp rw - tmpfs x rw\n"
               "43 11 0:45 / /run/lima-mounts/all/hot-1/sub rw - virtiofs none rw\n";
    auto_mem char *inner = NULL, *submounts = NULL;
    struct share_place place;

    share_place_find(sv_of(mountinfo), 20, "/mnt/n", "hot-1", &place);
    assert_int_equal(place.state, SHARE_HERE);
    inner = strv_join(&place.inner, ",");
    submounts = strv_join(&place.submounts, ",");
    assert_string_equal(inner, "/mnt/n/in,/mnt/n/a b,/mnt/n/sub/sub/tmp");
    assert_string_equal(submounts, "/mnt/n/sub/sub,/mnt/n/sub");
    share_place_done(&place);
}

static void the_root_of_this_system_is_no_share(void **state)
{
    struct share_place place;

    share_place_look("/", "hot-1", &place);
    assert_int_equal(place.state, SHARE_GONE);
    share_place_look("/nowhere/at/all", "hot-1", &place);
    assert_int_equal(place.state, SHARE_GONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_are_told_from_what_the_guest_has_mounted),
        cmocka_unit_test(the_device_is_that_of_the_share_also_below_something_else),
        cmocka_unit_test(what_is_mounted_in_a_share_is_found),
        cmocka_unit_test(the_root_of_this_system_is_no_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
