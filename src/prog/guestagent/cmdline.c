#include "prog/guestagent/cmdline.h"

#include <ctype.h>

#include "base/mem.h"
#include "base/sb.h"
#include "wire/initrd.h"

/* Takes the next word without its quotes; false at the end. */
static bool next_word(struct sv *text, struct sb *word)
{
    bool quoted = false;
    size_t i = 0;

    *text = sv_trim(*text);
    if (text->n == 0)
        return false;
    sb_truncate(word, 0);
    for (; i < text->n && (quoted || !isspace((unsigned char)text->p[i])); i++) {
        if (text->p[i] == '"')
            quoted = !quoted;
        else
            sb_putc(word, text->p[i]);
    }
    *text = sv_slice(*text, i, text->n);
    return true;
}

static bool take_option(const char *word, const char *key, char **value)
{
    if (!str_starts(word, key) || !word[strlen(key)])
        return false;
    mem_replace(value, mem_strdup(word + strlen(key)));
    return true;
}

void cmdline_parse(struct sv text, struct cmdline *out)
{
    auto_sb struct sb word = { 0 };
    bool is_rest = false;

    *out = (struct cmdline){ .root = mem_strdup("LABEL=" INITRD_ROOT_LABEL),
                             .root_type = mem_strdup("ext4"),
                             .root_flags = mem_strdup(""),
                             .init = mem_strdup("/sbin/init") };
    while (next_word(&text, &word)) {
        const char *w = sb_str(&word);

        if (is_rest) {
            strv_push(&out->rest, w);
            continue;
        }
        if (take_option(w, "root=", &out->root) || take_option(w, "rootfstype=", &out->root_type) ||
            take_option(w, "rootflags=", &out->root_flags) || take_option(w, "init=", &out->init))
            continue;
        if (str_eq(w, "ro") || str_eq(w, "rw"))
            out->read_only = str_eq(w, "ro");
        else if (str_eq(w, INITRD_CMDLINE_MARK))
            out->is_marked = true;
        else if (str_eq(w, INITRD_CMDLINE_SUPERVISE))
            out->is_supervised = true;
        else if (str_eq(w, "--"))
            is_rest = true;
    }
}

void cmdline_done(struct cmdline *cmdline)
{
    free(cmdline->root);
    free(cmdline->root_type);
    free(cmdline->root_flags);
    free(cmdline->init);
    strv_done(&cmdline->rest);
    *cmdline = (struct cmdline){ 0 };
}
