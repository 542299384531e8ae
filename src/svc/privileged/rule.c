#include "svc/privileged/block_device.h"

#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/sb.h"
#include "wire/privileged.h"

enum { SERIAL_LEN_MAX = 20 };

char *block_device_serial(const char *path)
{
    auto_sb struct sb out = { 0 };

    for (const char *p = path_base(path); *p && *p != '/' && out.n < SERIAL_LEN_MAX; p++)
        sb_putc(&out, isascii(*p) && (isalnum(*p) || strchr("-_.", *p)) ? *p : '-');
    if (out.n == 0)
        sb_puts(&out, "block-device");
    return sb_steal(&out);
}

/* Words of a rule: what is special there gets a backslash, what cannot be had is refused. */
static bool put_word(struct sb *out, const char *word, struct err **errp)
{
    for (const char *p = word; *p; p++) {
        if (strchr(",:=\\", *p))
            sb_putc(out, '\\');
        else if (!isascii(*p) || !(isalnum(*p) || strchr("/._-+@%~", *p)))
            return err_set(errp, ERR_INVALID, "sudoers cannot name \"%s\"", word);
        sb_putc(out, *p);
    }
    return true;
}

static bool is_plain_name(const char *user)
{
    if (!isalpha((unsigned char)*user) && *user != '_')
        return false;
    for (const char *p = user; *p; p++)
        if (!isascii(*p) || !(islower(*p) || isdigit(*p) || strchr("_-.", *p)))
            return false;
    return true;
}

bool block_device_rule(const char *user, uid_t uid, const char *program, const char *device,
                       char **out_rule, struct err **errp)
{
    auto_sb struct sb out = { 0 };

    /* A name with capitals would be an alias, one with other characters something else. */
    if (is_plain_name(user))
        sb_puts(&out, user);
    else
        sb_putf(&out, "#%u", (unsigned)uid);
    sb_puts(&out, " ALL=(root:root) NOPASSWD:NOSETENV: ");
    if (!put_word(&out, program, errp))
        return false;
    sb_puts(&out, " " PRIVILEGED_BLOCK_DEVICE " ");
    if (!put_word(&out, device, errp))
        return false;
    *out_rule = sb_steal(&out);
    return true;
}
