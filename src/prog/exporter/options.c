#include "prog/exporter/options.h"

#include <string.h>

#include "base/num.h"
#include "base/sv.h"

enum { REPLY_FD_MIN = 3, REPLY_FD_MAX = 1023 };

static bool parse_fd(const char *text, int *out)
{
    uint32_t fd;

    if (!text || !parse_u32(sv_of(text), &fd) || fd < REPLY_FD_MIN || fd > REPLY_FD_MAX)
        return false;
    *out = (int)fd;
    return true;
}

static bool is_absolute(const char *text)
{
    return text && text[0] == '/';
}

static bool check(const struct exporter_options *o, struct err **errp)
{
    if (!o->path)
        return err_set(errp, ERR_INVALID, "the absolute path of a folder is needed");
    if (o->sftp == (o->reply_fd >= 0))
        return err_set(errp, ERR_INVALID, "either --reply-fd or --sftp is needed");
    if (!o->sftp && (o->server || o->id || o->follow_links))
        return err_set(errp, ERR_INVALID, "--server, --id and --follow-links go with --sftp");
    return true;
}

bool exporter_options_parse(char *const *args, struct exporter_options *out, struct err **errp)
{
    struct exporter_options o = { .reply_fd = -1 };

    for (char *const *arg = args; *arg; arg++) {
        bool takes_value = false, ok = true;

        if (strcmp(*arg, "--read-only") == 0) {
            o.read_only = true;
        } else if (strcmp(*arg, "--sftp") == 0) {
            o.sftp = true;
        } else if (strcmp(*arg, "--follow-links") == 0) {
            o.follow_links = true;
        } else if (strcmp(*arg, "--reply-fd") == 0) {
            takes_value = true;
            ok = parse_fd(arg[1], &o.reply_fd);
        } else if (strcmp(*arg, "--id") == 0) {
            takes_value = true;
            ok = arg[1] && parse_u32(sv_of(arg[1]), &o.id);
        } else if (strcmp(*arg, "--server") == 0) {
            takes_value = true;
            ok = is_absolute(arg[1]);
            o.server = arg[1];
        } else if (is_absolute(*arg) && !o.path) {
            o.path = *arg;
        } else {
            ok = false;
        }
        if (!ok)
            return err_set(errp, ERR_INVALID, "unexpected argument \"%s\"", *arg);
        arg += takes_value;
    }
    *out = o;
    return check(&o, errp);
}
