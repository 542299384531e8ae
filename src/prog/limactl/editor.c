#include "prog/limactl/editor.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/sb.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/proc.h"

/* Largest text taken back. */
#define TEXT_MAX ((size_t)4 << 20)

/* First of $VISUAL, $EDITOR and the usual ones that is a program; values are not split. */
static bool find_editor(char **out, struct err **errp)
{
    const char *candidates[] = { getenv("VISUAL"), getenv("EDITOR"), "editor", "vim", "vi", "emacs" };

    for (size_t i = 0; i < COUNT(candidates); i++) {
        if (!candidates[i] || !candidates[i][0])
            continue;
        if (proc_find_program(candidates[i], out, NULL))
            return true;
    }
    return err_set(errp, ERR_NOT_FOUND, "could not detect a text editor binary") ||
           err_hint(errp, "set $EDITOR to one");
}

static bool edit_file(const char *path, struct err **errp)
{
    auto_cmd struct cmd cmd = { 0 };
    auto_mem char *editor = NULL;

    if (!find_editor(&editor, errp))
        return false;
    strv_push_list(&cmd.argv, editor, path, NULL);
    if (!cmd_check(&cmd, NULL, errp))
        return err_wrap(errp, "could not execute the editor %s for a file %s", editor, path);
    return true;
}

static bool edit_in(const char *dir, const char *header, const char *text, char **out_text,
                    struct err **errp)
{
    auto_mem char *path = path_join(dir, "lima.yaml");
    auto_sb struct sb content = { 0 };
    auto_mem char *saved = NULL;
    size_t n_header = strlen(header);

    sb_puts(&content, header);
    sb_puts(&content, text);
    if (!file_write_atomic(path, sb_view(&content), 0600, errp) || !edit_file(path, errp) ||
        !file_read_text(path, TEXT_MAX, &saved, errp))
        return false;
    *out_text = mem_strdup(strncmp(saved, header, n_header) == 0 ? saved + n_header : saved);
    return true;
}

bool editor_run(const char *header, const char *text, char **out_text, struct err **errp)
{
    const char *tmp = getenv("TMPDIR");
    auto_mem char *prefix = path_join(tmp && tmp[0] ? tmp : "/tmp", "lima-editor-");
    auto_mem char *dir = NULL;
    auto_err struct err *why = NULL;
    bool ok;

    if (!dir_make_temp(prefix, &dir, errp))
        return false;
    ok = edit_in(dir, header, text, out_text, errp);
    if (!dir_remove_tree(dir, &why))
        log_debug("%s", err_text(why));
    return ok;
}
