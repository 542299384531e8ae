#include <string.h>

#include "base/map.h"
#include "lang/yaml/emit_priv.h"
#include "lang/yaml/yaml_text.h"

/*
 * Every put_* below starts where its text may begin and ends behind a line end, except for the flow
 * forms, which stay on the line. "indent" is the column of the block collection that is written;
 * the lines of block scalars and of nested mappings are STEP deeper.
 */

#define STEP              2u
#define LONGEST_PLAIN_KEY 1000u /* readers look ahead for ":" this far, at least */

struct emitter {
    struct sb *out;
    struct map anchors;    /* written so far: name -> node */
    unsigned block_indent; /* of a block scalar that the next line would continue, else 0 */
    bool block_keeps;      /* and blank lines would be its content */
};

static void put_blanks(struct emitter *e, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        sb_putc(e->out, ' ');
}

static void put_indent(struct emitter *e, unsigned indent)
{
    e->block_indent = 0;
    e->block_keeps = false;
    put_blanks(e, indent);
}

/* Whole comment lines; at the start of a line. */
static void put_comment_lines(struct emitter *e, const char *lines, unsigned indent)
{
    struct sv line, rest = sv_of(lines);

    while (rest.n > 0 && sv_next(&rest, '\n', &line)) {
        unsigned extra = 0;

        if (line.n == 0) {
            if (!e->block_keeps)
                sb_putc(e->out, '\n');
            continue;
        }
        while (extra < line.n && line.p[extra] == ' ')
            extra++;
        line = sv_slice(line, extra, line.n);
        if (e->block_indent && indent + extra >= e->block_indent)
            extra = 0;
        put_indent(e, indent + extra);
        sb_put(e->out, line);
        sb_putc(e->out, '\n');
    }
}

static void put_line_comment(struct emitter *e, const char *first, const char *second)
{
    const char *comment = first ? first : second;

    if (comment) {
        sb_puts(e->out, "  ");
        sb_puts(e->out, comment);
    }
}

/* An alias stays one as long as it still is what the anchor names. */
static bool is_live_alias(const struct emitter *e, const struct yaml_node *node)
{
    const struct yaml_node *target = node->alias ? map_get(&e->anchors, node->alias) : NULL;

    return target && yaml_equal(target, node);
}

/* Anchor and tag, without blanks around; false when there is neither. */
static bool put_properties(struct emitter *e, const struct yaml_node *node)
{
    if (node->anchor) {
        sb_putf(e->out, "&%s", node->anchor);
        map_set(&e->anchors, node->anchor, (void *)node);
    }
    if (node->custom_tag)
        sb_putf(e->out, "%s%s", node->anchor ? " " : "", node->custom_tag);
    return node->anchor || node->custom_tag;
}

static bool is_block_collection(const struct emitter *e, const struct yaml_node *node)
{
    return node->kind != YAML_SCALAR && node->n > 0 && node->style != YAML_STYLE_FLOW &&
           !is_live_alias(e, node);
}

static bool has_comments(const struct yaml_node *node)
{
    return node && (node->head || node->line || node->foot);
}

static bool needs_lines(const struct yaml_node *node)
{
    bool needs = node->multiline;

    for (size_t i = 0; i < node->n && !needs; i++) {
        const struct yaml_entry *entry = &node->entries[i];

        needs = has_comments(entry->key) || has_comments(entry->value) || needs_lines(entry->value);
    }
    return needs && node->n > 0;
}

static void put_flow(struct emitter *e, const struct yaml_node *node, unsigned indent);

static void put_flow_entry(struct emitter *e, const struct yaml_entry *entry, unsigned indent)
{
    if (entry->key) {
        if (entry->key->kind != YAML_SCALAR)
            sb_puts(e->out, "? ");
        put_flow(e, entry->key, indent);
        sb_puts(e->out,
                is_live_alias(e, entry->key) || entry->key->kind != YAML_SCALAR ? " : " : ": ");
    }
    put_flow(e, entry->value, indent);
}

