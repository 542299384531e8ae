/*
 * A file server over a directory of its own per test, and a guest that asks it: one function per
 * kind of request, which returns 0 or a negative errno and leaves the answer in guest.reply.
 */
#ifndef TESTS_FUSE_FIXTURE_H
#define TESTS_FUSE_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sb.h"
#include "fuse/server.h"
#include "temp_dir.h"
#include "unit_test.h"
#include "wire/fuse.h"

#define GUEST_UID 501
#define GUEST_GID 502

struct guest {
    struct fuse_server *server;
    struct sb request;
    unsigned char reply[300 * 1024];
    size_t reply_len; /* behind the header */
    uint64_t unique;
    uint64_t top;       /* node of the export "top" */
    uint32_t pid;       /* of the thread that asks */
    bool tells_changes; /* exports made from now on */
};

static struct guest guest;

static inline char *in_top(const char *name)
{
    auto_mem char *rel = mem_printf("top/%s", name);

    return temp_path(rel);
}

static inline void put(const void *mem, size_t n)
{
    sb_put_mem(&guest.request, mem, n);
}

static inline void put_text(const char *text)
{
    sb_put_mem(&guest.request, text, strlen(text) + 1);
}

static inline void begin(uint32_t opcode, uint64_t node)
{
    struct fuse_in_header head = { .opcode = opcode,
                                   .nodeid = node,
                                   .unique = ++guest.unique,
                                   .uid = GUEST_UID,
                                   .gid = GUEST_GID,
                                   .pid = guest.pid };

    sb_truncate(&guest.request, 0);
    put(&head, sizeof(head));
}

/* Sends what was put together, in two pieces; the answer goes into pieces, too. */
static inline int ask_into(size_t room)
{
    size_t n = guest.request.n, cut = n / 2;
    struct fuse_in_header head;
    struct fuse_out_header out;
    bool ok;

    memcpy(&head, guest.request.p, sizeof(head));
    head.len = (uint32_t)n;
    memcpy(guest.request.p, &head, sizeof(head));
    memset(guest.reply, 0xee, sizeof(guest.reply));

    const struct iovec in[] = { { guest.request.p, cut }, { guest.request.p + cut, n - cut } };
    const struct iovec answer[] = { { guest.reply, 10 }, { guest.reply + 10, room - 10 } };
    uint32_t len = fuse_server_run(guest.server, in, 2, answer, 2, &ok);

    assert_true(ok);
    guest.reply_len = 0;
    if (len == 0)
        return 0;
    memcpy(&out, guest.reply, sizeof(out));
    assert_int_equal(out.len, len);
    assert_true(len <= room);
    assert_true(out.unique == head.unique);
    guest.reply_len = len - sizeof(out);
    return out.error;
}

static inline int ask(void)
{
    return ask_into(sizeof(guest.reply));
}

static inline const void *answer(void)
{
    return guest.reply + sizeof(struct fuse_out_header);
}

static inline int ask_name(uint32_t opcode, uint64_t dir, const char *name)
{
    begin(opcode, dir);
    put_text(name);
    return ask();
}

static inline struct fuse_entry_out entry(void)
{
    struct fuse_entry_out out;

    assert_true(guest.reply_len >= sizeof(out));
    memcpy(&out, answer(), sizeof(out));
    return out;
}

static inline int lookup(uint64_t dir, const char *name, uint64_t *out_node)
{
    int rc = ask_name(FUSE_LOOKUP, dir, name);

    *out_node = rc == 0 ? entry().nodeid : 0;
    return rc;
}

/* Of something that must be there. */
static inline uint64_t node_of(uint64_t dir, const char *name)
{
    uint64_t node = 0;

    assert_int_equal(lookup(dir, name, &node), 0);
    return node;
}

static inline void forget(uint64_t node, uint64_t n)
{
    struct fuse_forget_in in = { .nlookup = n };

    begin(FUSE_FORGET, node);
    put(&in, sizeof(in));
    (void)ask();
}

