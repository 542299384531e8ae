/* The SFTP server on scratch directories, asked like sshfs asks, and like it never would. */
#include "svc/sftp/server.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../sftp_packets.h"
#include "../../temp_dir.h"
#include "../../unit_test.h"
#include "sys/file.h"

/* The scratch directory has the shared folder, at /srv/in for the client, and things beside it. */
#define LOCATION "/srv/in"

enum {
    OPEN = 3,
    CLOSE = 4,
    READ = 5,
    WRITE = 6,
    LSTAT = 7,
    FSTAT = 8,
    SETSTAT = 9,
    FSETSTAT = 10,
    OPENDIR = 11,
    READDIR = 12,
    REMOVE = 13,
    MKDIR = 14,
    RMDIR = 15,
    REALPATH = 16,
    STAT = 17,
    RENAME = 18,
    READLINK = 19,
    SYMLINK = 20,
    EXTENDED = 200,
};

static struct {
    char *in, *beside;
    int root_fd;
    struct sftp_server *s;
    struct sb request, reply;
} world;

static int setup(void **state)
{
    if (temp_dir_setup(NULL) < 0)
        return -1;
    world.in = temp_path("in");
    world.beside = temp_path("beside");
    assert_true(mkdir(world.in, 0700) == 0 && mkdir(world.beside, 0700) == 0);
    return 0;
}

static void start(bool follow_links)
{
    world.root_fd = open(world.in, O_PATH | O_DIRECTORY | O_CLOEXEC);
    world.s = sftp_server_new(&(struct sftp_server_options){
        .root_fd = world.root_fd, .location = LOCATION "/", .follow_links = follow_links });
}

static int start_plain(void **state)
{
    auto_mem char *secret = path_join(world.beside, "secret");
    auto_mem char *file = path_join(world.in, "file");

    assert_true(file_write_atomic(secret, SV("secret"), 0600, NULL));
    assert_true(file_write_atomic(file, SV("content"), 0640, NULL));
    start(false);
    return 0;
}

static int stop(void **state)
{
    sftp_server_free(world.s);
    (void)close(world.root_fd);
    sb_done(&world.request);
    sb_done(&world.reply);
    assert_true(dir_remove_tree(world.in, NULL) && dir_remove_tree(world.beside, NULL));
    assert_true(mkdir(world.in, 0700) == 0 && mkdir(world.beside, 0700) == 0);
    return 0;
}

static int teardown(void **state)
{
    free(world.in);
    free(world.beside);
    return temp_dir_teardown(state);
}

/* Serves what world.request has. Yields the reply, valid until the next one. */
static struct sv served(void)
{
    sb_truncate(&world.reply, 0);
    assert_true(sftp_server_take(world.s, sb_view(&world.request), &world.reply, NULL));
    sb_truncate(&world.request, 0);
    assert_int_equal(sftp_u32_at(sb_view(&world.reply), 0), world.reply.n - 4);
    return sb_view(&world.reply);
}

#define ask(...) (sftp_request(&world.request, __VA_ARGS__), served())

/* Type of the reply, or 1000 + its status. */
#define asked(...) code_of(ask(__VA_ARGS__))
enum { ST = 1000 };

static int code_of(struct sv reply)
{
    int type = (uint8_t)reply.p[SFTP_AT_TYPE];

    return type == SFTP_REPLY_STATUS ? ST + (int)sftp_u32_at(reply, SFTP_AT_BODY) : type;
}

/* Opens and copies the handle. */
static struct sv open_file(const char *path, uint32_t flags, char handle[8])
{
    struct sv reply = ask("butuu", OPEN, 1u, path, flags, 0u);

    assert_int_equal(code_of(reply), SFTP_REPLY_HANDLE);
    memcpy(handle, sftp_text_at(reply, SFTP_AT_BODY).p, 8);
    return (struct sv){ handle, 8 };
}

