#include "svc/ssh/keys.h"

#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/lock.h"
#include "sys/proc.h"

enum { KEY_FILE_MAX = 64 * 1024, KEYGEN_DEADLINE_MS = 60 * 1000, KEYGEN_OUTPUT_MAX = 4096 };

static bool keygen_run(const char *path, struct err **errp)
{
    auto_cmd struct cmd cmd = { .in = CMD_TO_NULL, .out = CMD_TO_NULL,
                                .err = CMD_TO_PIPE(KEYGEN_OUTPUT_MAX),
                                .deadline_ms = KEYGEN_DEADLINE_MS };

    strv_push_list(&cmd.argv, "ssh-keygen", "-t", "ed25519", "-q", "-N", "", "-C", "lima", "-f", path,
                   NULL);
    return cmd_check(&cmd, NULL, errp) ||
           err_hint(errp, "install OpenSSH's client, for example with \"apt install openssh-client\"");
}

/* The pair is made aside and moved into place, the private key last: where it is, both are. */
static bool keys_make(const char *config_dir, const char *private_path, const char *public_path,
                      struct err **errp)
{
    auto_mem char *prefix = path_join(config_dir, ".keygen-");
    auto_mem char *temp_dir = NULL;
    auto_mem char *new_private = NULL;
    auto_mem char *new_public = NULL;
    bool ok;

    if (!dir_make_temp(prefix, &temp_dir, errp))
        return false;
    new_private = path_join(temp_dir, "user");
    new_public = mem_printf("%s.pub", new_private);
    ok = keygen_run(new_private, errp) && file_rename(new_public, public_path, errp) &&
         file_rename(new_private, private_path, errp) && dir_sync(config_dir, errp);
    if (!dir_remove_tree(temp_dir, NULL))
        log_debug("cannot remove %s", temp_dir);
    return ok;
}

bool ssh_keys_ensure(const char *config_dir, struct err **errp)
{
    auto_mem char *private_path = path_join(config_dir, "user");
    auto_mem char *public_path = path_join(config_dir, "user.pub");
    auto_fd int lock = -1;

    if (file_exists(private_path) && file_exists(public_path))
        return true;
    if (!dir_make_all(config_dir, 0700, errp) || !lock_dir(config_dir, LOCK_WAIT, &lock, errp))
        return err_wrap(errp, "making the ssh key pair");
    if (file_exists(private_path) && file_exists(public_path))
        return true; /* somebody was faster */
    return keys_make(config_dir, private_path, public_path, errp) ||
           err_wrap(errp, "making the ssh key pair");
}

/* Names of *.pub in ~/.ssh; none when there is no such directory. */
static void list_pub_names(const char *home, char **out_dir, struct strv *out)
{
    auto_strv struct strv names = { 0 };

    *out_dir = path_join(home, ".ssh");
    if (!dir_list(*out_dir, &names, NULL))
        return;
    for (size_t i = 0; i < names.n; i++)
        if (str_ends(names.v[i], ".pub"))
            strv_push(out, names.v[i]);
}

bool ssh_keys_identities(const char *config_dir, const char *home, struct strv *out, struct err **errp)
{
    auto_mem char *own = path_join(config_dir, "user");
    auto_mem char *dir = NULL;
    auto_strv struct strv names = { 0 };

    if (!file_exists(own)) {
        (void)err_set(errp, ERR_NOT_FOUND, "the ssh key %s is missing", own);
        return err_hint(errp, "it is made when an instance is created");
    }
    strv_push(out, own);
    if (!home)
        return true;
    list_pub_names(home, &dir, &names);
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *path = path_join(dir, names.v[i]);

        path[strlen(path) - strlen(".pub")] = '\0';
        if (file_is_regular(path))
            strv_push(out, path);
    }
    return true;
}

/* "TYPE BASE64 [COMMENT]" on one line. */
static bool is_public_key(struct sv text)
{
    struct sv type = { 0 };

    return sv_find(text, '\n') < 0 && sv_next(&text, ' ', &type) && text.n > 0 &&
           (sv_starts(type, SV("ssh-")) || sv_starts(type, SV("ecdsa-")) ||
            sv_starts(type, SV("sk-")));
}

static bool public_key_read(const char *path, struct strv *out, struct err **errp)
{
    auto_mem char *text = NULL;

    if (!file_read_text(path, KEY_FILE_MAX, &text, errp))
        return false;
    if (!is_public_key(sv_trim(sv_of(text))))
        return err_set(errp, ERR_INVALID, "%s is not a public ssh key", path);
    strv_push_sv(out, sv_trim(sv_of(text)));
    return true;
}

bool ssh_keys_public(const char *config_dir, const char *home, struct strv *out, struct err **errp)
{
    auto_mem char *own = path_join(config_dir, "user.pub");
    auto_mem char *dir = NULL;
    auto_strv struct strv names = { 0 };

    if (!public_key_read(own, out, errp))
        return false;
    if (!home)
        return true;
    list_pub_names(home, &dir, &names);
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *path = path_join(dir, names.v[i]);
        auto_err struct err *err = NULL;

        if (!public_key_read(path, out, &err))
            log_debug("left out: %s", err_text(err));
    }
    return true;
}
