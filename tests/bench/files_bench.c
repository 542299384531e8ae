/*
 * Measures files in a guest, whatever they lie on; prints seconds.
 *
 *     files_bench write PATH MIB cached|direct     over what is there, by 1 MiB; then fsync
 *     files_bench read PATH cached|direct          likewise
 *     files_bench random PATH TIMES cached|direct  4 KiB at a time
 *     files_bench walk DIR                         looks at the attributes of all below
 *     files_bench slurp DIR                        reads all files below
 *     files_bench run PROGRAM [ARGUMENT...]
 *     files_bench drop                             forgets what is cached; prints nothing
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIECE     (1u << 20)
#define PAGE      4096u
#define DEPTH_MAX 16

static char *buffer;
static unsigned long n_seen;

static double now(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void fail(const char *what)
{
    fprintf(stderr, "files_bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int open_file(const char *path, int flags, const char *how)
{
    int fd = open(path, flags | O_CLOEXEC | (strcmp(how, "direct") == 0 ? O_DIRECT : 0), 0644);

    if (fd < 0)
        fail(path);
    return fd;
}

static void write_file(const char *path, unsigned long mib, const char *how)
{
    int fd = open_file(path, O_WRONLY | O_CREAT, how);

    for (unsigned long i = 0; i < mib; i++) {
        memset(buffer, (int)i, PIECE);
        if (write(fd, buffer, PIECE) != (ssize_t)PIECE)
            fail("cannot write");
    }
    if (fsync(fd) < 0 || close(fd) < 0)
        fail("cannot finish the file");
}

static void read_file(const char *path, const char *how)
{
    int fd = open_file(path, O_RDONLY, how);
    ssize_t n;

    while ((n = read(fd, buffer, PIECE)) > 0)
        ;
    if (n < 0)
        fail("cannot read");
    (void)close(fd);
}

static void read_random(const char *path, unsigned long times, const char *how)
{
    int fd = open_file(path, O_RDONLY, how);
    uint64_t state = 88172645463325252u, n_pages;
    struct stat st;

    if (fstat(fd, &st) < 0 || (n_pages = (uint64_t)st.st_size / PAGE) == 0)
        fail(path);
    if (posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM) != 0)
        fail("cannot turn read-ahead off");
    for (unsigned long i = 0; i < times; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if (pread(fd, buffer, PAGE, (off_t)(state % n_pages * PAGE)) != (ssize_t)PAGE)
            fail("cannot read");
    }
    (void)close(fd);
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)path, (void)st, (void)at;
    if (type == FTW_NS || type == FTW_DNR)
        fail("cannot examine a file");
    n_seen++;
    return 0;
}

static int slurp(const char *path, const struct stat *st, int type, struct FTW *at)
{
    if (type == FTW_F && S_ISREG(st->st_mode))
        read_file(path, "cached");
    return visit(path, st, type, at);
}

static void walk(const char *dir, __nftw_func_t each)
{
    if (nftw(dir, each, DEPTH_MAX, FTW_PHYS) < 0)
        fail(dir);
    if (n_seen < 2)
        fail("there is nothing to measure");
}

static void run(char **argv)
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        (void)execvp(argv[0], argv);
        fail(argv[0]);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        fail("cannot run the program");
    if (status != 0) {
        fprintf(stderr, "files_bench: %s failed\n", argv[0]);
        exit(1);
    }
}

static void drop(void)
{
    int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

    sync();
    if (fd < 0 || write(fd, "3", 1) != 1)
        fail("cannot drop the caches");
}

static bool measure(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";

    if (strcmp(command, "write") == 0 && argc == 5)
        write_file(argv[2], strtoul(argv[3], NULL, 10), argv[4]);
    else if (strcmp(command, "read") == 0 && argc == 4)
        read_file(argv[2], argv[3]);
    else if (strcmp(command, "random") == 0 && argc == 5)
        read_random(argv[2], strtoul(argv[3], NULL, 10), argv[4]);
    else if (strcmp(command, "walk") == 0 && argc == 3)
        walk(argv[2], visit);
    else if (strcmp(command, "slurp") == 0 && argc == 3)
        walk(argv[2], slurp);
    else if (strcmp(command, "run") == 0 && argc > 2)
        run(argv + 2);
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    double begun;

    if (argc == 2 && strcmp(argv[1], "drop") == 0) {
        drop();
        return 0;
    }
    if (posix_memalign((void **)&buffer, PAGE, PIECE) != 0)
        fail("no memory");
    begun = now();
    if (!measure(argc, argv)) {
        fprintf(stderr, "files_bench: see the comment at its top\n");
        return 2;
    }
    printf("%.6f\n", now() - begun);
    return 0;
}
