/*
 * Checks that a directory behaves like a file system: file_checks DIR. Prints a line for each check
 * that fails, then how many there were; status 0 when none failed. Runs as an ordinary user, in
 * guests of any distribution. What the file system cannot do by nature (O_TMPFILE, attributes) is
 * left out when it says EOPNOTSUPP.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE  2
#endif

static unsigned n_checks, n_failed;
static const char *topic;

static void note(bool ok, int line, const char *what)
{
    n_checks++;
    if (ok)
        return;
    n_failed++;
    printf("%s: line %d: %s (%s)\n", topic, line, what, strerror(errno));
}

#define CHECK(condition)    note((condition), __LINE__, #condition)
/* The call fails, with this errno. */
#define FAILS(call, number) note((call) == -1 && errno == (number), __LINE__, #call " = " #number)

static int make(const char *name, const char *text)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

    if (fd >= 0 && write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static void put(const char *name, const char *text)
{
    int fd = make(name, text);

    if (fd >= 0)
        (void)close(fd);
}

static bool holds(const char *name, const char *text)
{
    char buf[256];
    int fd = open(name, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

    if (fd >= 0)
        (void)close(fd);
    return n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

static struct stat stat_of(const char *name)
{
    struct stat st = { 0 };

    (void)lstat(name, &st);
    return st;
}

static bool exists(const char *name)
{
    struct stat st;

    return lstat(name, &st) == 0;
}

static int rename_flags(const char *from, const char *to, unsigned flags)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

/* ---- topics: each has an empty working directory ---- */

static void opening(void)
{
    char buf[8];
    int fd;

    FAILS(open("none", O_RDONLY), ENOENT);
    CHECK((fd = open("a", O_WRONLY | O_CREAT | O_EXCL, 0640)) >= 0);
    CHECK((stat_of("a").st_mode & 07777) == 0640);
    CHECK(stat_of("a").st_uid == getuid());
    CHECK(write(fd, "abc", 3) == 3);
    FAILS(read(fd, buf, 1), EBADF);
    (void)close(fd);
    FAILS(open("a", O_WRONLY | O_CREAT | O_EXCL, 0640), EEXIST);
    CHECK((fd = open("a", O_RDONLY)) >= 0);
    FAILS(write(fd, "x", 1), EBADF);
    CHECK(pread(fd, buf, 8, 1) == 2 && memcmp(buf, "bc", 2) == 0);
    (void)close(fd);
    CHECK((fd = open("a", O_WRONLY | O_TRUNC)) >= 0);
    CHECK(stat_of("a").st_size == 0);
    (void)close(fd);
    FAILS(open("a/b", O_RDONLY), ENOTDIR);
    FAILS(open("a", O_RDONLY | O_DIRECTORY), ENOTDIR);
    FAILS(open(".", O_WRONLY), EISDIR);
    CHECK((fd = open("ro", O_RDWR | O_CREAT | O_EXCL, 0444)) >= 0);
    CHECK(write(fd, "x", 1) == 1);
    (void)close(fd);
    if (getuid() != 0)
        FAILS(open("ro", O_WRONLY), EACCES);
    CHECK(mkdir("closed", 0) == 0);
    if (getuid() != 0)
        FAILS(open("closed/x", O_CREAT | O_WRONLY, 0644), EACCES);
    CHECK(chmod("closed", 0755) == 0);
    (void)umask(027);
    put("masked", "");
    CHECK((stat_of("masked").st_mode & 0777) == 0640);
    CHECK(mkdir("maskdir", 0777) == 0 && (stat_of("maskdir").st_mode & 0777) == 0750);
    (void)umask(022);
}

static void writing(void)
{
    struct stat st;
    char buf[64] = { 0 };
    int fd = make("f", "0123456789"), again;

    CHECK(fd >= 0);
    CHECK(pwrite(fd, "AB", 2, 4) == 2 && holds("f", "0123AB6789"));
    CHECK(lseek(fd, 0, SEEK_END) == 10);
    CHECK(pwrite(fd, "end", 3, 20) == 3);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 23);
    CHECK(pread(fd, buf, 12, 10) == 12 && memcmp(buf, "\0\0\0\0\0\0\0\0\0\0en", 12) == 0);
    CHECK(ftruncate(fd, 4) == 0 && holds("f", "0123"));
    CHECK(truncate("f", 6) == 0 && stat_of("f").st_size == 6);
    CHECK((again = open("f", O_WRONLY | O_APPEND)) >= 0);
    CHECK(pwrite(fd, "XY", 2, 6) == 2);
    CHECK(write(again, "Z", 1) == 1);
    CHECK(stat_of("f").st_size == 9);
    CHECK(pread(fd, buf, 3, 6) == 3 && memcmp(buf, "XYZ", 3) == 0);
    CHECK(fsync(fd) == 0 && fdatasync(again) == 0);
    (void)close(again);
    FAILS(ftruncate(fd, -1), EINVAL);
    FAILS(truncate(".", 0), EISDIR);
    CHECK(fallocate(fd, 0, 0, 65536) == 0 || errno == EOPNOTSUPP);
    (void)close(fd);
}

static void big_file(void)
{
    enum { CHUNK = 1 << 20, N = 8 };
    unsigned char *out = malloc(CHUNK), *in = malloc(CHUNK);
    int fd = open("big", O_RDWR | O_CREAT, 0644);
    bool same = true, wrote = true;

    for (unsigned i = 0; i < N; i++) {
        for (unsigned k = 0; k < CHUNK; k++)
            out[k] = (unsigned char)(k * 31 + i + k / 4096);
        wrote = wrote && write(fd, out, CHUNK) == CHUNK;
    }
    CHECK(wrote);
    CHECK(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
    for (unsigned i = 0; i < N; i++) {
        ssize_t n = pread(fd, in, CHUNK, (off_t)i * CHUNK);

        for (unsigned k = 0; k < CHUNK && same; k++)
            same = n == CHUNK && in[k] == (unsigned char)(k * 31 + i + k / 4096);
    }
    CHECK(same);
    CHECK(stat_of("big").st_size == (off_t)CHUNK * N);
    (void)close(fd);
    fd = open("big", O_RDONLY | O_DIRECT);
    if (fd >= 0) {
        unsigned char *aligned = aligned_alloc(4096, CHUNK);

        CHECK(aligned && pread(fd, aligned, CHUNK, CHUNK) == CHUNK &&
              aligned[1] == (unsigned char)(31 + 1));
        free(aligned);
        (void)close(fd);
    }
    free(out);
    free(in);
}

static void mapping(void)
{
    int fd = make("m", "0123456789");
    char *map, *private;

    CHECK(ftruncate(fd, 8192) == 0);
    map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(map != MAP_FAILED);
    if (map == MAP_FAILED)
        return;
    CHECK(memcmp(map, "0123456789", 10) == 0);
    memcpy(map + 5000, "mapped", 6);
    map[1] = 'X';
    CHECK(msync(map, 8192, MS_SYNC) == 0);
    char buf[6];
    CHECK(pread(fd, buf, 6, 5000) == 6 && memcmp(buf, "mapped", 6) == 0);
    CHECK(pwrite(fd, "written", 7, 100) == 7 && memcmp(map + 100, "written", 7) == 0);
    CHECK(munmap(map, 8192) == 0);
    private = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(private != MAP_FAILED);
    private[0] = 'P';
    CHECK(pread(fd, buf, 2, 0) == 2 && memcmp(buf, "0X", 2) == 0);
    (void)munmap(private, 4096);
    (void)close(fd);
}

static void renaming(void)
{
    ino_t ino;

    put("a", "A");
    put("b", "B");
    ino = stat_of("a").st_ino;
    CHECK(rename("a", "b") == 0 && !exists("a") && holds("b", "A"));
    CHECK(stat_of("b").st_ino == ino);
    FAILS(rename("none", "x"), ENOENT);
    CHECK(mkdir("d", 0755) == 0 && mkdir("e", 0755) == 0);
    FAILS(rename("b", "d"), EISDIR);
    FAILS(rename("d", "b"), ENOTDIR);
    CHECK(rename("b", "d/b") == 0 && holds("d/b", "A"));
    FAILS(rename("e", "d"), ENOTEMPTY);
    CHECK(rename("d", "e") == 0 && holds("e/b", "A"));
    CHECK(mkdir("e/sub", 0755) == 0);
    FAILS(rename("e", "e/sub/x"), EINVAL);
    put("x", "X");
    put("y", "Y");
    FAILS(rename_flags("x", "y", RENAME_NOREPLACE), EEXIST);
    CHECK(rename_flags("x", "z", RENAME_NOREPLACE) == 0 && holds("z", "X"));
    CHECK(rename_flags("y", "z", RENAME_EXCHANGE) == 0 && holds("y", "X") && holds("z", "Y"));
    FAILS(rename_flags("y", "none", RENAME_EXCHANGE), ENOENT);
    CHECK(rename_flags("y", "e", RENAME_EXCHANGE) == 0 && holds("e", "X") && holds("y/b", "A"));
    CHECK(link("e", "same") == 0 && rename("e", "same") == 0 && exists("e") && exists("same"));
    CHECK(rename("y", "y") == 0);
}

static void linking(void)
{
    char target[PATH_MAX];
    char long_target[4000];
    struct stat st;
    int fd;

    put("a", "one");
    CHECK(link("a", "b") == 0 && stat_of("a").st_nlink == 2);
    CHECK(stat_of("a").st_ino == stat_of("b").st_ino);
    FAILS(link("a", "b"), EEXIST);
    FAILS(link("none", "c"), ENOENT);
    FAILS(link(".", "dir"), EPERM);
    fd = open("b", O_WRONLY | O_APPEND);
    CHECK(write(fd, "two", 3) == 3 && holds("a", "onetwo"));
    CHECK(unlink("a") == 0 && fstat(fd, &st) == 0 && st.st_nlink == 1);
    (void)close(fd);
    CHECK(symlink("b", "s") == 0 && holds("s", "onetwo"));
    CHECK(readlink("s", target, sizeof(target)) == 1 && target[0] == 'b');
    CHECK(S_ISLNK(stat_of("s").st_mode) && stat_of("s").st_size == 1);
    FAILS(open("s", O_RDONLY | O_NOFOLLOW), ELOOP);
    FAILS(symlink("x", "s"), EEXIST);
    CHECK(unlink("b") == 0);
    FAILS(open("s", O_RDONLY), ENOENT);
    CHECK((fd = open("s", O_WRONLY | O_CREAT, 0644)) >= 0 && exists("b"));
    (void)close(fd);
    CHECK(symlink("loop", "loop") == 0);
    FAILS(open("loop", O_RDONLY), ELOOP);
    FAILS(readlink("b", target, sizeof(target)), EINVAL);
    memset(long_target, 'x', sizeof(long_target) - 1);
    long_target[sizeof(long_target) - 1] = 0;
    CHECK(symlink(long_target, "long") == 0);
    CHECK(readlink("long", target, sizeof(target)) == (ssize_t)sizeof(long_target) - 1);
    CHECK(mkdir("d", 0755) == 0 && symlink("d", "sd") == 0);
    put("sd/f", "through");
    CHECK(holds("d/f", "through"));
    CHECK(unlink("sd") == 0 && exists("d/f"));
    struct timespec times[2] = { { .tv_sec = 1000 }, { .tv_sec = 2000 } };
    CHECK(utimensat(AT_FDCWD, "s", times, AT_SYMLINK_NOFOLLOW) == 0);
    CHECK(stat_of("s").st_mtime == 2000 && stat_of("b").st_mtime != 2000);
}

static void removing(void)
{
    char buf[8] = { 0 }, path[64];
    struct stat st;
    int fd, other;

    FAILS(unlink("none"), ENOENT);
    FAILS(rmdir("none"), ENOENT);
    CHECK(mkdir("d", 0755) == 0);
    FAILS(mkdir("d", 0755), EEXIST);
    FAILS(unlink("d"), EISDIR);
    put("d/f", "x");
    FAILS(rmdir("d"), ENOTEMPTY);
    FAILS(rmdir("d/f"), ENOTDIR);
    fd = open("d/f", O_RDWR);
    CHECK(unlink("d/f") == 0 && !exists("d/f"));
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0);
    CHECK(pwrite(fd, "still", 5, 0) == 5 && pread(fd, buf, 8, 0) == 5);
    CHECK(ftruncate(fd, 2) == 0 && fstat(fd, &st) == 0 && st.st_size == 2);
    CHECK(fchmod(fd, 0600) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0600);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    CHECK((other = open(path, O_RDONLY)) >= 0);
    CHECK(pread(other, buf, 8, 0) == 2);
    (void)close(other);
    put("d/f", "new");
    CHECK(holds("d/f", "new") && pread(fd, buf, 8, 0) == 2);
    (void)close(fd);
    CHECK(unlink("d/f") == 0 && rmdir("d") == 0);
    FAILS(open("d/f", O_RDONLY), ENOENT);
    CHECK(mkdir("gone", 0755) == 0);
    fd = open("gone", O_RDONLY | O_DIRECTORY);
    CHECK(rmdir("gone") == 0);
    FAILS(openat(fd, "x", O_CREAT | O_WRONLY, 0644), ENOENT);
    (void)close(fd);
}

static void reading_directories(void)
{
    enum { N = 1000 };
    static bool seen[N];
    const struct dirent *entry;
    unsigned n = 0, twice = 0;
    char name[32];
    DIR *dir;
    long at = 0;

    for (unsigned i = 0; i < N; i++) {
        (void)snprintf(name, sizeof(name), "entry-%u", i);
        put(name, "");
    }
    dir = opendir(".");
    CHECK(dir != NULL);
    while ((entry = readdir(dir))) {
        unsigned i;

        if (sscanf(entry->d_name, "entry-%u", &i) != 1 || i >= N)
            continue;
        twice += seen[i];
        seen[i] = true;
        if (++n == N / 2)
            at = telldir(dir);
    }
    CHECK(n == N && twice == 0);
    seekdir(dir, at);
    for (n = 0; (entry = readdir(dir));)
        n += strncmp(entry->d_name, "entry-", 6) == 0;
    CHECK(n == N / 2);
    rewinddir(dir);
    for (n = 0; (entry = readdir(dir));)
        n += entry->d_type == DT_REG || entry->d_type == DT_UNKNOWN;
    CHECK(n == N);
    rewinddir(dir);
    while ((entry = readdir(dir)))
        if (entry->d_name[0] == 'e')
            (void)unlink(entry->d_name);
    (void)closedir(dir);
    dir = opendir(".");
    for (n = 0; (entry = readdir(dir));)
        n++;
    CHECK(n == 2);
    (void)closedir(dir);
    CHECK(mkdir("sub", 0755) == 0 && stat_of("sub").st_ino != stat_of(".").st_ino);
    put("sub/new", "");
    dir = opendir("sub");
    for (n = 0; (entry = readdir(dir));)
        n += strcmp(entry->d_name, "new") == 0;
    CHECK(n == 1);
    (void)closedir(dir);
}

static void names(void)
{
    static const char *const odd[] = { " ",  "...", "-rf",  "a\nb", "\xff\xfe", "\303\274",
                                       "\\", ":",   "a\tb", "*",    "?",        "\"" };
    char longest[257];

    for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++) {
        put(odd[i], odd[i]);
        CHECK(holds(odd[i], odd[i]));
    }
    memset(longest, 'n', sizeof(longest));
    longest[255] = 0;
    put(longest, "long");
    CHECK(holds(longest, "long"));
    longest[255] = 'n';
    longest[256] = 0;
    FAILS(open(longest, O_RDONLY | O_CREAT, 0644), ENAMETOOLONG);
    put("A", "upper");
    put("a", "lower");
    CHECK(holds("A", "upper") && holds("a", "lower"));
}

static void attributes(void)
{
    struct timespec times[2] = { { 1000000000, 123456789 }, { 1700000000, 987654321 } };
    struct timespec now[2] = { { 0, UTIME_OMIT }, { 0, UTIME_NOW } };
    struct stat st;
    struct statvfs fs;
    time_t before;
    int fd = make("f", "x");

    CHECK(futimens(fd, times) == 0);
    st = stat_of("f");
    CHECK(st.st_atim.tv_sec == 1000000000 && st.st_atim.tv_nsec == 123456789);
    CHECK(st.st_mtim.tv_sec == 1700000000 && st.st_mtim.tv_nsec == 987654321);
    CHECK(utimensat(AT_FDCWD, "f", now, 0) == 0);
    st = stat_of("f");
    CHECK(st.st_atim.tv_sec == 1000000000 && st.st_mtim.tv_sec > 1700000000);
    CHECK(futimens(fd, times) == 0 && pwrite(fd, "y", 1, 0) == 1 && fsync(fd) == 0);
    CHECK(stat_of("f").st_mtim.tv_sec > 1700000000);
    before = stat_of(".").st_mtime;
    CHECK(before > 0);
    CHECK(chmod("f", 0) == 0 && (stat_of("f").st_mode & 07777) == 0);
    CHECK(chmod("f", 01755) == 0 && (stat_of("f").st_mode & 0777) == 0755);
    CHECK(mkdir("d", 0755) == 0 && chmod("d", 01777) == 0 &&
          (stat_of("d").st_mode & 07777) == 01777);
    CHECK(chown("f", getuid(), (gid_t)-1) == 0);
    if (getuid() != 0)
        FAILS(chown("f", 0, 0), EPERM);
    FAILS(chmod("none", 0644), ENOENT);
    CHECK(access("f", R_OK | W_OK | X_OK) == 0);
    CHECK(chmod("f", 0444) == 0);
    if (getuid() != 0)
        FAILS(access("f", W_OK), EACCES);
    CHECK(statvfs(".", &fs) == 0 && fs.f_namemax == 255 && fs.f_blocks > 0);
    CHECK(stat_of("f").st_blksize > 0 && stat_of("f").st_dev == stat_of(".").st_dev);
    (void)close(fd);
}

static void extended_attributes(void)
{
    char buf[256];
    int fd = make("f", "");

    if (setxattr("f", "user.one", "1", 1, 0) < 0 && errno == EOPNOTSUPP)
        return;
    CHECK(getxattr("f", "user.one", buf, sizeof(buf)) == 1 && buf[0] == '1');
    FAILS(setxattr("f", "user.one", "2", 1, XATTR_CREATE), EEXIST);
    FAILS(setxattr("f", "user.two", "2", 1, XATTR_REPLACE), ENODATA);
    CHECK(fsetxattr(fd, "user.two", "22", 2, 0) == 0);
    CHECK(getxattr("f", "user.two", NULL, 0) == 2);
    FAILS(getxattr("f", "user.two", buf, 1), ERANGE);
    CHECK(listxattr("f", buf, sizeof(buf)) == 18);
    CHECK(removexattr("f", "user.one") == 0);
    FAILS(getxattr("f", "user.one", buf, sizeof(buf)), ENODATA);
    CHECK(mkdir("d", 0755) == 0 && setxattr("d", "user.d", "", 0, 0) == 0);
    CHECK(getxattr("d", "user.d", buf, sizeof(buf)) == 0);
    (void)close(fd);
}

/* Tries a lock in another process: 0 = got it. */
static int try_elsewhere(const char *name, bool posix)
{
    pid_t pid = fork();
    int status = -1;

    if (pid == 0) {
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };
        int fd = open(name, O_RDWR);
        int rc = posix ? fcntl(fd, F_SETLK, &lock) : flock(fd, LOCK_EX | LOCK_NB);

        _exit(rc == 0 ? 0 : errno == EAGAIN || errno == EACCES ? 1 : 2);
    }
    (void)waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void locking(void)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10 };
    int fd = make("f", "locked");

    CHECK(flock(fd, LOCK_EX) == 0 && try_elsewhere("f", false) == 1);
    CHECK(flock(fd, LOCK_UN) == 0 && try_elsewhere("f", false) == 0);
    CHECK(fcntl(fd, F_SETLK, &lock) == 0 && try_elsewhere("f", true) == 1);
    lock.l_type = F_UNLCK;
    CHECK(fcntl(fd, F_SETLK, &lock) == 0 && try_elsewhere("f", true) == 0);
    (void)close(fd);
}

