/*
 * Starts two commands in turn, many times, and prints what one start costs: of each the median wall
 * time in microseconds and the largest peak memory in KiB.
 *
 *     spawn_bench TIMES COMMAND [ARG...] -- COMMAND [ARG...]
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

struct series {
    char **argv;
    double *us;
    long peak_kib;
};

static double now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int measure(struct series *s, size_t i, const posix_spawn_file_actions_t *quiet)
{
    double begin = now_us();
    struct rusage usage;
    int status;
    pid_t pid;

    if (posix_spawn(&pid, s->argv[0], quiet, NULL, s->argv, environ) != 0 ||
        wait4(pid, &status, 0, &usage) < 0 || status != 0) {
        fprintf(stderr, "%s failed\n", s->argv[0]);
        return -1;
    }
    s->us[i] = now_us() - begin;
    if (usage.ru_maxrss > s->peak_kib)
        s->peak_kib = usage.ru_maxrss;
    return 0;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    size_t times = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
    struct series series[2] = { { .argv = argv + 2 } };
    posix_spawn_file_actions_t quiet;

    for (int i = 2; i < argc && !series[1].argv; i++)
        if (strcmp(argv[i], "--") == 0) {
            argv[i] = NULL;
            series[1].argv = argv + i + 1;
        }
    if (times == 0 || !series[1].argv || !*series[1].argv) {
        fprintf(stderr, "usage: %s TIMES COMMAND [ARG...] -- COMMAND [ARG...]\n", argv[0]);
        return 2;
    }
    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    for (int k = 0; k < 2; k++)
        series[k].us = calloc(times, sizeof(double));
    for (size_t i = 0; i < times; i++)
        for (int k = 0; k < 2; k++)
            if (measure(&series[k], i, &quiet) < 0)
                return 1;
    for (int k = 0; k < 2; k++) {
        qsort(series[k].us, times, sizeof(double), compare);
        printf("%.0f %ld\n", series[k].us[times / 2], series[k].peak_kib);
    }
    return 0;
}
