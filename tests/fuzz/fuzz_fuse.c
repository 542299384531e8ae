/*
 * Requests to the file server over a scratch directory that is made once and filled anew for each
 * input. An input is a sequence of requests: opcode, which node, how many of the bytes that follow
 * are the arguments, whether the length in the header is right, whether the agent asks that repeats
 * changes, of which there are some of each kind, and whether the first export is detached before,
 * or one added or detached that lies in the file system of the root. Whatever comes, answers fit
 * into their room, and after a reset nothing is left.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "fuse/echo.h"
#include "fuse/fuse_priv.h"
#include "fuzz.h"
#include "fuzz_input.h"
#include "fuzz_scratch.h"
#include "wire/fuse.h"

enum { REQUESTS_MAX = 64, ARGS_MAX = 512, AGENT = 7 };
/* Of the byte after the opcode; below them are the node and a bit for a small answer. */
enum {
    BY_AGENT = 0x10,
    DETACH = 0x20,
    ELSE_MASK = 0xc0,
    ADD_IN_ROOT = 0x40,
    DETACH_IN_ROOT = 0x80,
    WRONG_LENGTH = 0xc0
};

static void make_scratch(void)
{
    auto_mem char *file = NULL;
    int fd;

    fuzz_scratch_renew("/tmp/fuzz-fuse-");
    file = mem_printf("%s/f", fuzz_scratch);
    fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, "data", 4) != 4)
        abort();
    (void)close(fd);
}

static bool add(struct fuse_server *s, const struct fuse_export_options *options)
{
    return fuse_server_add(s, options, open(fuzz_scratch, O_PATH | O_CLOEXEC), NULL);
}

static void change_exports(struct fuse_server *s, uint8_t how)
{
    if (how & DETACH)
        (void)!fuse_server_detach(s, "a", NULL);
    if ((how & ELSE_MASK) == ADD_IN_ROOT)
        (void)!add(s, &(struct fuse_export_options){ .name = "c" });
    if ((how & ELSE_MASK) == DETACH_IN_ROOT)
        (void)!fuse_server_detach(s, "c", NULL);
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

    change_exports(s, how);
    head.nodeid = how & 7;
    head.pid = how & BY_AGENT ? AGENT : 0;
    n += fuzz_bytes(in, request + sizeof(head), fuzz_u16(in) % ARGS_MAX);
    head.len = (uint32_t)n + ((how & ELSE_MASK) == WRONG_LENGTH);
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
    struct fuse_export_options options = {
        .name = name, .read_only = read_only, .owners_kept = kept, .tells_changes = true
    };

    if (!add(s, &options))
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

/* Node 2 is the one export, 3 the other. */
static void arm_changes(struct fuse_server *s)
{
    static char f[] = "f", g[] = "g", itself[] = "";
    static const struct fuse_change changes[] = {
        { .type = ECHO_MAKE, .dir = 2, .name = g },
        { .type = ECHO_REMOVE, .dir = 2, .name = f },
        { .type = ECHO_MOVE, .dir = 2, .dir2 = 2, .name = f, .name2 = g },
        { .type = ECHO_MODIFY, .dir = 3, .name = f },
        { .type = ECHO_WRITE, .dir = 2, .name = f },
        { .type = ECHO_MOVE, .dir2 = 3, .name = f, .name2 = g },
        { .type = ECHO_CLOSE, .dir = 3, .name = g },
        { .type = ECHO_MAKE, .kind = ECHO_DIR, .dir = 3, .name = g },
        { .type = ECHO_ATTRIB, .dir = 2, .name = itself },
        { .type = ECHO_MOVE, .dir = 3, .name = g, .name2 = f },
    };
    struct {
        struct fuse_in_header head;
        char name[sizeof(ECHO_NAME_PREFIX) + 32];
    } in = { .head = { .len = sizeof(in.head) + sizeof(ECHO_NAME_PREFIX) + 32,
                       .opcode = FUSE_LOOKUP,
                       .nodeid = FUSE_ROOT_ID,
                       .pid = AGENT },
             .name = ECHO_NAME_PREFIX "00000000000000000000000000000000" };
    char reply[256];
    struct iovec from = { &in, in.head.len }, to = { reply, sizeof(reply) };
    auto_sb struct sb orders = { 0 };
    bool ok;

    if (!fuse_echo_open(s, NULL))
        abort();
    fuse_echo_begin(s, (struct fuse_nonce){ 0 });
    (void)fuse_server_run(s, &from, 1, &to, 1, &ok);
    if (!fuse_echo_ready(s))
        abort();
    for (size_t i = 0; i < COUNT(changes); i++)
        fuse_echo_queue(s, fuse_change_new(&changes[i]));
    (void)!fuse_echo_next(s, &orders);
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
    arm_changes(s);
    for (unsigned i = 0; i < REQUESTS_MAX && in.n > 0; i++)
        run_one(s, &in);
    fuse_server_reset(s);
    counts = fuse_server_counts(s);
    assert(counts.nodes == 1 + counts.exports && counts.detached == 0 && counts.handles == 0 &&
           counts.dirs_open == 0);
    if (fchdir(here) < 0)
        abort();
    return 0;
}