static void special_files(void)
{
    CHECK(mkfifo("pipe", 0600) == 0 && S_ISFIFO(stat_of("pipe").st_mode));
    CHECK(mknod("sock", S_IFSOCK | 0600, 0) == 0 && S_ISSOCK(stat_of("sock").st_mode));
    CHECK(mknod("file", S_IFREG | 0600, 0) == 0 && S_ISREG(stat_of("file").st_mode));
    FAILS(mknod("dev", S_IFCHR | 0600, 0x103), EPERM);
    CHECK(!exists("dev"));
    CHECK(rename("pipe", "pipe2") == 0 && unlink("pipe2") == 0);
}

static void holes(void)
{
    int fd = open("f", O_RDWR | O_CREAT, 0644);
    char buf[4] = { 1, 1, 1, 1 };

    CHECK(ftruncate(fd, 64 << 20) == 0);
    CHECK(pwrite(fd, "data", 4, 32 << 20) == 4 && fsync(fd) == 0);
    CHECK(stat_of("f").st_blocks < 1024);
    CHECK(lseek(fd, 0, SEEK_DATA) <= 32 << 20);
    CHECK(lseek(fd, 33 << 20, SEEK_HOLE) == 33 << 20);
    FAILS(lseek(fd, 65 << 20, SEEK_DATA), ENXIO);
    CHECK(pread(fd, buf, 4, 1000) == 4 && memcmp(buf, "\0\0\0\0", 4) == 0);
    if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 32 << 20, 4096) == 0)
        CHECK(pread(fd, buf, 4, 32 << 20) == 4 && memcmp(buf, "\0\0\0\0", 4) == 0);
    (void)close(fd);
}

