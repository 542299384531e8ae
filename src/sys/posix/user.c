#include "sys/user.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sv.h"
#include "sys/sys_priv.h"

enum { PASSWD_BUF_MAX = 1 << 20 };

/* The account of uid: *out points into *out_buf; false when there is none. */
static bool account_find(uid_t uid, struct passwd *out, char **out_buf)
{
    for (size_t size = 4096; size <= PASSWD_BUF_MAX; size *= 2) {
        auto_mem char *buf = mem_alloc(size);
        struct passwd *found = NULL;
        int errnum = getpwuid_r(uid, out, buf, size, &found);

        if (errnum == ERANGE)
            continue;
        if (errnum || !found)
            return false;
        *out_buf = MOVE(buf);
        return true;
    }
    return false;
}

static const char *env_or(const char *key, const char *otherwise)
{
    const char *value = getenv(key);

    return value && *value ? value : otherwise;
}

bool user_current(struct user_info *out, struct err **errp)
{
    auto_mem char *buf = NULL;
    struct passwd account = { 0 };
    struct sv gecos, comment = { 0 };
    const char *home;
    uid_t uid = getuid();

    if (!account_find(uid, &account, &buf))
        account = (struct passwd){ 0 };
    home = env_or("HOME", account.pw_dir);
    if (!home || !*home)
        return err_set(errp, ERR_NOT_FOUND, "the user with id %u has no home directory: set HOME",
                       (unsigned)uid);

    gecos = sv_of(account.pw_gecos);
    *out = (struct user_info){
        .uid = uid,
        .gid = getgid(),
        .name = account.pw_name ? mem_strdup(account.pw_name) : mem_printf("%u", (unsigned)uid),
        .home = mem_strdup(home),
        .shell = mem_strdup(env_or("SHELL", account.pw_shell && *account.pw_shell
                                                ? account.pw_shell : "/bin/sh")),
    };
    (void)sv_next(&gecos, ',', &comment);
    out->gecos = sv_dup(comment);
    return true;
}

void user_info_done(struct user_info *info)
{
    free(info->name);
    free(info->gecos);
    free(info->home);
    free(info->shell);
    *info = (struct user_info){ 0 };
}
