/* Styles and comments of values: read by functions, set by "VALUE style = X". */
#include <ctype.h>

#include "base/mem.h"
#include "lang/expr/expr_priv.h"

static const char *const style_names[] = {
    [YAML_STYLE_AUTO] = "",           [YAML_STYLE_PLAIN] = "",
    [YAML_STYLE_SINGLE] = "single",   [YAML_STYLE_DOUBLE] = "double",
    [YAML_STYLE_LITERAL] = "literal", [YAML_STYLE_FOLDED] = "folded",
    [YAML_STYLE_FLOW] = "flow",
};

static void get_style(const struct item *item, struct sb *out)
{
    sb_puts(out, style_names[item->node->style]);
}

static bool set_style(struct eval *ev, const struct node *e, struct item *item, struct sv text,
                      struct err **errp)
{
    struct yaml_node *node = item->node;
    size_t style = 0;

    while (style < COUNT(style_names) && !sv_eq_str(text, style_names[style]))
        style++;
    if (style == COUNT(style_names))
        return eval_fail(ev, e, errp, "unknown style `%.*s`", SV_ARG(text));
    /* A quoted number would be a text. */
    if ((node->kind == YAML_SCALAR && node->tag == YAML_TAG_STR) || style == YAML_STYLE_AUTO ||
        (style == YAML_STYLE_FLOW && node->kind != YAML_SCALAR))
        node->style = (enum yaml_style)style;
    return true;
}

/* Without "# " in front of each line. */
static void get_comment(const char *comment, struct sb *out)
{
    struct sv text = sv_trim(sv_of(comment)), line;

    while (sv_next_line(&text, &line)) {
        line = sv_trim(line);
        if (sv_starts(line, SV("#")))
            line = sv_slice(line, 1 + sv_starts(line, SV("# ")), line.n);
        if (out->n > 0)
            sb_putc(out, '\n');
        sb_put(out, line);
    }
}

/* Puts "# " in front of each line. */
static bool put_comment(struct eval *ev, const struct node *e, struct sb *out, struct sv text,
                        struct err **errp)
{
    struct sv line;

    for (size_t i = 0; i < text.n; i++)
        if (iscntrl((unsigned char)text.p[i]) && text.p[i] != '\n' && text.p[i] != '\t')
            return eval_fail(ev, e, errp, "a comment cannot hold control characters");
    while (sv_next_line(&text, &line)) {
        line = sv_trim(line);
        if (line.n > 0 && !sv_starts(line, SV("#")))
            sb_puts(out, "# ");
        sb_put(out, line);
        sb_putc(out, '\n');
    }
    return true;
}

static void get_line_comment(const struct item *item, struct sb *out)
{
    get_comment(item->node->line, out);
}

static bool set_line_comment(struct eval *ev, const struct node *e, struct item *item,
                             struct sv text, struct err **errp)
{
    auto_sb struct sb comment = { 0 };
    struct sv line = sv_trim(text);

    if (sv_find(line, '\n') >= 0)
        return eval_fail(ev, e, errp, "a line comment is one line");
    if (!put_comment(ev, e, &comment, line, errp))
        return false;
    line = sv_trim(sb_view(&comment));
    item->node->line = line.n > 0 ? yaml_dup_text(ev->doc, line) : NULL;
    return true;
}

/* In a map the key has the comment. */
static struct yaml_node *head_owner(const struct item *item)
{
    struct yaml_entry *entry = item_entry(item);

    return entry && entry->key ? entry->key : item->node;
}

static void get_head_comment(const struct item *item, struct sb *out)
{
    get_comment(head_owner(item)->head, out);
}

static bool set_head_comment(struct eval *ev, const struct node *e, struct item *item,
                             struct sv text, struct err **errp)
{
    auto_sb struct sb comment = { 0 };

    if (!put_comment(ev, e, &comment, sv_trim(text), errp))
        return false;
    head_owner(item)->head = comment.n > 0 ? yaml_dup_text(ev->doc, sb_view(&comment)) : NULL;
    return true;
}

static const struct trait traits[] = {
    { "head_comment", get_head_comment, set_head_comment },
    { "line_comment", get_line_comment, set_line_comment },
    { "style", get_style, set_style },
};

const struct trait *trait_find(struct sv name)
{
    for (size_t i = 0; i < COUNT(traits); i++)
        if (sv_eq_str(name, traits[i].name))
            return &traits[i];
    return NULL;
}
