#include <string.h>

#include <yaml.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/quote.h"
#include "lang/yaml/node_priv.h"
#include "lang/yaml/yaml_text.h"

/*
 * libyaml delivers events; the tree is built by recursive descent over them. Marks of libyaml count
 * characters, a cursor turns them into byte offsets. Comments are no events: they are found
 * afterwards in the text between the nodes (comments.c).
 */

#define BYTE_ORDER_MARK SV("\xef\xbb\xbf")

struct loader {
    yaml_parser_t parser;
    struct yaml_doc *doc;
    struct sv text;
    bool with_comments;
    size_t cursor_chars, cursor_bytes; /* the same place in both measures */
    struct map anchors;                /* name -> node; NULL while it is being read */
    size_t n_nodes;
};

static bool is_continuation(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t byte_offset(struct loader *l, size_t chars)
{
    while (l->cursor_chars < chars && l->cursor_bytes < l->text.n) {
        do
            l->cursor_bytes++;
        while (l->cursor_bytes < l->text.n && is_continuation(l->text.p[l->cursor_bytes]));
        l->cursor_chars++;
    }
    while (l->cursor_chars > chars) {
        do
            l->cursor_bytes--;
        while (is_continuation(l->text.p[l->cursor_bytes]));
        l->cursor_chars--;
    }
    return l->cursor_bytes;
}

static struct yaml_mark mark_of(struct loader *l, const yaml_mark_t *mark)
{
    return (struct yaml_mark){ .line = (unsigned)mark->line + 1,
                               .column = (unsigned)mark->column + 1,
                               .offset = byte_offset(l, mark->index) };
}

static bool fail_at(struct loader *l, const yaml_mark_t *mark, const char *text, struct err **errp)
{
    return err_set(errp, ERR_INVALID, "line %zu, column %zu: %s", mark->line + 1, mark->column + 1,
                   text);
}

/* The reader of libyaml only knows the byte it stumbled over. */
static bool fail_reader(struct loader *l, struct err **errp)
{
    size_t at = l->parser.problem_offset < l->text.n ? l->parser.problem_offset : l->text.n;
    yaml_mark_t mark = { 0 };

    for (size_t i = 0; i < at; i++) {
        if (l->text.p[i] == '\n') {
            mark.line++;
            mark.column = 0;
        } else if (!is_continuation(l->text.p[i])) {
            mark.column++;
        }
    }
    return fail_at(l, &mark, l->parser.problem, errp);
}

static bool fail_parser(struct loader *l, struct err **errp)
{
    const yaml_parser_t *parser = &l->parser;
    size_t at;

    if (parser->error == YAML_READER_ERROR)
        return fail_reader(l, errp);
    if (parser->error == YAML_MEMORY_ERROR)
        return err_set(errp, ERR_INTERNAL, "out of memory");

    at = byte_offset(l, parser->problem_mark.index);
    if (at < l->text.n && l->text.p[at] == '\t')
        return fail_at(l, &parser->problem_mark, "a tab cannot indent YAML, use blanks", errp);
    return fail_at(l, &parser->problem_mark, parser->problem, errp);
}

static bool next_event(struct loader *l, yaml_event_t *event, struct err **errp)
{
    return yaml_parser_parse(&l->parser, event) == 1 || fail_parser(l, errp);
}

static bool count_nodes(struct loader *l, size_t n, const yaml_mark_t *mark, struct err **errp)
{
    l->n_nodes += n;
    return l->n_nodes <= YAML_MAX_NODES ||
           fail_at(l, mark, "too many values (aliases may stand for too much)", errp);
}

static enum yaml_style scalar_style(yaml_scalar_style_t style)
{
    switch (style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
        return YAML_STYLE_SINGLE;
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        return YAML_STYLE_DOUBLE;
    case YAML_LITERAL_SCALAR_STYLE:
        return YAML_STYLE_LITERAL;
    case YAML_FOLDED_SCALAR_STYLE:
        return YAML_STYLE_FOLDED;
    default:
        return YAML_STYLE_PLAIN;
    }
}

/* Keeps a tag as written in short form and returns what it makes of a scalar. */
/* As it can stand behind "!" or "!!" without a %TAG line. */
static bool is_short_tag(const char *suffix)
{
    return suffix[strspn(
               suffix, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:")] == 0;
}

/* "!<tag:...>", with what is no character of a URI as %XX. */
static const char *verbatim_tag(struct loader *l, const char *tag)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_./:;?@&=+$,!~*'()";
    auto_sb struct sb out = { 0 };

    sb_puts(&out, "!<");
    for (; *tag; tag++)
        if (strchr(plain, *tag))
            sb_putc(&out, *tag);
        else
            sb_putf(&out, "%%%02X", (unsigned)(unsigned char)*tag);
    sb_putc(&out, '>');
    return yaml_dup_text(l->doc, sb_view(&out));
}

static enum yaml_tag explicit_tag(struct loader *l, struct yaml_node *node, const char *tag)
{
    static const char core[] = "tag:yaml.org,2002:";
    bool is_core = str_starts(tag, core);
    const char *suffix = is_core ? tag + strlen(core) : tag + (tag[0] == '!');
    auto_mem char *text = mem_printf("%s%s", is_core ? "!!" : "!", suffix);

    if ((is_core || tag[0] == '!') && is_short_tag(suffix))
        node->custom_tag = yaml_dup_text(l->doc, sv_of(text));
    else
        node->custom_tag = verbatim_tag(l, tag);
    if (strcmp(tag, "!") == 0)
        return YAML_TAG_STR;
    for (int i = 0; i < YAML_TAG_COUNT && is_core; i++)
        if (strcmp(text, yaml_tag_name((enum yaml_tag)i)) == 0)
            return (enum yaml_tag)i;
    return YAML_TAG_COUNT;
}

/* The lines of a folded scalar below its header, without their common indentation; nothing when the
 * header tells the indentation, for then the common one may be content, and when lines do not end
 * in LF. */
static struct sv folded_lines(struct loader *l, struct sv source)
{
    auto_sb struct sb out = { 0 };
    struct sv line, rest = source;
    size_t indent = SIZE_MAX;

    for (size_t i = 0; i < source.n; i++)
        if (source.p[i] != '\n' && yaml_break_at(source, i))
            return (struct sv){ NULL, 0 };
    (void)sv_next(&rest, '\n', &line); /* the header */
    for (size_t i = 0; i < line.n && line.p[i] != '#'; i++)
        if (line.p[i] >= '1' && line.p[i] <= '9')
            return (struct sv){ NULL, 0 };
    for (struct sv scan = rest; sv_next(&scan, '\n', &line);) {
        size_t blanks = 0;

        while (blanks < line.n && line.p[blanks] == ' ')
            blanks++;
        if (blanks < line.n && blanks < indent)
            indent = blanks;
    }
    while (sv_next(&rest, '\n', &line)) {
        sb_put(&out, sv_slice(line, indent, line.n));
        sb_putc(&out, '\n');
    }
    while (out.n > 1 && out.p[out.n - 1] == '\n' && out.p[out.n - 2] == '\n')
        sb_truncate(&out, out.n - 1);
    return (struct sv){ yaml_dup_text(l->doc, sb_view(&out)), out.n };
}

static void define_anchor(struct loader *l, struct yaml_node *node, const char *name)
{
    node->anchor = yaml_dup_text(l->doc, sv_of(name));
    map_set(&l->anchors, name, NULL);
}

/* From now on aliases may refer to the node. */
static void finish_anchor(struct loader *l, struct yaml_node *node)
{
    if (node->anchor)
        map_set(&l->anchors, node->anchor, node);
}

static struct yaml_node *read_scalar(struct loader *l, const yaml_event_t *event)
{
    struct sv text = { (const char *)event->data.scalar.value, event->data.scalar.length };
    const char *tag = (const char *)event->data.scalar.tag;
    struct yaml_node *node = yaml_new_str(l->doc, text);

    node->style = scalar_style(event->data.scalar.style);
    node->start = mark_of(l, &event->start_mark);
    node->end = mark_of(l, &event->end_mark);
    if (node->style == YAML_STYLE_PLAIN)
        node->tag = yaml_resolve_plain(node->text);
    else if (node->style == YAML_STYLE_FOLDED && !tag && !event->data.scalar.anchor)
        node->raw = folded_lines(l, sv_slice(l->text, node->start.offset, node->end.offset));
    if (tag) {
        enum yaml_tag known = explicit_tag(l, node, tag);

        if (known < YAML_TAG_SEQ)
            node->tag = known;
        else if (node->style != YAML_STYLE_PLAIN || !node->text.n)
            node->tag = YAML_TAG_STR;
    }
    if (event->data.scalar.anchor) {
        define_anchor(l, node, (const char *)event->data.scalar.anchor);
        finish_anchor(l, node);
    }
    return node;
}

static size_t count_tree(const struct yaml_node *node)
{
    size_t n = 1;

    for (size_t i = 0; i < node->n; i++)
        n += (node->entries[i].key ? count_tree(node->entries[i].key) : 0) +
             count_tree(node->entries[i].value);
    return n;
}

static struct yaml_node *read_alias(struct loader *l, const yaml_event_t *event, struct err **errp)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct yaml_node *found = map_get(&l->anchors, name);

    if (!found) {
        bool is_open = map_has(&l->anchors, name);
        auto_mem char *text =
            mem_printf("alias `%s` %s", name, is_open ? "refers to itself" : "has no anchor");

        (void)fail_at(l, &event->start_mark, text, errp);
        return NULL;
    }
    if (!count_nodes(l, count_tree(found), &event->start_mark, errp))
        return NULL;

    struct yaml_node *copy = yaml_copy_bare(l->doc, found);

    copy->alias = found->anchor;
    copy->start = mark_of(l, &event->start_mark);
    copy->end = mark_of(l, &event->end_mark);
    return copy;
}

static struct yaml_node *read_node(struct loader *l, const yaml_event_t *event, unsigned depth,
                                   struct err **errp);

static struct yaml_node *read_next(struct loader *l, unsigned depth, yaml_event_type_t end,
                                   bool *out_end, yaml_mark_t *out_mark, struct err **errp)
{
    yaml_event_t event;
    struct yaml_node *node = NULL;

    *out_end = false;
    if (!next_event(l, &event, errp))
        return NULL;
    *out_end = event.type == end;
    *out_mark = event.type == end ? event.end_mark : event.start_mark;
    if (event.type != end)
        node = read_node(l, &event, depth, errp);
    yaml_event_delete(&event);
    return node;
}

static bool check_key(struct loader *l, struct map *keys, struct yaml_node *key,
                      const yaml_mark_t *mark, struct err **errp)
{
    const struct yaml_node *earlier;
    const char *name;

    if (key->kind != YAML_SCALAR)
        return true;
    if (memchr(key->text.p, '\0', key->text.n))
        return fail_at(l, mark, "a key may not contain a NUL character", errp);
    name = yaml_is_null(key) ? "null" : key->text.p; /* however it is spelled, even by nothing */
    earlier = map_get(keys, name);
    if (earlier) {
        auto_mem char *shown = quote_printable(sv_of(name), 80);
        auto_mem char *text =
            mem_printf("key `%s` is already set in line %u", shown, earlier->start.line);

        return fail_at(l, mark, text, errp);
    }
    map_set(keys, name, key);
    return true;
}

static bool read_items(struct loader *l, struct yaml_node *seq, unsigned depth, struct err **errp)
{
    for (;;) {
        yaml_mark_t mark;
        bool end;
        struct yaml_node *item = read_next(l, depth, YAML_SEQUENCE_END_EVENT, &end, &mark, errp);

        if (end)
            seq->end = mark_of(l, &mark);
        if (!item)
            return end;
        yaml_append(l->doc, seq, item);
    }
}

static bool read_pairs(struct loader *l, struct yaml_node *map, unsigned depth, struct err **errp)
{
    auto_map struct map keys = { 0 };

    for (;;) {
        yaml_mark_t mark;
        bool end;
        struct yaml_node *key = read_next(l, depth, YAML_MAPPING_END_EVENT, &end, &mark, errp);

        if (end)
            map->end = mark_of(l, &mark);
        if (!key)
            return end;
        if (!check_key(l, &keys, key, &mark, errp))
            return false;

        struct yaml_node *value = read_next(l, depth, YAML_NO_EVENT, &end, &mark, errp);

        if (!value)
            return false;
        yaml_append_pair(l->doc, map, key, value);
    }
}

static struct yaml_node *read_collection(struct loader *l, const yaml_event_t *event,
                                         unsigned depth, struct err **errp)
{
    bool is_seq = event->type == YAML_SEQUENCE_START_EVENT;
    struct yaml_node *node = is_seq ? yaml_new_seq(l->doc) : yaml_new_map(l->doc);
    const yaml_char_t *anchor =
        is_seq ? event->data.sequence_start.anchor : event->data.mapping_start.anchor;
    const yaml_char_t *tag =
        is_seq ? event->data.sequence_start.tag : event->data.mapping_start.tag;
    bool is_flow = is_seq ? event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
                          : event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;

    if (depth >= YAML_MAX_DEPTH) {
        (void)fail_at(l, &event->start_mark, "nested too deeply", errp);
        return NULL;
    }
    node->start = mark_of(l, &event->start_mark);
    if (anchor)
        define_anchor(l, node, (const char *)anchor);
    if (tag)
        (void)explicit_tag(l, node, (const char *)tag);
    if (!(is_seq ? read_items : read_pairs)(l, node, depth + 1, errp))
        return NULL;
    if (is_flow) {
        node->style = YAML_STYLE_FLOW;
        node->multiline = node->end.line > node->start.line;
    }
    finish_anchor(l, node);
    return node;
}

static struct yaml_node *read_node(struct loader *l, const yaml_event_t *event, unsigned depth,
                                   struct err **errp)
{
    if (event->type == YAML_ALIAS_EVENT)
        return read_alias(l, event, errp);
    if (!count_nodes(l, 1, &event->start_mark, errp))
        return NULL;
    if (event->type == YAML_SCALAR_EVENT)
        return read_scalar(l, event);
    return read_collection(l, event, depth, errp);
}

/* Reads up to the first document; *out_start is where its content may begin. */
static bool read_start(struct loader *l, bool *out_empty, size_t *out_start, struct err **errp)
{
    for (;;) {
        yaml_event_t event;
        yaml_event_type_t type;

        if (!next_event(l, &event, errp))
            return false;
        type = event.type;
        if (type == YAML_DOCUMENT_START_EVENT)
            *out_start =
                event.data.document_start.implicit ? 0 : byte_offset(l, event.end_mark.index);
        yaml_event_delete(&event);
        if (type == YAML_STREAM_START_EVENT)
            continue;
        *out_empty = type == YAML_STREAM_END_EVENT;
        return true;
    }
}

static bool read_document(struct loader *l, struct err **errp)
{
    size_t start = 0, end = l->text.n;
    bool empty;

    if (!read_start(l, &empty, &start, errp))
        return false;
    if (empty) {
        l->doc->root = yaml_new_plain(l->doc, SV(""));
        l->doc->root->style = YAML_STYLE_PLAIN;
    } else {
        yaml_event_t event;
        yaml_mark_t mark;
        bool is_end;
        struct yaml_node *root = read_next(l, 0, YAML_NO_EVENT, &is_end, &mark, errp);

        if (!root || !next_event(l, &event, errp))
            return false;
        l->doc->root = root;
        end = byte_offset(l, event.start_mark.index); /* the end of the document */
        yaml_event_delete(&event);
    }
    if (l->with_comments)
        yaml_attach_comments(l->doc, sv_slice(l->text, 0, end), start);
    return true;
}

/* YAML has a byte order mark at the start only; the parser would take others for blanks. */
static bool check_marks(struct sv text, struct err **errp)
{
    const char *mark = text.n ? memmem(text.p, text.n, BYTE_ORDER_MARK.p, BYTE_ORDER_MARK.n) : NULL;
    unsigned line = 1;

    if (!mark)
        return true;
    for (const char *p = text.p; p < mark; p++)
        line += *p == '\n';
    return err_set(errp, ERR_INVALID, "line %u: a byte order mark inside of the text", line);
}

/* CR LF and CR are line ends like LF, inside of scalars, too. The view is of text or of store. */
static struct sv with_line_feeds(struct sv text, struct sb *store)
{
    if (text.n == 0 || !memchr(text.p, '\r', text.n))
        return text;
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] != '\r')
            sb_putc(store, text.p[i]);
        else if (i + 1 == text.n || text.p[i + 1] != '\n')
            sb_putc(store, '\n');
    return sb_view(store);
}