static void put_flow_lines(struct emitter *e, const struct yaml_node *node, unsigned indent)
{
    sb_putc(e->out, '\n');
    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_entry *entry = &node->entries[i];
        const struct yaml_node *owner = entry->key ? entry->key : entry->value;

        put_comment_lines(e, owner->head, indent + STEP);
        put_indent(e, indent + STEP);
        put_flow_entry(e, entry, indent + STEP);
        if (i + 1 < node->n)
            sb_putc(e->out, ',');
        put_line_comment(e, entry->value->line, entry->key ? entry->key->line : NULL);
        sb_putc(e->out, '\n');
        put_comment_lines(e, owner->foot, indent + STEP);
    }
    put_indent(e, indent);
}

/* A node that stays on the line, or spans lines inside brackets. */
static void put_flow(struct emitter *e, const struct yaml_node *node, unsigned indent)
{
    bool is_seq = node->kind == YAML_SEQ;

    if (is_live_alias(e, node)) {
        sb_putf(e->out, "*%s", node->alias);
        return;
    }
    if (put_properties(e, node))
        sb_putc(e->out, ' ');
    if (node->kind == YAML_SCALAR) {
        yaml_put_inline(e->out, node, YAML_PLACE_FLOW);
        return;
    }
    sb_putc(e->out, is_seq ? '[' : '{');
    if (needs_lines(node)) {
        put_flow_lines(e, node, indent);
    } else {
        for (size_t i = 0; i < node->n; i++) {
            sb_puts(e->out, i > 0 ? ", " : "");
            put_flow_entry(e, &node->entries[i], indent);
        }
    }
    sb_putc(e->out, is_seq ? ']' : '}');
}

static void put_block_scalar(struct emitter *e, const struct yaml_node *node, enum yaml_style style,
                             const char *comment, unsigned indent)
{
    auto_sb struct sb store = { 0 };
    struct yaml_block block = yaml_block_of(node, style, &store);
    struct sv line, rest = block.lines;

    sb_puts(e->out, block.header);
    put_line_comment(e, comment, NULL);
    sb_putc(e->out, '\n');
    while (rest.n > 0 && sv_next(&rest, '\n', &line)) {
        if (line.n > 0)
            put_blanks(e, indent + STEP);
        sb_put(e->out, line);
        sb_putc(e->out, '\n');
    }
    for (unsigned i = 0; i < block.blank_lines; i++)
        sb_putc(e->out, '\n');
    e->block_indent = indent + STEP;
    e->block_keeps = strchr(block.header, '+') != NULL;
}

/* A value that begins on the line of its key or dash. */
static void put_inline_value(struct emitter *e, const struct yaml_node *node, const char *comment,
                             unsigned indent)
{
    comment = node->line ? node->line : comment;
    if (node->kind == YAML_SCALAR && !is_live_alias(e, node)) {
        enum yaml_style style = yaml_choose_style(node, YAML_PLACE_BLOCK);
        bool is_block = style == YAML_STYLE_LITERAL || style == YAML_STYLE_FOLDED;

        if (put_properties(e, node) && (is_block || node->text.n > 0 || style != YAML_STYLE_PLAIN))
            sb_putc(e->out, ' ');
        if (is_block) {
            put_block_scalar(e, node, style, comment, indent);
            return;
        }
        yaml_put_inline(e->out, node, YAML_PLACE_BLOCK);
    } else {
        put_flow(e, node, indent);
    }
    put_line_comment(e, comment, NULL);
    sb_putc(e->out, '\n');
}

static bool is_empty_plain(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && node->text.n == 0 && node->tag == YAML_TAG_NULL &&
           node->style == YAML_STYLE_PLAIN && !node->anchor && !node->custom_tag && !node->alias;
}

static void put_block(struct emitter *e, const struct yaml_node *node, unsigned indent,
                      bool behind);

/* What follows "-", "?" or ":" of an explicit key. */
static void put_after_indicator(struct emitter *e, const struct yaml_node *node, unsigned indent)
{
    if (is_empty_plain(node)) {
        put_line_comment(e, node->line, NULL);
        sb_putc(e->out, '\n');
        return;
    }
    sb_putc(e->out, ' ');
    if (!is_block_collection(e, node)) {
        put_inline_value(e, node, NULL, indent);
        return;
    }

    bool own_line = put_properties(e, node) || node->line;

    if (own_line) {
        put_line_comment(e, node->line, NULL);
        sb_putc(e->out, '\n');
    }
    put_block(e, node, indent + STEP, !own_line);
}