static inline int getattr(uint64_t node, struct fuse_attr *out)
{
    struct fuse_getattr_in in = { 0 };
    struct fuse_attr_out reply;
    int rc;

    begin(FUSE_GETATTR, node);
    put(&in, sizeof(in));
    rc = ask();
    *out = (struct fuse_attr){ 0 };
    if (rc == 0) {
        assert_int_equal(guest.reply_len, sizeof(reply));
        memcpy(&reply, answer(), sizeof(reply));
        *out = reply.attr;
    }
    return rc;
}

static inline int setattr(uint64_t node, struct fuse_setattr_in in)
{
    begin(FUSE_SETATTR, node);
    put(&in, sizeof(in));
    return ask();
}

static inline int open_as(uint32_t opcode, uint64_t node, uint32_t flags, uint64_t *out_fh)
{
    struct fuse_open_in in = { .flags = flags };
    struct fuse_open_out out;
    int rc;

    begin(opcode, node);
    put(&in, sizeof(in));
    rc = ask();
    *out_fh = 0;
    if (rc == 0) {
        memcpy(&out, answer(), sizeof(out));
        *out_fh = out.fh;
    }
    return rc;
}

static inline int create(uint64_t dir, const char *name, uint32_t flags, uint32_t mode,
                         uint64_t *out_node, uint64_t *out_fh)
{
    struct fuse_create_in in = { .flags = flags | O_CREAT, .mode = S_IFREG | mode };
    struct fuse_open_out out;
    int rc;

    begin(FUSE_CREATE, dir);
    put(&in, sizeof(in));
    put_text(name);
    rc = ask();
    *out_node = *out_fh = 0;
    if (rc == 0) {
        *out_node = entry().nodeid;
        memcpy(&out, (const char *)answer() + sizeof(struct fuse_entry_out), sizeof(out));
        *out_fh = out.fh;
    }
    return rc;
}

/* The count of bytes, or a negative errno. */
static inline int write_with(uint64_t node, uint64_t fh, uint64_t at, struct sv data,
                             uint32_t flags, uint32_t write_flags)
{
    struct fuse_write_in in = {
        .fh = fh, .offset = at, .size = (uint32_t)data.n, .flags = flags, .write_flags = write_flags
    };
    struct fuse_write_out out;
    int rc;

    begin(FUSE_WRITE, node);
    put(&in, sizeof(in));
    put(data.p, data.n);
    rc = ask();
    if (rc < 0)
        return rc;
    memcpy(&out, answer(), sizeof(out));
    return (int)out.size;
}

static inline int write_at(uint64_t node, uint64_t fh, uint64_t at, const char *text)
{
    return write_with(node, fh, at, sv_of(text), 0, 0);
}

/* The answer is the data. */
static inline int read_at(uint64_t node, uint64_t fh, uint64_t at, uint32_t size)
{
    struct fuse_read_in in = { .fh = fh, .offset = at, .size = size };

    begin(FUSE_READ, node);
    put(&in, sizeof(in));
    return ask();
}

static inline int release(uint64_t node, uint64_t fh)
{
    struct fuse_release_in in = { .fh = fh };

    begin(FUSE_RELEASE, node);
    put(&in, sizeof(in));
    return ask();
}

/* The names in a directory, each ended by '/', and how many nodes came with them. */
static inline void list_dir(uint64_t dir, uint32_t opcode, uint32_t size, struct sb *names,
                            unsigned *out_nodes)
{
    struct fuse_read_in in = { .size = size };
    struct fuse_release_in done = { 0 };
    const bool is_plus = opcode == FUSE_READDIRPLUS;

    *out_nodes = 0;
    assert_int_equal(open_as(FUSE_OPENDIR, dir, 0, &in.fh), 0);
    for (;;) {
        size_t at = 0;

        begin(opcode, dir);
        put(&in, sizeof(in));
        assert_int_equal(ask(), 0);
        if (guest.reply_len == 0)
            break;
        while (at < guest.reply_len) {
            const char *p = (const char *)answer() + at;
            struct fuse_entry_out e = { 0 };
            struct fuse_dirent d;

            if (is_plus)
                memcpy(&e, p, sizeof(e));
            p += is_plus ? sizeof(e) : 0;
            memcpy(&d, p, FUSE_NAME_OFFSET);
            *out_nodes += e.nodeid != 0;
            sb_put_mem(names, p + FUSE_NAME_OFFSET, d.namelen);
            sb_putc(names, '/');
            in.offset = d.off;
            at += (is_plus ? sizeof(e) : 0) + FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + d.namelen);
        }
    }
    begin(FUSE_RELEASEDIR, dir);
    done.fh = in.fh;
    put(&done, sizeof(done));
    (void)ask();
}

