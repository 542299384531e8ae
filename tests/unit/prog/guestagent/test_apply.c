#include "prog/guestagent/apply.h"

#include <unistd.h>

#include "prog/guestagent/unit.h"
#include "sample_seed.h"
#include "tree.h"

#define KEYS        "ssh-ed25519 AAAA jane@host\n"
#define ZONE_DATA   "TZif of the seed"
#define ENVIRONMENT "#LIMA-START\nA=1\n#LIMA-END\n"

static void make_tree(void)
{
    tree_put("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
    tree_put("etc/group", "root:x:0:\nusers:x:1002:\n");
    tree_put("etc/shadow", "root:*:19000:0:99999:7:::\n");
    tree_put("etc/gshadow", "root:*::\n");
    tree_put("etc/hosts", "127.0.0.1 localhost\n");
    tree_put("etc/machine-id", "");
    tree_put("etc/skel/.profile", "PROFILE\n");
    tree_put("etc/skel/.config/x/y", "Y\n");
    tree_put("usr/share/zoneinfo/Europe/Berlin", "TZif");
    tree_put("lib/systemd/systemd", "");
    tree_put("etc/systemd/system/multi-user.target.wants/systemd-networkd.service", "");
    tree_put("run/keep", "");
}

static void apply_text(const char *env)
{
    auto_root struct root root = ROOT_NONE;
    auto_seed struct seed seed = { 0 };
    auto_err struct err *err = NULL;

    assert_true(seed_parse(sv_of(env), &seed, NULL));
    assert_true(root_open(&root, temp_dir, NULL));
    if (!apply_seed(&(struct apply){ .root = &root,
                                     .seed = &seed,
                                     .keys = SV(KEYS),
                                     .environment = SV(ENVIRONMENT),
                                     .zone_data = SV(ZONE_DATA),
                                     .agent = SV("\177ELF agent") },
                    &err))
        fail_msg("%s", err_text(err));
}

static int needs_root(void **state)
{
    (void)state;
    if (geteuid() == 0)
        make_tree();
    return 0;
}

#define ROOT_ONLY()         \
    do {                    \
        if (geteuid() != 0) \
            skip();         \
    } while (0)

static void fresh_image_gets_everything(void **state)
{
    ROOT_ONLY();
    apply_text(SAMPLE_ENV);
    tree_check("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n"
                             "jane:x:1002:1000:Jane Doe=x:/home/jane.guest:/bin/bash\n");
    tree_check("etc/group", "root:x:0:\nusers:x:1002:\njane:x:1000:\n");
    tree_check("etc/shadow", "root:*:19000:0:99999:7:::\njane:*:::::::\n");
    tree_check("etc/gshadow", "root:*::\njane:!::\n");
    tree_check("etc/sudoers.d/90-lima-user", "jane ALL=(ALL) NOPASSWD:ALL\n");
    assert_int_equal(tree_stat("etc/sudoers.d/90-lima-user").st_mode & 07777, 0440);
    tree_check("etc/hostname", "lima-default\n");
    tree_check("etc/hosts",
               "127.0.0.1 localhost\n127.0.1.1 lima-default\n192.168.5.2 host.lima.internal\n");
    tree_check("etc/environment", ENVIRONMENT);
    tree_check("etc/timezone", "Europe/Berlin\n");
    tree_check("usr/local/bin/lima-guestagent", "\177ELF agent");
    assert_int_equal(tree_stat("usr/local/bin/lima-guestagent").st_mode & 07777, 0755);
    assert_int_equal(tree_stat("etc/machine-id").st_size, 33);
    assert_true(S_ISLNK(tree_stat("etc/localtime").st_mode));
    assert_true(tree_stat("run/systemd/network/10-lima-eth0.network").st_size > 0);
    assert_true(tree_stat("run/systemd/network/10-lima-lima0.link").st_size > 0);
    assert_true(tree_stat("etc/systemd/system/lima-boot.service").st_size > 0);
    assert_true(S_ISLNK(
        tree_stat("etc/systemd/system/multi-user.target.wants/lima-guestagent.service").st_mode));
    tree_check("etc/resolv.conf", NULL); /* networkd and resolved see to it */
}

static void home_is_complete_and_owned(void **state)
{
    ROOT_ONLY();
    apply_text(SAMPLE_ENV);
    tree_check("home/jane.guest/.profile", "PROFILE\n");
    tree_check("home/jane.guest/.config/x/y", "Y\n");
    tree_check("home/jane.guest/.ssh/authorized_keys", KEYS);
    tree_check("home/.jane.guest.lima-new", NULL);
    static const char *const owned[] = { "home/jane.guest", "home/jane.guest/.config/x/y",
                                         "home/jane.guest/.ssh",
                                         "home/jane.guest/.ssh/authorized_keys" };

    for (size_t i = 0; i < COUNT(owned); i++)
        check_row(tree_stat(owned[i]).st_uid == 1002 && tree_stat(owned[i]).st_gid == 1000,
                  owned[i]);
    assert_int_equal(tree_stat("home/jane.guest/.ssh/authorized_keys").st_mode & 07777, 0600);
    assert_int_equal(tree_stat("home/jane.guest/.ssh").st_mode & 07777, 0700);
}

static void second_run_touches_no_file(void **state)
{
    static const char *const files[] = { "etc/passwd",     "etc/hosts",
                                         "etc/machine-id", "usr/local/bin/lima-guestagent",
                                         "etc/localtime",  "home/jane.guest/.ssh/authorized_keys" };
    ino_t inodes[COUNT(files)];

    ROOT_ONLY();
    apply_text(SAMPLE_ENV);
    for (size_t i = 0; i < COUNT(files); i++)
        inodes[i] = tree_stat(files[i]).st_ino;
    apply_text(SAMPLE_ENV);
    for (size_t i = 0; i < COUNT(files); i++)
        check_row(inodes[i] == tree_stat(files[i]).st_ino, files[i]);
}

static void what_the_user_changed_stays(void **state)
{
    ROOT_ONLY();
    apply_text(SAMPLE_ENV);
    tree_put("home/jane.guest/.ssh/authorized_keys", "ssh-rsa own\n");
    tree_put("home/jane.guest/.profile", "changed");
    tree_put("etc/shadow", "jane:$y$hash:19000::::::\n");
    apply_text(SAMPLE_ENV);
    tree_check("home/jane.guest/.ssh/authorized_keys", "ssh-rsa own\n" KEYS);
    tree_check("home/jane.guest/.profile", "changed");
    tree_check("etc/shadow", "jane:$y$hash:19000::::::\n");
}

static void half_made_home_is_made_again(void **state)
{
    auto_mem char *home = temp_path("home/jane.guest");

    ROOT_ONLY();
    assert_true(dir_remove_tree(home, NULL));
    tree_put("home/.jane.guest.lima-new/.profile", "to");
    apply_text(SAMPLE_ENV);
    tree_check("home/jane.guest/.profile", "PROFILE\n");
    tree_check("home/.jane.guest.lima-new/.profile", NULL);
}

static void links_of_the_user_are_not_followed(void **state)
{
    auto_mem char *ssh = temp_path("home/jane.guest/.ssh");
    auto_root struct root root = ROOT_NONE;
    auto_seed struct seed seed = { 0 };
    auto_err struct err *err = NULL;

    ROOT_ONLY();
    apply_text(SAMPLE_ENV);
    assert_true(dir_remove_tree(ssh, NULL));
    assert_int_equal(symlink("/etc", ssh), 0);
    assert_true(seed_parse(SV(SAMPLE_ENV), &seed, NULL));
    assert_true(root_open(&root, temp_dir, NULL));
    assert_false(
        apply_home(&(struct apply){ .root = &root, .seed = &seed, .keys = SV(KEYS) }, 1000, &err));
    tree_check("etc/authorized_keys", NULL);
    assert_int_equal(unlink(ssh), 0);
}

static void image_without_networkd_gets_resolv_conf(void **state)
{
    auto_mem char *unit =
        temp_path("etc/systemd/system/multi-user.target.wants/systemd-networkd.service");

    ROOT_ONLY();
    assert_true(file_remove(unit, NULL));
    tree_put("etc/network/interfaces.d/x", "");
    apply_text(SAMPLE_ENV);
    tree_check("etc/resolv.conf", "nameserver 192.168.5.3\n");
    assert_true(tree_stat("etc/network/interfaces.d/10-lima").st_size > 0);
}

static void plain_guest_has_no_daemon(void **state)
{
    static const char *const links[] = {
        "etc/systemd/system/multi-user.target.wants/lima-guestagent.service",
        "etc/systemd/system/multi-user.target.wants/lima-boot.service",
    };

    ROOT_ONLY();
    apply_text(SAMPLE_ENV);
    assert_true(S_ISLNK(tree_stat(links[0]).st_mode));
    apply_text(SAMPLE_ENV "LIMA_CIDATA_PLAIN=1\n");
    assert_false(S_ISLNK(tree_stat(links[0]).st_mode));
    assert_true(S_ISLNK(tree_stat(links[1]).st_mode));
}

static void image_without_zones_gets_the_data_of_the_seed(void **state)
{
    auto_mem char *zone = temp_path("usr/share/zoneinfo/Europe/Berlin");

    ROOT_ONLY();
    assert_int_equal(unlink(zone), 0);
    apply_text(SAMPLE_ENV);
    tree_check("etc/localtime", ZONE_DATA);
    tree_check("etc/timezone", "Europe/Berlin\n");
    tree_put("usr/share/zoneinfo/Europe/Berlin", "TZif");
    apply_text(SAMPLE_ENV);
    assert_true(S_ISLNK(tree_stat("etc/localtime").st_mode));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(fresh_image_gets_everything, needs_root),
        cmocka_unit_test(home_is_complete_and_owned),
        cmocka_unit_test(second_run_touches_no_file),
        cmocka_unit_test(what_the_user_changed_stays),
        cmocka_unit_test(half_made_home_is_made_again),
        cmocka_unit_test(links_of_the_user_are_not_followed),
        cmocka_unit_test(plain_guest_has_no_daemon),
        cmocka_unit_test(image_without_networkd_gets_resolv_conf),
        cmocka_unit_test(image_without_zones_gets_the_data_of_the_seed),
    };

    return cmocka_run_group_tests(tests, temp_dir_setup, temp_dir_teardown);
}
