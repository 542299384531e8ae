#include "prog/guestagent/apply.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "prog/guestagent/accounts.h"
#include "prog/guestagent/etc_text.h"
#include "prog/guestagent/netconf.h"
#include "prog/guestagent/unit.h"

enum { ETC_SIZE_MAX = 4 * 1024 * 1024, SHADOW_GID = 42 };

#define SUDOERS_PATH "/etc/sudoers.d/90-lima-user"

/* A missing file is an empty one. */
static bool read_etc(const struct root *root, const char *path, struct sb *out, struct err **errp)
{
    auto_err struct err *err = NULL;

    if (root_read(root, path, ETC_SIZE_MAX, out, &err) || err_kind(err) == ERR_NOT_FOUND)
        return true;
    return err_propagate(errp, MOVE(err));
}

/* Replaces a file by text, keeping owner and mode; attr is for a new one. */
static bool replace_etc(struct root *root, const char *path, const struct sb *text,
                        struct root_attr attr, struct err **errp)
{
    auto_fd int fd = -1;
    struct stat st;

    if (root_open_file(root, path, O_PATH, &fd, NULL) && fstat(fd, &st) == 0)
        attr = (struct root_attr){ .mode = st.st_mode & 07777, .uid = st.st_uid, .gid = st.st_gid };
    return root_put(root, path, sb_view(text), attr, errp);
}

bool apply_account(const struct apply *apply, gid_t *out_gid, struct err **errp)
{
    const struct seed *seed = apply->seed;
    auto_sb struct sb passwd = { 0 }, group = { 0 }, shadow = { 0 }, gshadow = { 0 };
    auto_sb struct sb new_passwd = { 0 }, new_group = { 0 }, new_shadow = { 0 },
                      new_gshadow = { 0 };
    auto_sb struct sb sudoers = { 0 };
    struct account account = { .name = seed->user,
                               .comment = seed->comment,
                               .home = seed->home,
                               .shell = seed->shell,
                               .uid = seed->uid };
    const struct root_attr secret = { .mode = 0640, .gid = SHADOW_GID };
    bool needs_group;

    if (!read_etc(apply->root, "/etc/passwd", &passwd, errp) ||
        !read_etc(apply->root, "/etc/group", &group, errp) ||
        !read_etc(apply->root, "/etc/shadow", &shadow, errp) ||
        !read_etc(apply->root, "/etc/gshadow", &gshadow, errp))
        return false;

    account.gid =
        accounts_gid(sb_view(&passwd), sb_view(&group), seed->user, seed->uid, &needs_group);
    *out_gid = account.gid;
    accounts_edit_passwd(sb_view(&passwd), &account, &new_passwd);
    accounts_edit_shadow(sb_view(&shadow), seed->user, &new_shadow);
    sudoers_render(seed->user, seed->passwordless_sudo, &sudoers);
    if (needs_group) {
        accounts_add_group(sb_view(&group), seed->user, account.gid, &new_group);
        if (!replace_etc(apply->root, "/etc/group", &new_group, ROOT_FILE(0644), errp))
            return false;
    }
    if (needs_group && gshadow.n > 0) {
        accounts_edit_gshadow(sb_view(&gshadow), seed->user, &new_gshadow);
        if (!replace_etc(apply->root, "/etc/gshadow", &new_gshadow, secret, errp))
            return false;
    }
    return replace_etc(apply->root, "/etc/passwd", &new_passwd, ROOT_FILE(0644), errp) &&
           replace_etc(apply->root, "/etc/shadow", &new_shadow, secret, errp) &&
           root_make_dir(apply->root, "/etc/sudoers.d", 0750, errp) &&
           root_put(apply->root, SUDOERS_PATH, sb_view(&sudoers), ROOT_FILE(0440), errp);
}

/* An image leaves the machine id empty; filling it here saves systemd its first-boot work. */
static bool apply_machine_id(const struct apply *apply, struct err **errp)
{
    auto_sb struct sb id = { 0 };
    uint8_t bytes[16];

    if (!root_has(apply->root, "/etc/machine-id") ||
        !read_etc(apply->root, "/etc/machine-id", &id, errp) ||
        (id.n > 0 && !sv_eq(sv_trim(sb_view(&id)), SV("uninitialized"))))
        return true;
    if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
        return true;                     /* then systemd makes one */
    bytes[6] = (bytes[6] & 0x0f) | 0x40; /* as systemd does: a valid version 4 UUID */
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    sb_truncate(&id, 0);
    for (size_t i = 0; i < sizeof(bytes); i++)
        sb_putf(&id, "%02x", bytes[i]);
    sb_putc(&id, '\n');
    return root_put(apply->root, "/etc/machine-id", sb_view(&id), ROOT_FILE(0444), errp);
}

static bool apply_timezone(const struct apply *apply, struct err **errp)
{
    const char *zone = apply->seed->timezone;
    auto_mem char *path = path_join("/usr/share/zoneinfo", zone);
    auto_mem char *line = mem_printf("%s\n", zone);

    if (!zone[0])
        return true;
    if (root_has(apply->root, path)) {
        if (!root_put_link(apply->root, "/etc/localtime", path, errp))
            return false;
    } else if (apply->zone_data.n) {
        if (!root_put(apply->root, "/etc/localtime", apply->zone_data, ROOT_FILE(0644), errp))
            return false;
    } else {
        log_warn("Neither the image nor the host has data about the time zone %s", zone);
        return true;
    }
    return root_put(apply->root, "/etc/timezone", sv_of(line), ROOT_FILE(0644), errp);
}

