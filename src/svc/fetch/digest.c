#include "svc/fetch/digest.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/enum.h"
#include "base/mem.h"

static const char *const algo_names[] = { "sha256", "sha384", "sha512" };
ENUM_NAMES_MATCH(algo_names, DIGEST_ALGO_COUNT);

static const size_t algo_sizes[] = { 32, 48, 64 };

struct digest {
    EVP_MD_CTX *ctx;
};

static const EVP_MD *algo_md(enum digest_algo algo)
{
    switch (algo) {
    case DIGEST_SHA384:
        return EVP_sha384();
    case DIGEST_SHA512:
        return EVP_sha512();
    default:
        return EVP_sha256();
    }
}

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

struct digest *digest_new(enum digest_algo algo)
{
    struct digest *digest = mem_new(struct digest);

    digest->ctx = EVP_MD_CTX_new();
    check(digest->ctx != NULL);
    check(EVP_DigestInit_ex(digest->ctx, algo_md(algo), NULL));
    return digest;
}

void digest_add(struct digest *digest, const void *bytes, size_t n)
{
    check(EVP_DigestUpdate(digest->ctx, bytes, n));
}

char *digest_finish_hex(struct digest *digest)
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    check(EVP_DigestFinal_ex(digest->ctx, raw, &n));

    char *hex = mem_alloc(2 * (size_t)n + 1);

    for (unsigned i = 0; i < n; i++) {
        hex[2 * i] = "0123456789abcdef"[raw[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[raw[i] & 15];
    }
    return hex;
}

void digest_free(struct digest *digest)
{
    if (!digest)
        return;
    EVP_MD_CTX_free(digest->ctx);
    free(digest);
}

char *digest_hex(enum digest_algo algo, struct sv bytes)
{
    auto_digest struct digest *digest = digest_new(algo);

    digest_add(digest, bytes.p, bytes.n);
    return digest_finish_hex(digest);
}

bool digest_fd_hex(int fd, const char *name, enum digest_algo algo, char **out_hex,
                   struct err **errp)
{
    auto_digest struct digest *digest = digest_new(algo);
    enum { BUF_SIZE = 256 * 1024 };
    auto_mem char *buf = mem_alloc(BUF_SIZE);
    off_t at = 0;
    ssize_t n;

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
