/*
 * A client's stream to the SFTP server over a scratch directory that is filled anew for each input.
 * Whatever comes, replies are whole packets with the id of their request, and nothing is changed
 * beside the folder.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "fuzz.h"
#include "fuzz_scratch.h"
#include "svc/sftp/server.h"
#include "sys/dir.h"
#include "wire/sftp.h"

enum { PACKETS_MAX = 64 };

/* Returns the shared folder's descriptor. */
static int make_scratch(void)
{
    auto_fd int top = -1, file = -1;
    int root;

    fuzz_scratch_renew("/tmp/fuzz-sftp-");
    top = open(fuzz_scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (top < 0 || mkdirat(top, "s", 0700) < 0 || symlinkat("..", top, "s/up") < 0)
        abort();
    file = openat(top, "s/f", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    root = openat(top, "s", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (file < 0 || write(file, "data", 4) != 4 || root < 0)
        abort();
    return root;
}

static void check_reply(const struct sb *out, const struct sftp_request *req)
{
    const uint8_t *p = (const uint8_t *)out->p;
    size_t n;
    bool ok = sftp_frame(sb_view(out), &n, NULL);

    assert(ok && n == out->n && n >= 9);
    if (req->op == SFTP_INIT)
        return;
    assert(req->id == ((uint32_t)p[5] << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 | p[8]));
}

static void check_beside(void)
{
    auto_strv struct strv names = { 0 };
    bool ok = dir_list(fuzz_scratch, &names, NULL);

    assert(ok && names.n == 1 && strcmp(names.v[0], "s") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sv rest = { (const char *)data, size };
    auto_fd int root_fd = make_scratch();
    struct sftp_server *s = sftp_server_new(
        &(struct sftp_server_options){ root_fd, "/s", size > 0 && data[size - 1] & 1 });
    size_t n = 0;

    for (unsigned i = 0; i < PACKETS_MAX && sftp_frame(rest, &n, NULL) && n > 0; i++) {
        auto_sb struct sb out = { 0 };
        struct sftp_request req;
        bool is_known = sftp_decode(&req, sv_slice(rest, 0, n), NULL);

        if (!sftp_server_take(s, sv_slice(rest, 0, n), &out, NULL)) {
            assert(!is_known);
            break;
        }
        check_reply(&out, &req);
        rest = sv_slice(rest, n, rest.n);
    }
    sftp_server_free(s);
    check_beside();
    return 0;
}
