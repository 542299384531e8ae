#include "svc/fetch/http.h"

#include <strings.h>

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/quote.h"
#include "base/sb.h"
#include "svc/fetch/lazy.h"

/* These are macros that call themselves; through pointers they are not wanted. */
#undef curl_easy_setopt
#undef curl_easy_getinfo

#define BODY_SHOWN_MAX 256
#define HEADER_LIMIT 4096
#define CONNECT_TIMEOUT_S 30L
#define STALL_TIMEOUT_S 60L
#define REDIRECTS_MAX 10L

static struct {
    bool loaded;
    __typeof__(curl_easy_init) *easy_init;
    __typeof__(curl_easy_setopt) *easy_setopt;
    __typeof__(curl_easy_perform) *easy_perform;
    __typeof__(curl_easy_strerror) *easy_strerror;
    __typeof__(curl_easy_cleanup) *easy_cleanup;
    __typeof__(curl_slist_append) *slist_append;
    __typeof__(curl_slist_free_all) *slist_free_all;
    __typeof__(curl_getdate) *getdate;
} api;

static bool api_load(struct err **errp)
{
    static const char *const sonames[] = { "libcurl.so.4", "libcurl-gnutls.so.4", NULL };
    const struct lazy_symbol symbols[] = {
        { "curl_easy_init", &api.easy_init },
        { "curl_easy_setopt", &api.easy_setopt },
        { "curl_easy_perform", &api.easy_perform },
        { "curl_easy_strerror", &api.easy_strerror },
        { "curl_easy_cleanup", &api.easy_cleanup },
        { "curl_slist_append", &api.slist_append },
        { "curl_slist_free_all", &api.slist_free_all },
        { "curl_getdate", &api.getdate },
    };

    if (!api.loaded)
        api.loaded = lazy_load("libcurl", sonames, symbols, COUNT(symbols), errp);
    return api.loaded;
}

struct transfer {
    const struct http_request *req; /* borrowed */
    struct http_head head;
    char *reason;     /* of the status line */
    bool body_begun;
    struct sb body;   /* of an error */
    struct err *err;  /* why on_body stopped */
};

void http_head_done(struct http_head *head)
{
    free(head->last_modified);
    free(head->etag);
    free(head->content_type);
    *head = (struct http_head){ 0 };
}

static void head_clear(struct http_head *head)
{
    http_head_done(head);
    head->last_modified = mem_strdup("");
    head->etag = mem_strdup("");
    head->content_type = mem_strdup("");
}

/* "HTTP/1.1 404 Not Found" */
static void take_status_line(struct transfer *t, struct sv line)
{
    struct sv version, status;
    uint32_t number = 0;

    head_clear(&t->head);
    (void)sv_next(&line, ' ', &version);
    if (sv_next(&line, ' ', &status) && parse_u32(status, &number))
        t->head.status = number;
    mem_replace(&t->reason, line.n > 0 ? quote_printable(line, BODY_SHOWN_MAX)
                                       : mem_printf("%u", number));
}

static bool name_is(struct sv name, const char *wanted)
{
    return name.n == strlen(wanted) && strncasecmp(name.p, wanted, name.n) == 0;
}

/* "bytes 100-199/200" */
static void take_content_range(struct transfer *t, struct sv value)
{
    struct sv unit, from;

    if (sv_next(&value, ' ', &unit) && sv_eq(unit, SV("bytes")) && sv_next(&value, '-', &from) &&
        !parse_u64(from, &t->head.range_from))
        t->head.range_from = 0;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *data)
{
    struct transfer *t = data;
    struct sv line = sv_trim((struct sv){ bytes, size * n });
    struct sv name;

    if (line.n > HEADER_LIMIT)
        return size * n; /* none that counts */
    if (sv_starts(line, SV("HTTP/"))) {
        take_status_line(t, line);
        return size * n;
    }
    if (!sv_next(&line, ':', &name))
        return size * n;
    line = sv_trim(line);
    if (name_is(name, "last-modified"))
        mem_replace(&t->head.last_modified, sv_dup(line));
    else if (name_is(name, "etag"))
        mem_replace(&t->head.etag, sv_dup(line));
    else if (name_is(name, "content-type"))
        mem_replace(&t->head.content_type, sv_dup(line));
    else if (name_is(name, "content-length") && !parse_u64(line, &t->head.content_length))
        t->head.content_length = 0;
    else if (name_is(name, "content-range"))
        take_content_range(t, line);
    return size * n;
}

static bool has_wanted_body(const struct transfer *t)
{
    return t->head.status == 200 || t->head.status == 206;
}

