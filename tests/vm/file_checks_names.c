#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "file_checks.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1
#define RENAME_EXCHANGE  2
#endif

static int rename_flags(const char *from, const char *to, unsigned flags)
{
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags);
}

static void renaming_with_flags(void)
{
    put("x", "X");
    put("y", "Y");
    CHECK(mkdir("f", 0755) == 0);
    put("f/b", "B");
    FAILS(rename_flags("x", "y", RENAME_NOREPLACE), EEXIST);
    CHECK(rename_flags("x", "z", RENAME_NOREPLACE) == 0 && holds("z", "X"));
    CHECK(rename_flags("y", "z", RENAME_EXCHANGE) == 0 && holds("y", "X") && holds("z", "Y"));
    FAILS(rename_flags("y", "none", RENAME_EXCHANGE), ENOENT);
    CHECK(rename_flags("y", "f", RENAME_EXCHANGE) == 0 && holds("f", "X") && holds("y/b", "B"));
    CHECK(rename("y", "y") == 0);
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
    CHECK(rename("e", "e") == 0);
    put("x", "X");
    CHECK(link("x", "same") == 0 && rename("x", "same") == 0 && exists("x") && exists("same"));
    if (!file_checks_lacks("rename-flags"))
        renaming_with_flags();
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

/* d/f, which is removed. */
static void using_removed(int fd)
{
    char buf[8] = { 0 }, path[64];
    struct stat st;
    int other;

    CHECK(ftruncate(fd, 2) == 0 && fstat(fd, &st) == 0 && st.st_size == 2);
    CHECK(fchmod(fd, 0600) == 0 && fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0600);
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    CHECK((other = open(path, O_RDONLY)) >= 0);
    CHECK(pread(other, buf, 8, 0) == 2);
    (void)close(other);
}

static void removing(void)
{
    char buf[8] = { 0 };
    struct stat st;
    ssize_t n = 5;
    int fd;

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
    if (!file_checks_lacks("open-removed")) {
        using_removed(fd);
        n = 2;
    }
    put("d/f", "new");
    CHECK(holds("d/f", "new") && pread(fd, buf, 8, 0) == n);
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
    bool is_exact = !file_checks_lacks("nanoseconds");
    struct timespec times[2] = { { 1000000000, is_exact ? 123456789 : 0 },
                                 { 1700000000, is_exact ? 987654321 : 0 } };
    struct timespec now[2] = { { 0, UTIME_OMIT }, { 0, UTIME_NOW } };
    struct stat st;
    struct statvfs fs;
    time_t before;
    int fd = make("f", "x");

    CHECK(futimens(fd, times) == 0);
    st = stat_of("f");
    CHECK(st.st_atim.tv_sec == 1000000000 && st.st_atim.tv_nsec == times[0].tv_nsec);
    CHECK(st.st_mtim.tv_sec == 1700000000 && st.st_mtim.tv_nsec == times[1].tv_nsec);
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
    size_t n;

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
    n = file_checks_lacks("empty-attributes") ? 1 : 0;
    CHECK(mkdir("d", 0755) == 0 && setxattr("d", "user.d", "D", n, 0) == 0);
    CHECK(getxattr("d", "user.d", buf, sizeof(buf)) == (ssize_t)n);
    (void)close(fd);
}

static void special_files(void)
{
    if (!file_checks_lacks("pipes")) {
        CHECK(mkfifo("pipe", 0600) == 0 && S_ISFIFO(stat_of("pipe").st_mode));
        CHECK(mknod("sock", S_IFSOCK | 0600, 0) == 0 && S_ISSOCK(stat_of("sock").st_mode));
        CHECK(rename("pipe", "pipe2") == 0 && unlink("pipe2") == 0);
    }
    CHECK(mknod("file", S_IFREG | 0600, 0) == 0 && S_ISREG(stat_of("file").st_mode));
    FAILS(mknod("dev", S_IFCHR | 0600, 0x103), EPERM);
    CHECK(!exists("dev"));
}

const struct file_topic file_checks_of_names[] = {
    { "renaming", renaming },
    { "linking", linking },
    { "removing", removing },
    { "reading-directories", reading_directories },
    { "names", names },
    { "attributes", attributes },
    { "extended-attributes", extended_attributes },
    { "special-files", special_files },
    { NULL, NULL },
};