bool apply_names(const struct apply *apply, struct err **errp)
{
    const struct seed *seed = apply->seed;
    auto_sb struct sb hosts = { 0 }, new_hosts = { 0 }, env = { 0 }, new_env = { 0 };
    auto_mem char *hostname = mem_printf("%s\n", seed->hostname);

    if (!read_etc(apply->root, "/etc/hosts", &hosts, errp) ||
        !read_etc(apply->root, "/etc/environment", &env, errp))
        return false;
    hosts_edit(sb_view(&hosts), seed->hostname, seed->gateway, &new_hosts);
    environment_edit(sb_view(&env), apply->environment, &new_env);
    if (seed->hostname[0] &&
        !root_put(apply->root, "/etc/hostname", sv_of(hostname), ROOT_FILE(0644), errp))
        return false;
    return replace_etc(apply->root, "/etc/hosts", &new_hosts, ROOT_FILE(0644), errp) &&
           replace_etc(apply->root, "/etc/environment", &new_env, ROOT_FILE(0644), errp) &&
           apply_timezone(apply, errp) && apply_machine_id(apply, errp);
}

static bool apply_networkd(const struct apply *apply, struct err **errp)
{
    /* In /run: what an earlier seed said does not stay, and a file of the user in /etc wins. */
    if (!root_make_dir(apply->root, "/run/systemd/network", 0755, errp))
        return false;
    for (size_t i = 0; i < apply->seed->nics.n; i++) {
        const char *name = apply->seed->nics.v[i].name;
        auto_mem char *network = mem_printf("/run/systemd/network/10-lima-%s.network", name);
        auto_mem char *link = mem_printf("/run/systemd/network/10-lima-%s.link", name);
        auto_sb struct sb network_text = { 0 }, link_text = { 0 };

        netconf_networkd(apply->seed, i, &network_text);
        netconf_link(apply->seed, i, &link_text);
        if (!root_put(apply->root, network, sb_view(&network_text), ROOT_FILE(0644), errp) ||
            !root_put(apply->root, link, sb_view(&link_text), ROOT_FILE(0644), errp))
            return false;
    }
    return true;
}

static bool is_resolv_conf_managed(const struct root *root)
{
    auto_fd int etc_fd = -1;
    struct stat st;

    return root_open_file(root, "/etc", O_RDONLY | O_DIRECTORY, &etc_fd, NULL) &&
           fstatat(etc_fd, "resolv.conf", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

bool apply_network(const struct apply *apply, struct err **errp)
{
    auto_sb struct sb text = { 0 };

    if (root_has(apply->root,
                 "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service"))
        return apply_networkd(apply, errp);

    if (root_has(apply->root, "/etc/network/interfaces.d")) {
        netconf_ifupdown(apply->seed, &text);
        if (!root_put(apply->root, "/etc/network/interfaces.d/10-lima", sb_view(&text),
                      ROOT_FILE(0644), errp))
            return false;
        sb_truncate(&text, 0);
    }
    netconf_resolv(apply->seed, &text);
    if (text.n == 0 || is_resolv_conf_managed(apply->root))
        return true;
    return root_put(apply->root, "/etc/resolv.conf", sb_view(&text), ROOT_FILE(0644), errp);
}

static bool put_unit(const struct apply *apply, const char *name, const struct sb *text,
                     bool is_enabled, struct err **errp)
{
    auto_mem char *path = mem_printf(UNIT_DIR "/%s", name);
    auto_mem char *link = mem_printf(UNIT_DIR "/" UNIT_WANTED_BY "/%s", name);

    return root_put(apply->root, path, sb_view(text), ROOT_FILE(0644), errp) &&
           (is_enabled ? root_put_link(apply->root, link, path, errp)
                       : root_remove(apply->root, link, errp));
}

bool apply_agent(const struct apply *apply, struct err **errp)
{
    const struct seed *seed = apply->seed;
    auto_mem char *dir = path_join(seed->prefix, "bin");
    auto_mem char *program = path_join(dir, AGENT_NAME);
    auto_sb struct sb daemon = { 0 }, boot = { 0 };

    if (!root_make_dir(apply->root, dir, 0755, errp) ||
        !root_put(apply->root, program, apply->agent, ROOT_FILE(0755), errp))
        return false;
    if (!root_has(apply->root, "/lib/systemd/systemd"))
        return true;
    unit_render_daemon(&(struct unit_options){ .program = program,
                                               .vsock_port = seed->vsock_port,
                                               .virtio_port = seed->virtio_port,
                                               .socket_owner = seed->uid },
                       &daemon);
    unit_render_boot(program, &boot);
    return root_make_dir(apply->root, UNIT_DIR "/" UNIT_WANTED_BY, 0755, errp) &&
           put_unit(apply, UNIT_DAEMON, &daemon, !seed->plain, errp) &&
           put_unit(apply, UNIT_BOOT, &boot, true, errp);
}

bool apply_seed(const struct apply *apply, struct err **errp)
{
    gid_t gid;

    return apply_account(apply, &gid, errp) && apply_names(apply, errp) &&
           apply_network(apply, errp) && apply_agent(apply, errp) &&
           root_commit(apply->root, errp) &&
           /* the home last: it is complete as soon as it exists */
           apply_home(apply, gid, errp) && root_commit(apply->root, errp);
}
