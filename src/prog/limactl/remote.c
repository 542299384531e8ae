#include "prog/limactl/remote.h"

#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "base/sb.h"

static bool is_mounted(const struct remote *remote, const char *path)
{
    if (!path)
        return false;
    if (remote->shares_all)
        return true;
    for (size_t i = 0; i < remote->mounts->n; i++)
        if (path_is_within(path, remote->mounts->v[i]))
            return true;
    return false;
}

static void put_cd(struct sb *out, const struct remote *remote)
{
    if (remote->workdir) {
        sb_puts(out, "cd ");
        quote_shell(out, sv_of(remote->workdir));
        sb_puts(out, " || exit 1");
    } else if (is_mounted(remote, remote->host_cwd)) {
        sb_puts(out, "cd ");
        quote_shell(out, sv_of(remote->host_cwd));
        if (remote->host_home) {
            sb_puts(out, " || cd ");
            quote_shell(out, sv_of(remote->host_home));
        }
    } else if (remote->host_cwd && is_mounted(remote, remote->host_home)) {
        sb_puts(out, "cd ");
        quote_shell(out, sv_of(remote->host_home));
    } else {
        sb_puts(out, "false");
    }
}

/* Always in single quotes, as the variables of --preserve-env are. */
static void put_quoted(struct sb *out, const char *text)
{
    sb_putc(out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            sb_puts(out, "'\"'\"'");
        else
            sb_putc(out, *text);
    }
    sb_putc(out, '\'');
}

/* Leading words with "=" are assignments: their names stay bare. */
static void put_command(struct sb *out, const struct strv *words)
{
    bool assignments = true;

    for (size_t i = 0; i < words->n; i++) {
        const char *word = words->v[i];
        const char *equals = strchr(word, '=');

        if (i > 0)
            sb_putc(out, ' ');
        assignments = assignments && equals;
        if (assignments) {
            sb_put_mem(out, word, (size_t)(equals + 1 - word));
            quote_shell(out, sv_of(equals + 1));
        } else {
            quote_shell(out, sv_of(word));
        }
    }
}

char *remote_script(const struct remote *remote, const struct strv *words)
{
    auto_sb struct sb out = { 0 };

    put_cd(&out, remote);
    sb_puts(&out, " ; exec ");
    if (remote->env && remote->env->n > 0) {
        sb_puts(&out, "env ");
        for (size_t i = 0; i < remote->env->n; i++) {
            put_quoted(&out, remote->env->v[i]);
            sb_putc(&out, ' ');
        }
    }
    if (remote->shell)
        quote_shell(&out, sv_of(remote->shell));
    else
        sb_puts(&out, "\"$SHELL\"");
    sb_puts(&out, " -l");
    if (words->n > 0) {
        auto_sb struct sb command = { 0 };

        put_command(&command, words);
        sb_puts(&out, " -c ");
        quote_shell(&out, sb_view(&command));
    }
    return sb_steal(&out);
}
