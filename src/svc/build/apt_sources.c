#include "svc/build/apt_sources.h"

#include <strings.h>

#include "base/mem.h"
#include "base/path.h"
#include "sys/dir.h"
#include "sys/file.h"

#define SOURCES_LIMIT (1u << 20)

struct apt_source {
    struct strv uris;
    struct strv suites;
    bool has_main;
    char *signed_by; /* value as in deb822, continuation lines included; NULL = none */
    bool trusted;
};

static void apt_source_done(struct apt_source *source)
{
    strv_done(&source->uris);
    strv_done(&source->suites);
    free(source->signed_by);
    *source = (struct apt_source){ 0 };
}
#define auto_apt_source AUTO_CALL(apt_source_done)

/* The next run of characters that are not blank; false at the end. */
static bool next_word(struct sv *text, struct sv *out)
{
    *text = sv_trim(*text);
    size_t n = 0;

    while (n < text->n && text->p[n] != ' ' && text->p[n] != '\t' && text->p[n] != '\n')
        n++;
    *out = sv_slice(*text, 0, n);
    *text = sv_slice(*text, n, text->n);
    return n > 0;
}

static bool has_word(struct sv text, struct sv wanted)
{
    struct sv word;

    while (next_word(&text, &word))
        if (sv_eq(word, wanted))
            return true;
    return false;
}

/* "bookworm-updates" for host "bookworm" and wanted "trixie" is "trixie-updates"; NULL: other suite. */
static char *translate_suite(const char *name, const struct apt_suite *suite)
{
    size_t n = strlen(suite->host);

    if (strncmp(name, suite->host, n) != 0)
        return NULL;
    if (name[n] == '\0' || strcmp(name + n, "-updates") == 0 || strcmp(name + n, "-security") == 0)
        return mem_printf("%s%s", suite->wanted, name + n);
    return NULL;
}

static bool uri_is_usable(const char *uri)
{
    return str_starts(uri, "http://") || str_starts(uri, "https://") ||
           str_starts(uri, "mirror+http");
}

/* Writes what of the source fits, or nothing. */
static void put_source(const struct apt_source *source, const struct apt_suite *suite,
                       struct sb *out)
{
    auto_strv struct strv uris = { 0 };
    auto_strv struct strv suites = { 0 };

    for (size_t i = 0; i < source->uris.n; i++)
        if (uri_is_usable(source->uris.v[i]))
            strv_push(&uris, source->uris.v[i]);
    for (size_t i = 0; i < source->suites.n; i++) {
        char *name = translate_suite(source->suites.v[i], suite);

        if (name)
            strv_push_take(&suites, name);
    }
    if (!source->has_main || uris.n == 0 || suites.n == 0)
        return;

    auto_mem char *uri_words = strv_join(&uris, " ");
    auto_mem char *suite_words = strv_join(&suites, " ");

    sb_putf(out, "Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n", uri_words, suite_words);
    if (source->signed_by)
        sb_putf(out, "Signed-By: %s\n", source->signed_by);
    if (source->trusted)
        sb_puts(out, "Trusted: yes\n");
    sb_putc(out, '\n');
}

static void take_option(struct sv option, struct apt_source *source)
{
    struct sv key;

    if (!sv_next(&option, '=', &key))
        return;
    if (sv_eq(key, SV("signed-by")))
        mem_replace(&source->signed_by, sv_dup(option));
    else if (sv_eq(key, SV("trusted")))
        source->trusted = sv_eq(option, SV("yes"));
}

void apt_sources_convert_list(struct sv text, const struct apt_suite *suite, struct sb *out)
{
    struct sv line;

    while (sv_next(&text, '\n', &line)) {
        auto_apt_source struct apt_source source = { 0 };
        ptrdiff_t comment = sv_find(line, '#');
        struct sv word;

        if (comment >= 0)
            line = sv_slice(line, 0, (size_t)comment);
        if (!next_word(&line, &word) || !sv_eq(word, SV("deb")))
            continue;

        line = sv_trim(line);
        if (sv_starts(line, SV("["))) {
            ptrdiff_t end = sv_find(line, ']');
            struct sv options = sv_slice(line, 1, end < 0 ? line.n : (size_t)end);

            while (next_word(&options, &word))
                take_option(word, &source);
            line = sv_slice(line, end < 0 ? line.n : (size_t)end + 1, line.n);
        }
        if (next_word(&line, &word))
            strv_push_sv(&source.uris, word);
        if (next_word(&line, &word))
            strv_push_sv(&source.suites, word);
        source.has_main = has_word(line, SV("main"));
        put_source(&source, suite, out);
    }
}

