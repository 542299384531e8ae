#include "svc/ssh/options.h"

#include "base/mem.h"
#include "base/path.h"
#include "base/sb.h"

/* A path as ssh reads it back: in quotes, percent signs doubled. */
static bool add_path(struct strv *out, const char *key, const char *path, struct err **errp)
{
    auto_sb struct sb value = { 0 };

    if (strpbrk(path, "\r\n\""))
        return err_set(errp, ERR_INVALID,
                       "%s of ssh cannot hold a line break or a double quote: %s", key, path);
    sb_putf(&value, "%s=\"", key);
    for (; *path; path++) {
        if (*path == '%')
            sb_putc(&value, '%');
        sb_putc(&value, *path);
    }
    sb_putc(&value, '"');
    strv_push_take(out, sb_steal(&value));
    return true;
}

static void add_ciphers(const struct ssh_client *client, struct strv *out)
{
    unsigned major = client->version.major, minor = client->version.minor;

    if (major < 8 || (major == 8 && minor < 1))
        return; /* does not know the ^ that puts ciphers in front */
    strv_push(out, client->has_aes
                       ? "Ciphers=\"^aes128-gcm@openssh.com,aes256-gcm@openssh.com\""
                       : "Ciphers=\"^chacha20-poly1305@openssh.com\"");
}

bool ssh_options(const struct ssh_client *client, const struct ssh_params *params, struct strv *out,
                 struct err **errp)
{
    auto_mem char *control_path = path_join(params->inst_dir, "ssh.sock");

    for (size_t i = 0; i < params->identities->n; i++)
        if (!add_path(out, "IdentityFile", params->identities->v[i], errp))
            return false;
    strv_push_list(out, "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null",
                   "NoHostAuthenticationForLocalhost=yes", "PreferredAuthentications=publickey",
                   "Compression=no", "BatchMode=yes", "IdentitiesOnly=yes", NULL);
    if (client->has_gssapi)
        strv_push(out, "GSSAPIAuthentication=no");
    add_ciphers(client, out);

    if (strpbrk(params->user, "\r\n"))
        return err_set(errp, ERR_INVALID, "the name of the guest's user holds a line break");
    strv_pushf(out, "User=%s", params->user);
    strv_push(out, "ControlMaster=auto");
    if (!add_path(out, "ControlPath", control_path, errp))
        return false;
    strv_push(out, "ControlPersist=yes");
    if (params->forward_agent)
        strv_push(out, "ForwardAgent=yes");
    if (params->forward_x11)
        strv_push(out, "ForwardX11=yes");
    if (params->forward_x11_trusted)
        strv_push(out, "ForwardX11Trusted=yes");
    return true;
}

void ssh_options_without_master(const struct strv *options, struct strv *out)
{
    strv_push_list(out, "ControlMaster=no", "ControlPath=none", "ControlPersist=no", NULL);
    for (size_t i = 0; i < options->n; i++)
        if (!str_starts(options->v[i], "ControlMaster=") &&
            !str_starts(options->v[i], "ControlPath=") &&
            !str_starts(options->v[i], "ControlPersist="))
            strv_push(out, options->v[i]);
}

void ssh_argv_begin(const struct strv *program, const struct strv *options, struct strv *argv)
{
    strv_extend(argv, program);
    strv_push_list(argv, "-F", "/dev/null", NULL);
    for (size_t i = 0; i < options->n; i++)
        strv_push_list(argv, "-o", options->v[i], NULL);
    /* Always: a shared connection passes on only what ssh was told to send when it was opened. */
    strv_push_list(argv, "-o", "SendEnv=COLORTERM", NULL);
}

void ssh_argv_target(uint16_t port, const char *address, struct strv *argv)
{
    strv_push(argv, "-p");
    strv_pushf(argv, "%u", port);
    strv_push(argv, address);
}

void ssh_argv_master(const struct strv *program, const struct strv *options, const char *order,
                     uint16_t port, const char *address, struct strv *argv)
{
    ssh_argv_begin(program, options, argv);
    strv_push_list(argv, "-O", order, NULL);
    ssh_argv_target(port, address, argv);
}

void ssh_argv_command(const struct strv *program, const struct strv *options, uint16_t port,
                      const char *address, const char *const *words, struct strv *argv)
{
    ssh_argv_begin(program, options, argv);
    ssh_argv_target(port, address, argv);
    strv_push(argv, "--");
    for (; *words; words++)
        strv_push(argv, *words);
}
