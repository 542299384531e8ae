/*
 * Comments and blank lines lie in the gaps between nodes. The tree is walked in source order with a
 * cursor in the text; what a gap holds is gathered in "pending" and handed out when the next entry
 * (a pair of a mapping, an item of a sequence) begins:
 *
 *     a:
 *       b: 1     # behind something on its line: the line comment of that node
 *         # deeper than the entry that follows: foot comment of the deepest entry of the
 *       # chain a > b that is not deeper than the comment itself
 *     # from the first comment that is not deeper on: head comment of the following entry
 *     c: 2
 */
#include <assert.h>
#include <string.h>

#include "base/vec.h"
#include "lang/yaml/node_priv.h"

struct pending_line {
    unsigned column; /* 0 when it does not stand on a line of its own */
    struct sv text;  /* from '#' to the end of the line; empty for a blank line */
};

struct link {
    struct yaml_node *owner; /* the key of a pair, or the item */
    unsigned column;
};

struct attach {
    struct yaml_doc *doc;
    struct sv text;
    size_t pos;
    VEC(struct pending_line) pending;
    VEC(struct link) chain; /* the entries that the cursor is in, outermost first */
    struct yaml_node *last; /* what a line comment belongs to; NULL behind "-" and "[" */
    size_t last_end;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Called for every byte: what cannot begin a break leaves at once. */
size_t yaml_break_at(struct sv text, size_t at)
{
    struct sv rest = sv_slice(text, at, text.n);

    if (rest.n == 0)
        return 0;
    switch ((unsigned char)rest.p[0]) {
    case '\n':
        return 1;
    case '\r':
        return rest.n > 1 && rest.p[1] == '\n' ? 2 : 1;
    case 0xc2: /* next line */
        return sv_starts(rest, SV("\xc2\x85")) ? 2 : 0;
    case 0xe2: /* line and paragraph separator */
        return sv_starts(rest, SV("\xe2\x80\xa8")) || sv_starts(rest, SV("\xe2\x80\xa9")) ? 3 : 0;
    default:
        return 0;
    }
}

static bool is_line_start(struct sv text, size_t at)
{
    return at == 0 || text.p[at - 1] == '\n' || text.p[at - 1] == '\r' ||
           (at >= 2 && yaml_break_at(text, at - 2) == 2) ||
           (at >= 3 && yaml_break_at(text, at - 3) == 3);
}

/* Blanks, line breaks and the end. */
static bool is_gap(struct sv text, size_t at)
{
    return at >= text.n || is_blank(text.p[at]) || yaml_break_at(text, at);
}

static size_t line_end(struct sv text, size_t at)
{
    while (at < text.n && !yaml_break_at(text, at))
        at++;
    return at;
}

/* The column of offset at; *out_own_line says whether only blanks precede it on its line. */
static unsigned column_at(const struct attach *a, size_t at, bool *out_own_line)
{
    size_t start = at;
    bool own_line = true;

    while (!is_line_start(a->text, start)) {
        start--;
        own_line = own_line && is_blank(a->text.p[start]);
    }
    *out_own_line = own_line;
    return (unsigned)(at - start) + 1;
}

static bool follows_last(const struct attach *a, size_t at)
{
    return a->last && line_end(a->text, a->last_end) >= at;
}

static void take_comment(struct attach *a)
{
    size_t end = line_end(a->text, a->pos);
    struct sv comment = sv_trim(sv_slice(a->text, a->pos, end));
    bool own_line;
    unsigned column = column_at(a, a->pos, &own_line);

    if (!own_line && follows_last(a, a->pos) && !a->last->line)
        a->last->line = yaml_dup_text(a->doc, comment);
    else
        *vec_push(&a->pending) = (struct pending_line){ own_line ? column : 0, comment };
    a->pos = end;
}

/* Moves the cursor to offset until, or behind the first indicator character stop. Returns where the
 * indicator is. */
static size_t scan(struct attach *a, size_t until, char stop)
{
    if (until > a->text.n)
        until = a->text.n;
    while (a->pos < until) {
        size_t at = a->pos;
        char c = a->text.p[at];
        bool starts_word = is_line_start(a->text, at) || is_blank(a->text.p[at - 1]);
        size_t n_break = yaml_break_at(a->text, at);
        bool own_line;

        if (c == '#' && starts_word) {
            take_comment(a);
            continue;
        }
        a->pos += n_break ? n_break : 1;
        if (n_break) {
            (void)column_at(a, at, &own_line);
            if (own_line)
                *vec_push(&a->pending) = (struct pending_line){ 0, { NULL, 0 } };
        } else if (c == '&' || c == '!' || c == '*') {
            while (a->pos < until && !is_gap(a->text, a->pos))
                a->pos++; /* an anchor or a tag */
        } else if (c == stop && (c != '-' || is_gap(a->text, at + 1))) {
            return at;
        }
    }
    return a->pos;
}

/* Appends pending lines [from, to) to what old has. */
static const char *join_lines(struct attach *a, const char *old, size_t from, size_t to,
                              unsigned owner_column)
{
    auto_sb struct sb out = { 0 };

    if (from == to)
        return old;
    sb_puts(&out, old ? old : "");
    for (size_t i = from; i < to; i++) {
        const struct pending_line *line = &a->pending.v[i];

        for (unsigned k = owner_column; line->text.n && k < line->column; k++)
            sb_putc(&out, ' ');
        sb_put(&out, line->text);
        sb_putc(&out, '\n');
    }
    return yaml_dup_text(a->doc, sb_view(&out));
}

static void give_foot(struct attach *a, size_t i_link, size_t from, size_t to)
{
    const struct link *link = &a->chain.v[i_link];

    link->owner->foot = join_lines(a, link->owner->foot, from, to, link->column);
}

/* Hands the leading pending lines that are indented deeper than column to entries of the chain from
 * level on; returns how many that were. */
static size_t give_foot_comments(struct attach *a, size_t level, unsigned column)
{
    size_t given = 0, end = 0; /* lines [given, end) go to the deepest entry */
    size_t deepest = a->chain.n;

    for (size_t i = 0; i < a->pending.n && deepest > level; i++) {
        const struct pending_line *line = &a->pending.v[i];
        size_t depth = deepest;

        if (line->text.n == 0)
            continue; /* goes with the comment below it */
        if (line->column <= column)
            break;
        while (depth > level + 1 && a->chain.v[depth - 1].column > line->column)
            depth--;
        if (depth != deepest) {
            give_foot(a, deepest - 1, given, end);
            given = end;
            deepest = depth;
        }
        end = i + 1;
    }
    if (end > given)
        give_foot(a, deepest - 1, given, end);
    return end;
}

/* The comment at the top of the text, up to a blank line, belongs to the document. */
static size_t give_document_head(struct attach *a)
{
    size_t end = 0;
    bool has_comment = false;

    for (size_t i = 0; i < a->pending.n; i++) {
        has_comment = has_comment || a->pending.v[i].text.n > 0;
        if (has_comment && a->pending.v[i].text.n == 0)
            end = i + 1;
    }
    a->doc->head = join_lines(a, NULL, 0, end, 1);
    return end;
}

/* Begins an entry: owner gets the head comments. */
static void begin_entry(struct attach *a, size_t level, struct yaml_node *owner, unsigned column)
{
    size_t given =
        a->chain.n == 0 && !a->last ? give_document_head(a) : give_foot_comments(a, level, column);

    owner->head = join_lines(a, owner->head, given, a->pending.n, column);
    a->pending.n = 0;
    while (a->chain.n > level)
        a->chain.n--;
    *vec_push(&a->chain) = (struct link){ owner, column };
}

static void pass(struct attach *a, struct yaml_node *node, size_t end)
{
    if (end > a->pos)
        a->pos = end;
    a->last = node;
    a->last_end = a->pos;
}

/* A last line of nothing but blanks is content. */
static bool ends_in_blanks(struct sv text)
{
    size_t n;

    while (text.n > 0 && text.p[text.n - 1] == '\n')
        text.n--;
    n = text.n;
    while (n > 0 && is_blank(text.p[n - 1]))
        n--;
    return n < text.n && (n == 0 || text.p[n - 1] == '\n');
}

/* The blank lines below a block scalar are layout unless its header says "+". */
static void walk_block_scalar(struct attach *a, struct yaml_node *node)
{
    size_t end = node->end.offset;
    size_t start = scan(a, end, node->style == YAML_STYLE_LITERAL ? '|' : '>');
    struct sv header = sv_slice(a->text, start, line_end(a->text, start));
    bool keeps = false;

    /* Blank lines between a dash, a key or a tag and the header are no layout. */
    while (a->pending.n > 0 && a->pending.v[a->pending.n - 1].text.n == 0)
        a->pending.n--;
    for (size_t i = 1; i < header.n; i++) {
        if (header.p[i] == '#' && is_blank(header.p[i - 1])) {
            node->line = yaml_dup_text(a->doc, sv_trim(sv_slice(header, i, header.n)));
            break;
        }
        keeps = keeps || header.p[i] == '+';
    }
    keeps = keeps || ends_in_blanks(node->text);
    while (!keeps && end > start + 1 && strchr(" \t\r\n", a->text.p[end - 1]))
        end--;
    pass(a, node, end);
}

static void walk(struct attach *a, struct yaml_node *node, size_t level);

static void walk_flow(struct attach *a, struct yaml_node *node)
{
    struct yaml_node *owner = NULL;

    (void)scan(a, node->end.offset, node->kind == YAML_SEQ ? '[' : '{');
    a->last = NULL;
    for (size_t i = 0; i < node->n; i++) {
        struct yaml_entry *entry = &node->entries[i];

        owner = entry->key ? entry->key : entry->value;
        if (owner->start.offset < owner->end.offset)
            (void)scan(a, owner->start.offset, '\0');
        owner->head = join_lines(a, owner->head, 0, a->pending.n, UINT32_MAX);
        a->pending.n = 0;
        walk(a, owner, a->chain.n);
        if (entry->key)
            walk(a, entry->value, a->chain.n);
    }
    (void)scan(a, node->end.offset, '\0');
    if (owner)
        owner->foot = join_lines(a, owner->foot, 0, a->pending.n, UINT32_MAX);
    a->pending.n = 0;
    pass(a, node, node->end.offset);
}

static void walk_block_seq(struct attach *a, struct yaml_node *node, size_t level)
{
    for (size_t i = 0; i < node->n; i++) {
        struct yaml_node *item = node->entries[i].value;
        size_t dash = scan(a, a->text.n, '-');
        bool own_line;

        begin_entry(a, level, item, column_at(a, dash, &own_line));
        a->last = item->kind == YAML_SCALAR ? item : NULL;
        a->last_end = a->pos;
        walk(a, item, level + 1);
    }
}

static void walk_block_map(struct attach *a, struct yaml_node *node, size_t level)
{
    for (size_t i = 0; i < node->n; i++) {
        struct yaml_entry *entry = &node->entries[i];
        struct yaml_node *key = entry->key;

        if (key->start.offset < key->end.offset)
            (void)scan(a, key->start.offset, '\0');
        begin_entry(a, level, key, key->start.column);
        walk(a, key, level + 1);
        walk(a, entry->value, level + 1);
    }
}

static void walk(struct attach *a, struct yaml_node *node, size_t level)
{
    if (node->kind == YAML_SCALAR || node->alias) {
        if (node->start.offset >= node->end.offset)
            return; /* an empty value has no place of its own */
        (void)scan(a, node->start.offset, '\0');
        if (node->style == YAML_STYLE_LITERAL || node->style == YAML_STYLE_FOLDED)
            walk_block_scalar(a, node);
        else
            pass(a, node, node->end.offset);
    } else if (node->style == YAML_STYLE_FLOW) {
        (void)scan(a, node->start.offset, '\0');
        walk_flow(a, node);
    } else if (node->kind == YAML_SEQ) {
        walk_block_seq(a, node, level);
    } else {
        walk_block_map(a, node, level);
    }
}

void yaml_attach_comments(struct yaml_doc *doc, struct sv text, size_t start)
{
    struct attach a = { .doc = doc, .text = text, .pos = start };
    size_t given;

    if (doc->root->kind == YAML_SCALAR || doc->root->style == YAML_STYLE_FLOW) {
        if (doc->root->start.offset < doc->root->end.offset) {
            (void)scan(&a, doc->root->start.offset, '\0');
            begin_entry(&a, 0, doc->root, 1);
        }
    }
    walk(&a, doc->root, 0);
    (void)scan(&a, text.n, '\0');
    given = give_foot_comments(&a, 0, 1);
    while (a.pending.n > given && a.pending.v[a.pending.n - 1].text.n == 0)
        a.pending.n--;
    doc->tail = join_lines(&a, NULL, given, a.pending.n, 1);
    vec_done(&a.pending);
    vec_done(&a.chain);
}