/* What follows "key:". */
static void put_pair_value(struct emitter *e, const struct yaml_entry *pair, unsigned indent)
{
    const struct yaml_node *value = pair->value;

    if (is_empty_plain(value)) {
        put_line_comment(e, value->line, pair->key->line);
        sb_putc(e->out, '\n');
    } else if (!is_block_collection(e, value)) {
        sb_putc(e->out, ' ');
        put_inline_value(e, value, pair->key->line, indent);
    } else {
        if (value->anchor || value->custom_tag)
            sb_putc(e->out, ' ');
        (void)put_properties(e, value);
        put_line_comment(e, pair->key->line, value->line);
        sb_putc(e->out, '\n');
        put_block(e, value, value->kind == YAML_SEQ ? indent : indent + STEP, false);
    }
}

static bool is_simple_key(const struct emitter *e, const struct yaml_node *key)
{
    return is_live_alias(e, key) || (key->kind == YAML_SCALAR && key->text.n <= LONGEST_PLAIN_KEY);
}

static void put_pair(struct emitter *e, const struct yaml_entry *pair, unsigned indent)
{
    const struct yaml_node *key = pair->key;

    if (!is_simple_key(e, key)) {
        sb_putc(e->out, '?');
        put_after_indicator(e, key, indent);
        put_indent(e, indent);
        sb_putc(e->out, ':');
        put_after_indicator(e, pair->value, indent);
        return;
    }
    if (is_live_alias(e, key)) {
        sb_putf(e->out, "*%s ", key->alias);
    } else {
        if (put_properties(e, key))
            sb_putc(e->out, ' ');
        yaml_put_inline(e->out, key, YAML_PLACE_KEY);
    }
    sb_putc(e->out, ':');
    put_pair_value(e, pair, indent);
}

/* The head comment of an entry that begins behind a dash. */
static void put_head_behind(struct emitter *e, const char *head, unsigned indent)
{
    const char *end;

    while (head && (*head == '\n' || *head == ' '))
        head++;
    if (!head || !*head)
        return;
    end = strchr(head, '\n');
    sb_put_mem(e->out, head, (size_t)(end - head) + 1);
    put_comment_lines(e, end + 1, indent);
    put_indent(e, indent);
}

/* The entries of a collection. behind: the first one begins at the cursor, which stands at column
 * indent behind a dash; else at the start of a line. */
static void put_block(struct emitter *e, const struct yaml_node *node, unsigned indent, bool behind)
{
    for (size_t i = 0; i < node->n; i++) {
        const struct yaml_entry *entry = &node->entries[i];
        const struct yaml_node *owner = entry->key ? entry->key : entry->value;

        if (behind && i == 0) {
            put_head_behind(e, owner->head, indent);
        } else {
            put_comment_lines(e, owner->head, indent);
            put_indent(e, indent);
        }
        if (entry->key) {
            put_pair(e, entry, indent);
        } else {
            sb_putc(e->out, '-');
            put_after_indicator(e, entry->value, indent);
        }
        put_comment_lines(e, owner->foot, indent);
    }
}

static void put_root(struct emitter *e, const struct yaml_node *root)
{
    if (is_block_collection(e, root)) {
        if (put_properties(e, root))
            sb_putc(e->out, '\n');
        put_block(e, root, 0, false);
    } else if (!is_empty_plain(root)) {
        put_inline_value(e, root, NULL, 0);
    }
}

void yaml_emit_node(struct sb *out, const struct yaml_node *node)
{
    struct emitter e = { .out = out };

    put_root(&e, node);
    map_done(&e.anchors);
}

void yaml_emit(struct sb *out, const struct yaml_doc *doc)
{
    struct emitter e = { .out = out };
    bool is_block = is_block_collection(&e, doc->root);

    put_comment_lines(&e, doc->head, 0);
    if (!is_block)
        put_comment_lines(&e, doc->root->head, 0);
    put_root(&e, doc->root);
    if (!is_block)
        put_comment_lines(&e, doc->root->foot, 0);
    put_comment_lines(&e, doc->tail, 0);
    map_done(&e.anchors);
}

char *yaml_text(const struct yaml_doc *doc)
{
    auto_sb struct sb out = { 0 };

    yaml_emit(&out, doc);
    return sb_steal(&out);
}