static void nameless_files(void)
{
    int fd = open(".", O_TMPFILE | O_RDWR, 0600);
    char path[64];
    struct stat st;

    if (fd < 0) {
        CHECK(errno == EOPNOTSUPP || errno == EISDIR);
        return;
    }
    CHECK(write(fd, "tmp", 3) == 3 && fstat(fd, &st) == 0 && st.st_nlink == 0);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    CHECK((linkat(AT_FDCWD, path, AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0 &&
           holds("named", "tmp")) ||
          errno == EOPNOTSUPP);
    (void)close(fd);
}

static void copying(void)
{
    int from = make("from", "0123456789"), to = open("to", O_WRONLY | O_CREAT, 0644);
    loff_t at = 2, to_at = 0;
    ssize_t n = (ssize_t)syscall(SYS_copy_file_range, from, &at, to, &to_at, (size_t)5, 0u);

    CHECK(n == 5 || (n < 0 && (errno == ENOSYS || errno == EXDEV || errno == EOPNOTSUPP)));
    if (n == 5)
        CHECK(holds("to", "23456"));
    (void)close(from);
    (void)close(to);
}

/* Two processes append at once: no record is lost or torn. */
static void appending_at_once(void)
{
    enum { N = 200 };
    unsigned n[2] = { 0, 0 }, bad = 0;
    char line[16];
    FILE *f;

    put("log", "");
    for (unsigned who = 0; who < 2; who++) {
        if (fork() == 0) {
            int fd = open("log", O_WRONLY | O_APPEND);

            for (unsigned i = 0; i < N; i++)
                if (write(fd, who ? "bbbbbbb\n" : "aaaaaaa\n", 8) != 8)
                    _exit(1);
            _exit(0);
        }
    }
    for (unsigned who = 0; who < 2; who++) {
        int status;

        (void)wait(&status);
        CHECK(status == 0);
    }
    f = fopen("log", "r");
    while (fgets(line, sizeof(line), f)) {
        if (strcmp(line, "aaaaaaa\n") == 0)
            n[0]++;
        else if (strcmp(line, "bbbbbbb\n") == 0)
            n[1]++;
        else
            bad++;
    }
    CHECK(n[0] == N && n[1] == N && bad == 0);
    (void)fclose(f);
}

static void remove_all(const char *path)
{
    DIR *dir;

    (void)chmod(path, 0755);
    dir = opendir(path);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        char below[PATH_MAX];

        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        (void)snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
        if (unlink(below) < 0)
            remove_all(below);
    }
    if (dir)
        (void)closedir(dir);
    (void)rmdir(path);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } topics[] = {
        { "opening", opening },
        { "writing", writing },
        { "big-file", big_file },
        { "mapping", mapping },
        { "renaming", renaming },
        { "linking", linking },
        { "removing", removing },
        { "reading-directories", reading_directories },
        { "names", names },
        { "attributes", attributes },
        { "extended-attributes", extended_attributes },
        { "locking", locking },
        { "special-files", special_files },
        { "holes", holes },
        { "nameless-files", nameless_files },
        { "copying", copying },
        { "appending-at-once", appending_at_once },
    };

    (void)umask(022);
    if (argc != 2 || chdir(argv[1]) < 0) {
        (void)fprintf(stderr, "Usage: file_checks DIR\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof(topics) / sizeof(*topics); i++) {
        topic = topics[i].name;
        remove_all(topic);
        if (mkdir(topic, 0755) < 0 || chdir(topic) < 0) {
            perror(topic);
            return 2;
        }
        topics[i].run();
        if (chdir("..") < 0)
            return 2;
        remove_all(topic);
        CHECK(!exists(topic));
    }
    printf("%u checks, %u failed\n", n_checks, n_failed);
    return n_failed > 0;
}