static inline int rename_to(uint64_t dir, const char *name, uint64_t dir2, const char *name2,
                            uint32_t flags)
{
    struct fuse_rename2_in in = { .newdir = dir2, .flags = flags };

    begin(FUSE_RENAME2, dir);
    put(&in, sizeof(in));
    put_text(name);
    put_text(name2);
    return ask();
}

static inline int link_to(uint64_t node, uint64_t dir, const char *name)
{
    struct fuse_link_in in = { .oldnodeid = node };

    begin(FUSE_LINK, dir);
    put(&in, sizeof(in));
    put_text(name);
    return ask();
}

static inline int make_dir(uint64_t dir, const char *name, uint32_t mode)
{
    struct fuse_mkdir_in in = { .mode = mode };

    begin(FUSE_MKDIR, dir);
    put(&in, sizeof(in));
    put_text(name);
    return ask();
}

static inline int greet(void)
{
    struct fuse_init_in in = { .major = FUSE_KERNEL_VERSION,
                               .minor = FUSE_KERNEL_MINOR_VERSION,
                               .flags = ~0u };

    begin(FUSE_INIT, FUSE_ROOT_ID);
    put(&in, sizeof(in));
    return ask();
}

static inline bool export_dir(const char *name, const char *path, bool read_only)
{
    struct fuse_export_options options = { .name = name,
                                           .read_only = read_only,
                                           .tells_changes = guest.tells_changes,
                                           .host_uid = geteuid(),
                                           .host_gid = getegid(),
                                           .guest_uid = GUEST_UID,
                                           .guest_gid = GUEST_GID };

    return fuse_server_add(guest.server, &options, open(path, O_PATH | O_CLOEXEC), NULL);
}

/* ---- the host's side ---- */

static inline void host_write(const char *name, const char *text)
{
    auto_mem char *path = in_top(name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    (void)close(fd);
}

static inline bool host_has(const char *name, const char *text)
{
    auto_mem char *path = in_top(name);
    char buf[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

    if (fd >= 0)
        (void)close(fd);
    return n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

static inline void host_mkdir(const char *name)
{
    auto_mem char *path = in_top(name);

    assert_int_equal(mkdir(path, 0755), 0);
}

static inline bool host_exists(const char *name)
{
    auto_mem char *path = in_top(name);
    struct stat st;

    return lstat(path, &st) == 0;
}

static inline void host_rename(const char *from, const char *to)
{
    auto_mem char *path = in_top(from);
    auto_mem char *path2 = in_top(to);

    assert_int_equal(rename(path, path2), 0);
}

static inline int guest_setup(void **state)
{
    auto_mem char *top = NULL;

    if (temp_dir_setup(state) != 0)
        return -1;
    top = in_top("");
    guest.server = fuse_server_new();
    guest.unique = 0;
    (void)umask(0);
    if (mkdir(top, 0755) < 0 || greet() != 0 || !export_dir("top", top, false))
        return -1;
    return lookup(FUSE_ROOT_ID, "top", &guest.top);
}

static inline int guest_teardown(void **state)
{
    if (chdir("/") < 0)
        return -1;
    fuse_server_free(guest.server);
    sb_done(&guest.request);
    guest = (struct guest){ 0 };
    return temp_dir_teardown(state);
}

#define guest_test(f) cmocka_unit_test_setup_teardown(f, guest_setup, guest_teardown)

#endif
