#include "wire/privileged.h"

#include "base/mem.h"
#include "base/path.h"

enum { SOCKET_PATH_MAX = 107 };

static bool is_nonce(struct sv text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!strchr("0123456789abcdef", text.p[i]) || text.p[i] == '\0')
            return false;
    return text.n == PRIVILEGED_NONCE_LEN;
}

static bool is_socket_path(struct sv path)
{
    auto_mem char *text = sv_dup(path);
    auto_mem char *clean = path_clean(text);

    for (size_t i = 0; i < path.n; i++)
        if ((unsigned char)path.p[i] < ' ' || path.p[i] == 0x7f)
            return false;
    return path.n <= SOCKET_PATH_MAX && path_is_absolute(text) && str_eq(clean, text);
}

bool privileged_request_decode(struct sv text, struct privileged_request *out, struct err **errp)
{
    struct privileged_request r;

    if (text.n == 0 || text.n > PRIVILEGED_REQUEST_MAX || text.p[text.n - 1] != '\n')
        return err_set(errp, ERR_PROTOCOL, "the request is no line");
    text.n--;
    if (!sv_next(&text, ' ', &r.nonce) || !is_nonce(r.nonce))
        return err_set(errp, ERR_PROTOCOL, "the request has no nonce");
    if (!text.p || !is_socket_path(text))
        return err_set(errp, ERR_PROTOCOL, "the request has no socket");
    r.socket_path = text;
    *out = r;
    return true;
}

void privileged_request_put(struct sb *out, const struct privileged_request *request)
{
    sb_putf(out, "%.*s %.*s\n", SV_ARG(request->nonce), SV_ARG(request->socket_path));
}

void privileged_nonce_put(const unsigned char bytes[PRIVILEGED_NONCE_LEN / 2],
                          char out[PRIVILEGED_NONCE_LEN + 1])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < PRIVILEGED_NONCE_LEN / 2; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[PRIVILEGED_NONCE_LEN] = '\0';
}