static struct yaml_doc *load(struct sv text, bool with_comments, struct err **errp)
{
    auto_sb struct sb store = { 0 };
    struct loader l = { .text = text, .with_comments = with_comments };
    bool ok;

    if (text.n > YAML_MAX_BYTES) {
        err_set(errp, ERR_INVALID, "%zu bytes are too much for a YAML text, at most %zu are read",
                text.n, YAML_MAX_BYTES);
        return NULL;
    }
    if (sv_starts(text, BYTE_ORDER_MARK))
        l.text = sv_slice(text, BYTE_ORDER_MARK.n, text.n);
    if (!check_marks(l.text, errp))
        return NULL;
    l.text = with_line_feeds(l.text, &store);
    if (!yaml_parser_initialize(&l.parser)) {
        err_set(errp, ERR_INTERNAL, "cannot set up the YAML parser");
        return NULL;
    }
    yaml_parser_set_encoding(&l.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&l.parser, (const unsigned char *)(l.text.n ? l.text.p : ""),
                                 l.text.n);
    l.doc = yaml_doc_new();
    ok = read_document(&l, errp);
    yaml_parser_delete(&l.parser);
    map_done(&l.anchors);
    if (!ok)
        yaml_doc_free(MOVE(l.doc));
    return l.doc;
}

struct yaml_doc *yaml_load(struct sv text, struct err **errp)
{
    return load(text, true, errp);
}

struct yaml_doc *yaml_load_values(struct sv text, struct err **errp)
{
    return load(text, false, errp);
}
