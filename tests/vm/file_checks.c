/*
 * Checks that a directory behaves like a file system: file_checks DIR [ABILITY...]. Prints a line
 * for each check that fails, then how many there were; status 0 when none failed. Runs as an
 * ordinary user, in guests of any distribution. What the file system cannot do by nature is left
 * out when it says EOPNOTSUPP (O_TMPFILE, attributes), or when the ability that it lacks is named:
 *     data-map          SEEK_HOLE finds holes
 *     empty-attributes  extended attributes without a value
 *     nanoseconds       in times that are set
 *     open-removed      files that were removed are changed and opened anew through a descriptor
 *     pipes             fifos and sockets are made
 *     rename-flags      RENAME_NOREPLACE, RENAME_EXCHANGE
 */
#include "file_checks.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static unsigned n_checks, n_failed;
static const char *topic;

static char *const *lacking;

bool file_checks_lacks(const char *ability)
{
    for (char *const *p = lacking; *p; p++)
        if (strcmp(*p, ability) == 0)
            return true;
    return false;
}

void file_checks_note(bool ok, int line, const char *what)
{
    n_checks++;
    if (ok)
        return;
    n_failed++;
    printf("%s: line %d: %s (%s)\n", topic, line, what, strerror(errno));
}

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

static void holes(void)
{
    int fd = open("f", O_RDWR | O_CREAT, 0644);
    char buf[4] = { 1, 1, 1, 1 };

    CHECK(ftruncate(fd, 64 << 20) == 0);
    CHECK(pwrite(fd, "data", 4, 32 << 20) == 4 && fsync(fd) == 0);
    CHECK(stat_of("f").st_blocks < 1024);
    CHECK(lseek(fd, 0, SEEK_DATA) <= 32 << 20);
    if (!file_checks_lacks("data-map"))
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

static bool run_all(const struct file_topic *topics)
{
    for (; topics->name; topics++) {
        topic = topics->name;
        remove_all(topic);
        if (mkdir(topic, 0755) < 0 || chdir(topic) < 0) {
            perror(topic);
            return false;
        }
        topics->run();
        if (chdir("..") < 0)
            return false;
        remove_all(topic);
        CHECK(!exists(topic));
    }
    return true;
}

int main(int argc, char **argv)
{
    static const struct file_topic of_contents[] = {
        { "opening", opening },
        { "writing", writing },
        { "big-file", big_file },
        { "mapping", mapping },
        { "locking", locking },
        { "holes", holes },
        { "nameless-files", nameless_files },
        { "copying", copying },
        { "appending-at-once", appending_at_once },
        { NULL, NULL },
    };

    (void)umask(022);
    if (argc < 2 || chdir(argv[1]) < 0) {
        (void)fprintf(stderr, "Usage: file_checks DIR [ABILITY...]\n");
        return 2;
    }
    lacking = argv + 2;
    if (!run_all(of_contents) || !run_all(file_checks_of_names))
        return 2;
    printf("%u checks, %u failed\n", n_checks, n_failed);
    return n_failed > 0;
}