static void files_are_read_and_written(void **state)
{
    auto_mem char *path = path_join(world.in, "new");
    auto_mem char *text = NULL;
    char bytes[8];
    struct sv h =
        open_file(LOCATION "/new", SFTP_OPEN_READ | SFTP_OPEN_WRITE | SFTP_OPEN_CREATE, bytes);
    struct sv reply;
    struct stat st;

    assert_int_equal(asked("buhqt", WRITE, 2u, &h, UINT64_C(0), "hello world"), ST + SFTP_OK);
    assert_int_equal(asked("buhqt", WRITE, 2u, &h, UINT64_C(6), "there"), ST + SFTP_OK);
    reply = ask("buhqu", READ, 3u, &h, UINT64_C(6), 100u);
    assert_int_equal(code_of(reply), SFTP_REPLY_DATA);
    assert_int_equal(sftp_u32_at(reply, SFTP_AT_ID), 3);
    assert_true(sv_eq(sftp_text_at(reply, SFTP_AT_BODY), SV("there")));
    assert_int_equal(asked("buhqu", READ, 3u, &h, UINT64_C(11), 100u), ST + SFTP_EOF);
    assert_int_equal(asked("butt", EXTENDED, 4u, "fsync@openssh.com", "12345678"),
                     ST + SFTP_NO_SUCH_FILE);
    assert_int_equal(asked("buth", EXTENDED, 4u, "fsync@openssh.com", &h), ST + SFTP_OK);
    assert_int_equal(asked("buh", CLOSE, 5u, &h), ST + SFTP_OK);
    assert_true(file_read_text(path, 100, &text, NULL) && str_eq(text, "hello there"));
    assert_true(stat(path, &st) == 0);
}

static void a_request_for_more_than_fits_gets_what_fits(void **state)
{
    char bytes[8];
    struct sv h = open_file(LOCATION "/file", SFTP_OPEN_READ | SFTP_OPEN_WRITE, bytes);
    struct sv reply;

    assert_int_equal(asked("buhuq", FSETSTAT, 1u, &h, SFTP_HAS_SIZE, UINT64_C(1) << 22),
                     ST + SFTP_OK);
    reply = ask("buhqu", READ, 2u, &h, UINT64_C(0), 0xffffffffu);
    assert_int_equal(code_of(reply), SFTP_REPLY_DATA);
    assert_true(reply.n <= SFTP_PACKET_LEN_MAX + SFTP_HEAD_LEN);
    assert_int_equal(sftp_text_at(reply, SFTP_AT_BODY).n, SFTP_DATA_LEN_MAX);
    assert_int_equal(asked("buhqu", READ, 2u, &h, UINT64_MAX, 1u), ST + SFTP_BAD_MESSAGE);
    assert_int_equal(asked("buhqt", WRITE, 2u, &h, UINT64_MAX, "x"), ST + SFTP_FAILURE);
}

static void names_come_and_go(void **state)
{
    auto_mem char *moved = path_join(world.in, "d/moved");

    assert_int_equal(asked("butu", MKDIR, 1u, LOCATION "/d", 0u), ST + SFTP_OK);
    assert_int_equal(asked("butu", MKDIR, 1u, LOCATION "/d", 0u), ST + SFTP_FAILURE);
    assert_int_equal(asked("butt", RENAME, 1u, LOCATION "/file", LOCATION "/d/moved"),
                     ST + SFTP_OK);
    assert_true(file_exists(moved));
    assert_int_equal(
        asked("buttt", EXTENDED, 1u, "hardlink@openssh.com", LOCATION "/d/moved", LOCATION "/file"),
        ST + SFTP_OK);
    assert_int_equal(asked("butu", MKDIR, 1u, LOCATION "/e", 0u), ST + SFTP_OK);
    assert_int_equal(asked("butt", RENAME, 1u, LOCATION "/d/moved", LOCATION "/e"),
                     ST + SFTP_FAILURE);
    assert_int_equal(asked("butt", SYMLINK, 1u, "other", LOCATION "/l"), ST + SFTP_OK);
    assert_int_equal(asked("buttt", EXTENDED, 1u, "posix-rename@openssh.com", LOCATION "/l",
                           LOCATION "/d/moved"),
                     ST + SFTP_OK);
    assert_true(sv_eq(sftp_text_at(ask("but", READLINK, 1u, LOCATION "/d/moved"), SFTP_AT_BODY + 4),
                      SV("other")));
    assert_int_equal(asked("but", RMDIR, 1u, LOCATION "/d"), ST + SFTP_FAILURE);
    assert_int_equal(asked("but", REMOVE, 1u, LOCATION "/d/moved"), ST + SFTP_OK);
    assert_int_equal(asked("but", RMDIR, 1u, LOCATION "/d"), ST + SFTP_OK);
    assert_int_equal(asked("but", REMOVE, 1u, LOCATION "/d"), ST + SFTP_NO_SUCH_FILE);
}

