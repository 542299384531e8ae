/*
 * Requests to the file server over a scratch directory that is made once and filled anew for each
 * input. An input is a sequence of requests: opcode, which node, how many of the bytes that follow
 * are the arguments, and whether the length in the header is right. Whatever comes, answers fit
 * into their room, and after a reset nothing is left.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "fuse/server.h"
#include "fuzz.h"
#include "fuzz_input.h"
#include "sys/dir.h"
#include "wire/fuse.h"

enum { REQUESTS_MAX = 64, ARGS_MAX = 512 };

static char *scratch;

static void remove_scratch(void)
{
    if (!dir_remove_tree(scratch, NULL))
        abort();
    free(scratch);
    scratch = NULL;
}

static void make_scratch(void)
{
    auto_mem char *file = NULL;
    int fd;

    if (!scratch) {
        if (!dir_make_temp("/tmp/fuzz-fuse-", &scratch, NULL))
            abort();
        (void)atexit(remove_scratch);
    } else if (!dir_remove_tree(scratch, NULL) || mkdir(scratch, 0700) < 0) {
        abort();
    }
    file = mem_printf("%s/f", scratch);
    fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "data", 4) != 4)
        abort();
    (void)close(fd);
}

static void run_one(struct fuse_server *s, struct fuzz_input *in)
{
    char request[sizeof(struct fuse_in_header) + ARGS_MAX], reply[4096];
    struct fuse_in_header head = { .opcode = fuzz_u8(in) };
    size_t n = sizeof(head), room;
    struct iovec from[2], to = { reply, sizeof(reply) };
    struct fuse_out_header out;
    uint8_t how = fuzz_u8(in);
    uint32_t len;
    bool ok;

    head.nodeid = how & 7;
    n += fuzz_bytes(in, request + sizeof(head), fuzz_u16(in) % ARGS_MAX);
    head.len = (uint32_t)n + (how >> 6 == 3);
    memcpy(request, &head, sizeof(head));
    from[0] = (struct iovec){ request, n / 2 };
    from[1] = (struct iovec){ request + n / 2, n - n / 2 };
    room = to.iov_len = how & 8 ? 24 : sizeof(reply);
    len = fuse_server_run(s, from, 2, &to, 1, &ok);
    assert(len <= room && (ok || len == 0));
    if (len == 0)
        return;
    memcpy(&out, reply, sizeof(out));
    assert(out.len == len && out.error <= 0 && out.error > -4096);
}

static void export_scratch(struct fuse_server *s, const char *name, bool read_only, bool kept)
{
    struct fuse_export_options options = { .name = name,
                                           .read_only = read_only,
                                           .owners_kept = kept };

    if (!fuse_server_add(s, &options, open(scratch, O_PATH | O_CLOEXEC), NULL))
        abort();
}

static void greet(struct fuse_server *s)
{
    struct {
        struct fuse_in_header head;
        struct fuse_init_in init;
    } in = { .head = { .len = sizeof(in), .opcode = FUSE_INIT, .nodeid = FUSE_ROOT_ID },
             .init = { .major = 7, .minor = 38, .flags = ~0u } };
    char reply[256];
    struct iovec from = { &in, sizeof(in) }, to = { reply, sizeof(reply) };
    bool ok;

    (void)fuse_server_run(s, &from, 1, &to, 1, &ok);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size };
    auto_fuse_server struct fuse_server *s = fuse_server_new();
    auto_fd int here = open(".", O_PATH | O_CLOEXEC); /* the server changes it */
    struct fuse_server_counts counts;

    make_scratch();
    export_scratch(s, "a", false, true);
    export_scratch(s, "b", true, false);
    greet(s);
    for (unsigned i = 0; i < REQUESTS_MAX && in.n > 0; i++)
        run_one(s, &in);
    fuse_server_reset(s);
    counts = fuse_server_counts(s);
    assert(counts.nodes == 3 && counts.handles == 0 && counts.dirs_open == 0);
    if (fchdir(here) < 0)
        abort();
    return 0;
}
