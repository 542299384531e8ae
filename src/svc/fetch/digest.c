#include "svc/fetch/digest.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/enum.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "svc/fetch/lazy.h"

static const char *const algo_names[] = { "sha256", "sha384", "sha512" };
ENUM_NAMES_MATCH(algo_names, DIGEST_ALGO_COUNT);

static const size_t algo_sizes[] = { 32, 48, 64 };

static struct {
    bool loaded;
    __typeof__(EVP_get_digestbyname) *get_digest;
    __typeof__(EVP_MD_CTX_new) *ctx_new;
    __typeof__(EVP_MD_CTX_free) *ctx_free;
    __typeof__(EVP_DigestInit_ex) *init;
    __typeof__(EVP_DigestUpdate) *update;
    __typeof__(EVP_DigestFinal_ex) *final;
} api;

static bool api_load(struct err **errp)
{
    static const char *const sonames[] = { "libcrypto.so.3", NULL };
    const struct lazy_symbol symbols[] = {
        { "EVP_get_digestbyname", &api.get_digest }, { "EVP_MD_CTX_new", &api.ctx_new },
        { "EVP_MD_CTX_free", &api.ctx_free },        { "EVP_DigestInit_ex", &api.init },
        { "EVP_DigestUpdate", &api.update },         { "EVP_DigestFinal_ex", &api.final },
    };

    if (!api.loaded)
        api.loaded = lazy_load("libcrypto", sonames, symbols, COUNT(symbols), errp);
    return api.loaded;
}

struct digest {
    EVP_MD_CTX *ctx;
};

const char *digest_algo_name(enum digest_algo algo)
{
    return algo_names[algo];
}

static bool is_lower_hex(struct sv text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!strchr("0123456789abcdef", text.p[i]))
            return false;
    return true;
}

bool digest_parse(const char *text, struct digest_text *out, struct err **errp)
{
    struct sv rest = sv_of(text);
    struct sv name = { 0 };

    (void)sv_next(&rest, ':', &name);
    for (size_t i = 0; i < COUNT(algo_names); i++) {
        if (!sv_eq_str(name, algo_names[i]))
            continue;
        if (rest.n != 2 * algo_sizes[i] || !is_lower_hex(rest))
            return err_set(errp, ERR_INVALID,
                           "invalid digest \"%s\": expected %zu lower-case hexadecimal digits",
                           text, 2 * algo_sizes[i]);
        *out = (struct digest_text){ .algo = (enum digest_algo)i, .hex = rest };
        return true;
    }
    return err_set(errp, ERR_INVALID,
                   "invalid digest \"%s\": expected sha256:, sha384: or sha512:", text);
}

/* The algorithms are built in and inputs are memory: what fails here is memory or a bug. */
static void check(int ok)
{
    assert(ok == 1);
    (void)ok;
}

struct digest *digest_new(enum digest_algo algo, struct err **errp)
{
    if (!api_load(errp))
        return NULL;

    struct digest *digest = mem_new(struct digest);

    digest->ctx = api.ctx_new();
    check(digest->ctx != NULL);
    check(api.init(digest->ctx, api.get_digest(algo_names[algo]), NULL));
    return digest;
}

void digest_add(struct digest *digest, const void *bytes, size_t n)
{
    check(api.update(digest->ctx, bytes, n));
}

static char *to_hex(const uint8_t *raw, size_t n)
{
    char *hex = mem_alloc(2 * n + 1);

    for (size_t i = 0; i < n; i++) {
        hex[2 * i] = "0123456789abcdef"[raw[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
    }
    return hex;
}

char *digest_finish_hex(struct digest *digest)
{
    uint8_t raw[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    check(api.final(digest->ctx, raw, &n));
    return to_hex(raw, n);
}

void digest_free(struct digest *digest)
{
    if (!digest)
        return;
    api.ctx_free(digest->ctx);
    free(digest);
}

char *digest_name(struct sv text)
{
    uint8_t raw[SHA256_LEN];

    sha256(text, raw);
    return to_hex(raw, sizeof(raw));
}

bool digest_fd_hex(int fd, const char *name, enum digest_algo algo, char **out_hex,
                   struct err **errp)
{
    auto_digest struct digest *digest = digest_new(algo, errp);
    enum { BUF_SIZE = 256 * 1024 };
    auto_mem char *buf = mem_alloc(BUF_SIZE);
    off_t at = 0;
    ssize_t n;

    if (!digest)
        return false;
    while ((n = pread(fd, buf, BUF_SIZE, at)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set_os(errp, errno, "%s: cannot read", name);
        digest_add(digest, buf, (size_t)n);
        at += n;
    }
    *out_hex = digest_finish_hex(digest);
    return true;
}