static bool begin_body(struct transfer *t)
{
    if (t->body_begun)
        return true;
    t->body_begun = true;
    return t->req->on_body(t->req->data, &t->head, "", 0, &t->err);
}

static size_t on_data(char *bytes, size_t size, size_t n, void *data)
{
    struct transfer *t = data;
    size_t length = size * n;

    if (!has_wanted_body(t)) {
        if (t->body.n < BODY_SHOWN_MAX)
            sb_put_mem(&t->body, bytes, length < BODY_SHOWN_MAX ? length : BODY_SHOWN_MAX);
        return length;
    }
    if (!begin_body(t) || !t->req->on_body(t->req->data, &t->head, bytes, length, &t->err))
        return 0; /* libcurl then stops */
    return length;
}

static struct curl_slist *set_options(CURL *curl, struct transfer *t)
{
    const struct http_request *req = t->req;
    struct curl_slist *headers = api.slist_append(NULL, "Accept-Encoding: identity");

    api.easy_setopt(curl, CURLOPT_URL, req->url);
    api.easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    api.easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    api.easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    api.easy_setopt(curl, CURLOPT_MAXREDIRS, REDIRECTS_MAX);
    api.easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    api.easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    api.easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    api.easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, STALL_TIMEOUT_S);
    api.easy_setopt(curl, CURLOPT_USERAGENT, "clima/" CLIMA_VERSION);
    api.easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    api.easy_setopt(curl, CURLOPT_HEADERDATA, t);
    api.easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    api.easy_setopt(curl, CURLOPT_WRITEDATA, t);
    api.easy_setopt(curl, CURLOPT_NOBODY, req->head_only ? 1L : 0L);
    if (req->range_from > 0) {
        auto_mem char *range = mem_printf("Range: bytes=%llu-", (unsigned long long)req->range_from);

        headers = api.slist_append(headers, range);
        if (req->if_range) {
            auto_mem char *condition = mem_printf("If-Range: %s", req->if_range);

            headers = api.slist_append(headers, condition);
        }
    }
    api.easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    return headers;
}

static bool is_temporary_status(unsigned status)
{
    return status >= 500 || status == 408 || status == 429;
}

static bool judge(struct transfer *t, CURLcode code, const char *detail, struct err **errp)
{
    unsigned status = t->head.status;

    if (t->err) {
        struct err *err = t->err;

        t->err = NULL;
        return err_propagate(errp, err);
    }
    if (code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL)
        return err_set(errp, ERR_INVALID, "cannot fetch %s: %s", t->req->url,
                       api.easy_strerror(code));
    if (code != CURLE_OK)
        return err_set(errp, ERR_TIMEOUT, "cannot fetch %s: %s", t->req->url,
                       detail[0] ? detail : api.easy_strerror(code));
    if (status >= 200 && status < 300)
        return true;

    auto_mem char *body = quote_printable(sv_trim(sb_view(&t->body)), BODY_SHOWN_MAX);
    enum err_kind kind = status == 404 || status == 410 ? ERR_NOT_FOUND
                         : is_temporary_status(status)  ? ERR_TIMEOUT
                                                        : ERR_PROTOCOL;

    return err_set(errp, kind, "cannot fetch %s: unexpected HTTP status %s, body=\"%s\"",
                   t->req->url, t->reason, body);
}

bool http_run(const struct http_request *req, struct http_head *out_head, struct err **errp)
{
    struct transfer t = { .req = req };
    char detail[CURL_ERROR_SIZE] = "";

    if (!api_load(errp))
        return false;
    CURL *curl = api.easy_init();

    if (!curl)
        return err_set(errp, ERR_INTERNAL, "cannot initialise libcurl");
    struct curl_slist *headers = set_options(curl, &t);

    api.easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
    CURLcode code = api.easy_perform(curl);

    /* An empty body: the receiver still wants to hear of the head. */
    if (code == CURLE_OK && !req->head_only && has_wanted_body(&t))
        (void)begin_body(&t);
    bool ok = judge(&t, code, detail, errp);

    api.slist_free_all(headers);
    api.easy_cleanup(curl);
    sb_done(&t.body);
    free(t.reason);
    if (out_head)
        *out_head = t.head;
    else
        http_head_done(&t.head);
    return ok;
}

bool http_same_date(const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return true;
    if (!api_load(NULL))
        return false;
    time_t time_a = api.getdate(a, NULL);

    return time_a != -1 && time_a == api.getdate(b, NULL);
}