static void attributes_change(void **state)
{
    auto_mem char *path = path_join(world.in, "file");
    struct stat st;

    assert_int_equal(asked("butuquuu", SETSTAT, 1u, LOCATION "/file",
                           SFTP_HAS_SIZE | SFTP_HAS_MODE | SFTP_HAS_TIMES, UINT64_C(3), 06755u, 11u,
                           12u),
                     ST + SFTP_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 3);
    assert_int_equal(st.st_mode & 07777, 0755); /* nothing sets ids on the host */
    assert_int_equal(st.st_mtime, 12);
    assert_int_equal(asked("butuu", SETSTAT, 1u, LOCATION, SFTP_HAS_MODE, 0750u), ST + SFTP_OK);
    assert_int_equal(stat(world.in, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0750);
    assert_int_equal(asked("butuuu", OPEN, 1u, LOCATION "/suid", SFTP_OPEN_WRITE | SFTP_OPEN_CREATE,
                           SFTP_HAS_MODE, 04755u),
                     SFTP_REPLY_HANDLE);
    mem_replace(&path, path_join(world.in, "suid"));
    assert_int_equal(stat(path, &st), 0);
    assert_false(st.st_mode & S_ISUID);
}

static void a_directory_is_listed_whole(void **state)
{
    enum { FILES = 1000 };
    uint32_t n = 0;
    struct sv reply, handle;
    char bytes[8];

    for (int i = 0; i < FILES; i++) {
        auto_mem char *path = mem_printf("%s/%0200d", world.in, i);

        assert_true(file_write_atomic(path, SV(""), 0600, NULL));
    }
    reply = ask("but", OPENDIR, 1u, LOCATION);
    assert_int_equal(code_of(reply), SFTP_REPLY_HANDLE);
    memcpy(bytes, sftp_text_at(reply, SFTP_AT_BODY).p, 8);
    handle = (struct sv){ bytes, 8 };
    while (code_of(reply = ask("buh", READDIR, 2u, &handle)) == SFTP_REPLY_NAME) {
        assert_true(reply.n < 64 * 1024);
        n += sftp_u32_at(reply, SFTP_AT_BODY);
    }
    assert_int_equal(code_of(reply), ST + SFTP_EOF);
    assert_int_equal(n, FILES + 3); /* ".", "..", "file" */
    assert_int_equal(asked("buhqu", READ, 2u, &handle, UINT64_C(0), 1u), ST + SFTP_FAILURE);
    assert_int_equal(asked("buh", CLOSE, 2u, &handle), ST + SFTP_OK);
    assert_int_equal(asked("buh", READDIR, 2u, &handle), ST + SFTP_NO_SUCH_FILE);
}

static void what_is_outside_does_not_exist(void **state)
{
    static const char *const paths[] = {
        "/",
        "/srv",
        "/etc/passwd",
        "/srv/inner",
        "/srv/in/..",
        "/srv/in/../beside/secret",
        "/srv/in/../../etc/passwd",
        "../beside/secret",
        "..",
        "/srv/in/./../in/../beside/secret",
        "//srv//beside",
    };

    for (size_t i = 0; i < COUNT(paths); i++) {
        check_row(asked("but", LSTAT, 1u, paths[i]) == ST + SFTP_NO_SUCH_FILE, paths[i]);
        check_row(asked("but", STAT, 1u, paths[i]) == ST + SFTP_NO_SUCH_FILE, paths[i]);
        check_row(asked("but", OPENDIR, 1u, paths[i]) == ST + SFTP_NO_SUCH_FILE, paths[i]);
        check_row(asked("but", REALPATH, 1u, paths[i]) == ST + SFTP_NO_SUCH_FILE, paths[i]);
        check_row(asked("butuu", OPEN, 1u, paths[i], SFTP_OPEN_READ, 0u) == ST + SFTP_NO_SUCH_FILE,
                  paths[i]);
        check_row(asked("butt", RENAME, 1u, LOCATION "/file", paths[i]) == ST + SFTP_NO_SUCH_FILE,
                  paths[i]);
        check_row(asked("buttt", EXTENDED, 1u, "hardlink@openssh.com", paths[i], LOCATION "/x") ==
                      ST + SFTP_NO_SUCH_FILE,
                  paths[i]);
    }
    assert_true(sv_eq(sftp_text_at(ask("but", REALPATH, 1u, "."), SFTP_AT_BODY + 4), SV(LOCATION)));
    assert_int_equal(asked("but", LSTAT, 1u, LOCATION "//./file"), SFTP_REPLY_ATTRS);
}

static void the_folder_itself_is_not_moved_or_removed(void **state)
{
    assert_true(asked("but", RMDIR, 1u, LOCATION) >= ST + SFTP_NO_SUCH_FILE);
    assert_true(asked("but", REMOVE, 1u, LOCATION) >= ST + SFTP_NO_SUCH_FILE);
    assert_true(asked("butt", RENAME, 1u, LOCATION, LOCATION "/x") >= ST + SFTP_NO_SUCH_FILE);
    assert_true(file_exists(world.in));
}

static void link_to(const char *target, const char *name)
{
    auto_mem char *path = path_join(world.in, name);

    assert_int_equal(symlink(target, path), 0);
}

/* Links that lead out, by every operation that could follow one. */
static void check_links_out(void)
{
    static const char *const links[] = { "up/secret", "abs/secret", "out", "abs-out" };

    link_to("../beside", "up");
    link_to(world.beside, "abs");
    link_to("../beside/secret", "out");
    link_to("/etc/passwd", "abs-out");
    for (size_t i = 0; i < COUNT(links); i++) {
        auto_mem char *path = mem_printf(LOCATION "/%s", links[i]);

        check_row(asked("butuu", OPEN, 1u, path, SFTP_OPEN_READ, 0u) >= ST + SFTP_NO_SUCH_FILE,
                  path);
        check_row(asked("butuu", OPEN, 1u, path, SFTP_OPEN_WRITE | SFTP_OPEN_CREATE, 0u) >=
                      ST + SFTP_NO_SUCH_FILE,
                  path);
        check_row(asked("butuq", SETSTAT, 1u, path, SFTP_HAS_SIZE, UINT64_C(0)) >=
                      ST + SFTP_NO_SUCH_FILE,
                  path);
        check_row(asked("butuu", SETSTAT, 1u, path, SFTP_HAS_MODE, 0777u) >= ST + SFTP_NO_SUCH_FILE,
                  path);
    }
    assert_true(asked("but", OPENDIR, 1u, LOCATION "/up") >= ST + SFTP_NO_SUCH_FILE);
    assert_true(asked("butu", MKDIR, 1u, LOCATION "/up/d", 0u) >= ST + SFTP_NO_SUCH_FILE);
    assert_true(asked("butt", RENAME, 1u, LOCATION "/file", LOCATION "/up/f") >=
                ST + SFTP_NO_SUCH_FILE);
    assert_int_equal(asked("but", LSTAT, 1u, LOCATION "/out"), SFTP_REPLY_ATTRS);
}

static void links_lead_nowhere(void **state)
{
    check_links_out();
    link_to("file", "inside");
    assert_int_equal(asked("butuu", OPEN, 1u, LOCATION "/inside", SFTP_OPEN_READ, 0u),
                     ST + SFTP_NO_SUCH_FILE);
}

static void followed_links_stay_inside(void **state)
{
    auto_mem char *dir = path_join(world.in, "dir");
    char bytes[8];
    struct sv reply;

    sftp_server_free(world.s);
    (void)close(world.root_fd);
    start(true);
    check_links_out();
    assert_int_equal(mkdir(dir, 0700), 0);
    link_to("../file", "dir/back");
    (void)open_file(LOCATION "/dir/back", SFTP_OPEN_READ, bytes);
    reply = ask("but", STAT, 1u, LOCATION "/dir/back");
    assert_int_equal(code_of(reply), SFTP_REPLY_ATTRS);
    assert_true(S_ISREG(sftp_u32_at(reply, SFTP_AT_BODY + 4 + 8 + 8)));
    reply = ask("but", LSTAT, 1u, LOCATION "/dir/back");
    assert_true(S_ISLNK(sftp_u32_at(reply, SFTP_AT_BODY + 4 + 8 + 8)));
    assert_int_equal(asked("but", STAT, 1u, LOCATION "/out"), ST + SFTP_NO_SUCH_FILE);
}

static void handles_are_not_guessed(void **state)
{
    char bytes[8], other[8];
    struct sv h = open_file(LOCATION "/file", SFTP_OPEN_READ, bytes);
    const struct sv odd[] = {
        { "", 0 }, { bytes, 7 }, { "\xff\xff\xff\xff\0\0\0\1", 8 }, { "\0\0\0\0\0\0\0\0", 8 }
    };

    for (size_t i = 0; i < COUNT(odd); i++) {
        assert_int_equal(asked("buh", FSTAT, 1u, &odd[i]), ST + SFTP_NO_SUCH_FILE);
        assert_int_equal(asked("buh", CLOSE, 1u, &odd[i]), ST + SFTP_NO_SUCH_FILE);
        assert_int_equal(asked("buh", READDIR, 1u, &odd[i]), ST + SFTP_NO_SUCH_FILE);
    }
    assert_int_equal(asked("buh", READDIR, 1u, &h), ST + SFTP_NO_SUCH_FILE);
    assert_int_equal(asked("buh", FSTAT, 1u, &h), SFTP_REPLY_ATTRS);
    assert_int_equal(asked("buh", CLOSE, 1u, &h), ST + SFTP_OK);
    (void)open_file(LOCATION "/file", SFTP_OPEN_READ, other); /* in the same place */
    assert_int_equal(asked("buh", FSTAT, 1u, &h), ST + SFTP_NO_SUCH_FILE);
}

static void what_is_no_file_is_not_opened(void **state)
{
    auto_mem char *path = path_join(world.in, "pipe");

    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(asked("butuu", OPEN, 1u, LOCATION "/pipe", SFTP_OPEN_READ, 0u),
                     ST + SFTP_FAILURE);
    assert_int_equal(asked("butuu", OPEN, 1u, LOCATION, SFTP_OPEN_READ, 0u), ST + SFTP_FAILURE);
}

static void file_systems_tell_their_size(void **state)
{
    struct sv reply = ask("butt", EXTENDED, 1u, "statvfs@openssh.com", LOCATION);

    assert_int_equal(code_of(reply), SFTP_REPLY_EXTENDED);
    assert_int_equal(reply.n, SFTP_AT_BODY + 11 * 8);
    assert_int_equal(code_of(ask("but", EXTENDED, 1u, "limits@openssh.com")), SFTP_REPLY_EXTENDED);
    assert_int_equal(asked("but", EXTENDED, 1u, "other@example.com"), ST + SFTP_UNSUPPORTED);
}

/* Exchanges a folder for a link out of the share, over and over. */
static atomic_bool swapping;

static void *swap(void *arg)
{
    auto_mem char *here = path_join(world.in, "sub"), *away = path_join(world.in, "away");
    auto_mem char *link = path_join(world.in, "link");

    while (atomic_load(&swapping)) {
        (void)rename(here, away);
        (void)rename(link, here);
        (void)rename(here, link);
        (void)rename(away, here);
    }
    return NULL;
}

static void a_folder_swapped_for_a_link_leads_nowhere(void **state)
{
    enum { TRIES = 20000 };
    auto_mem char *sub = path_join(world.in, "sub");
    auto_mem char *inside = path_join(world.in, "sub/secret");
    auto_mem char *secret = path_join(world.beside, "secret"),
                  *made = path_join(world.beside, "made");
    auto_mem char *text = NULL;
    pthread_t thread;

    assert_int_equal(mkdir(sub, 0700), 0);
    assert_true(file_write_atomic(inside, SV("inside"), 0600, NULL));
    link_to("../beside", "link");
    atomic_store(&swapping, true);
    assert_int_equal(pthread_create(&thread, NULL, swap, NULL), 0);
    for (int i = 0; i < TRIES; i++) {
        struct sv reply = ask("butuu", OPEN, 1u, LOCATION "/sub/secret", SFTP_OPEN_READ, 0u);

        if (code_of(reply) == SFTP_REPLY_HANDLE) {
            char bytes[8];
            struct sv h = { bytes, 8 };

            memcpy(bytes, sftp_text_at(reply, SFTP_AT_BODY).p, 8);
            reply = ask("buhqu", READ, 1u, &h, UINT64_C(0), 100u);
            assert_true(sv_eq(sftp_text_at(reply, SFTP_AT_BODY), SV("inside")));
            assert_int_equal(asked("buh", CLOSE, 1u, &h), ST + SFTP_OK);
        }
        (void)asked("butu", MKDIR, 1u, LOCATION "/sub/made", 0u);
        (void)asked("but", RMDIR, 1u, LOCATION "/sub/made");
    }
    atomic_store(&swapping, false);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(file_exists(made));
    assert_true(file_read_text(secret, 100, &text, NULL) && str_eq(text, "secret"));
}

static void a_session_answers_until_the_client_hangs_up(void **state)
{
    auto_err struct err *err = NULL;
    char reply[4096];
    int pair[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    sftp_request(&world.request, "bu", 1, 3u);
    sftp_request(&world.request, "but", REALPATH, 1u, ".");
    sb_puts(&world.request, "\0\0");
    assert_int_equal(write(pair[0], world.request.p, world.request.n), (ssize_t)world.request.n);
    assert_int_equal(shutdown(pair[0], SHUT_WR), 0);
    assert_true(sftp_session(world.s, pair[1], pair[1], NULL));
    assert_true(read(pair[0], reply, sizeof(reply)) > 100);
    (void)close(pair[0]);
    (void)close(pair[1]);

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(write(pair[0], "GET / HTTP/1.1", 14), 14);
    assert_false(sftp_session(world.s, pair[1], pair[1], &err));
    assert_int_equal(err_kind(err), ERR_PROTOCOL);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start_plain, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(files_are_read_and_written),
        CASE(a_request_for_more_than_fits_gets_what_fits),
        CASE(names_come_and_go),
        CASE(attributes_change),
        CASE(a_directory_is_listed_whole),
        CASE(what_is_outside_does_not_exist),
        CASE(the_folder_itself_is_not_moved_or_removed),
        CASE(links_lead_nowhere),
        CASE(followed_links_stay_inside),
        CASE(handles_are_not_guessed),
        CASE(what_is_no_file_is_not_opened),
        CASE(file_systems_tell_their_size),
        CASE(a_folder_swapped_for_a_link_leads_nowhere),
        CASE(a_session_answers_until_the_client_hangs_up),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