static bool key_is(struct sv key, const char *name)
{
    return key.n == strlen(name) && strncasecmp(key.p, name, key.n) == 0;
}

static void push_words(struct sv text, struct strv *out)
{
    struct sv word;

    while (next_word(&text, &word))
        strv_push_sv(out, word);
}

/* A field with its continuation lines; returns false when the source is not to be used. */
static bool take_field(struct sv key, struct sv value, struct apt_source *source)
{
    if (key_is(key, "Types"))
        return has_word(value, SV("deb"));
    if (key_is(key, "Enabled"))
        return !key_is(sv_trim(value), "no");
    if (key_is(key, "URIs"))
        push_words(value, &source->uris);
    else if (key_is(key, "Suites"))
        push_words(value, &source->suites);
    else if (key_is(key, "Components"))
        source->has_main = has_word(value, SV("main"));
    else if (key_is(key, "Signed-By"))
        mem_replace(&source->signed_by, sv_dup(sv_trim(value)));
    else if (key_is(key, "Trusted"))
        source->trusted = key_is(sv_trim(value), "yes");
    return true;
}

/* The next line that is no comment, without its line feed. */
static bool next_line(struct sv *text, struct sv *out)
{
    while (sv_next(text, '\n', out))
        if (!sv_starts(*out, SV("#")))
            return true;
    return false;
}

void apt_sources_convert_deb822(struct sv text, const struct apt_suite *suite, struct sb *out)
{
    auto_apt_source struct apt_source source = { 0 };
    auto_sb struct sb value = { 0 };
    struct sv key = { 0 };
    struct sv line;
    bool usable = true;
    bool more;

    do {
        more = next_line(&text, &line);
        bool blank = !more || sv_trim(line).n == 0;

        if (!blank && (line.p[0] == ' ' || line.p[0] == '\t')) {
            sb_putc(&value, '\n');
            sb_put(&value, line);
            continue;
        }
        if (key.n > 0 && !take_field(key, sb_view(&value), &source))
            usable = false;
        key = (struct sv){ 0 };
        sb_truncate(&value, 0);
        if (blank) {
            if (usable)
                put_source(&source, suite, out);
            apt_source_done(&source);
            usable = true;
        } else if (sv_next(&line, ':', &key)) {
            sb_put(&value, line);
        }
    } while (more);
}

static char *host_codename(const char *etc_dir)
{
    auto_mem char *path = path_join(etc_dir, "os-release");
    auto_mem char *text = NULL;

    if (!file_read_text(path, SOURCES_LIMIT, &text, NULL))
        return NULL;

    struct sv rest = sv_of(text);
    struct sv line;
    bool is_debian = false;
    char *codename = NULL;

    while (sv_next(&rest, '\n', &line)) {
        struct sv key;

        if (!sv_next(&line, '=', &key))
            continue;
        if (line.n >= 2 && line.p[0] == '"')
            line = sv_slice(line, 1, line.n - 1);
        if (sv_eq(key, SV("ID")))
            is_debian = sv_eq(line, SV("debian"));
        else if (sv_eq(key, SV("VERSION_CODENAME")))
            mem_replace(&codename, sv_dup(line));
    }
    if (!is_debian)
        mem_replace(&codename, NULL);
    return codename;
}

static void convert_file(const char *path, const struct apt_suite *suite, struct sb *out)
{
    auto_mem char *text = NULL;

    /* An unreadable file is apt's business; here it has no sources. */
    if (!file_read_text(path, SOURCES_LIMIT, &text, NULL))
        return;
    if (str_ends(path, ".list"))
        apt_sources_convert_list(sv_of(text), suite, out);
    else if (str_ends(path, ".sources"))
        apt_sources_convert_deb822(sv_of(text), suite, out);
}

void apt_sources_of_host(const char *etc_dir, const char *wanted_suite, struct sb *out)
{
    auto_mem char *codename = host_codename(etc_dir);

    if (!codename)
        return;

    struct apt_suite suite = { .host = codename, .wanted = wanted_suite };
    auto_mem char *main_list = path_join(etc_dir, "apt/sources.list");
    auto_mem char *parts_dir = path_join(etc_dir, "apt/sources.list.d");
    auto_strv struct strv names = { 0 };

    convert_file(main_list, &suite, out);
    if (!dir_list(parts_dir, &names, NULL))
        return;
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *path = path_join(parts_dir, names.v[i]);

        convert_file(path, &suite, out);
    }
}
