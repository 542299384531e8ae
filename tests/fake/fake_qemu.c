/*
 * Stands in for qemu-system-* where no virtual machine is needed. It answers the questions of
 * driver/qemu/features.h, succeeds as the accelerator's test guest, and otherwise behaves like a
 * machine: locked pid file, QMP on descriptor 3, power button.
 *
 * FAKE_QEMU chooses what goes wrong:
 *     refuse    says something on stderr and exits with status 1
 *     mute      accepts QMP connections and never greets
 *     deaf      ignores the power button
 *     stuck     the guest can only reset itself when the power button is pressed
 *     poweroff  the guest powers off by itself once the handshake is done
 *     panic     the guest panics then
 *     crash     the process is killed by a signal then
 *     pause     the disk is full then
 *     anonymous writes no pid file
 * FAKE_QEMU_LOG names a file to which the command line is appended, a word a line.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { QMP_LISTEN_FD = 3, ACCEL_GUEST_STATUS = 67 };

static const char greeting[] = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 1, "
                               "\"major\": 9}, \"package\": \"fake\"}, "
                               "\"capabilities\": []}}\r\n";

static const char *mode = "";
static bool resets_end; /* as the action of set-action says */

static int is_mode(const char *name)
{
    return strcmp(mode, name) == 0;
}

static const char *option(int argc, char **argv, const char *name)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return NULL;
}

static void log_words(int argc, char **argv)
{
    const char *path = getenv("FAKE_QEMU_LOG");
    FILE *f = path ? fopen(path, "a") : NULL;

    if (!f)
        return;
    for (int i = 0; i < argc; i++)
        fprintf(f, "%s\n", argv[i]);
    fprintf(f, "--\n");
    (void)fclose(f);
}

/* The number behind "id": in a request, as text. */
static void request_id(const char *line, char out[32])
{
    const char *id = strstr(line, "\"id\":");

    snprintf(out, 32, "%ld", id ? strtol(id + 5, NULL, 10) : 0);
}

static int answer_questions(void)
{
    char line[4096], id[32];

    fputs(greeting, stdout);
    while (fgets(line, sizeof(line), stdin)) {
        request_id(line, id);
        if (strstr(line, "query-version"))
            printf("{\"return\": {\"qemu\": {\"micro\": 0, \"minor\": 1, \"major\": 9}}, \"id\": "
                   "%s}\n",
                   id);
        else if (strstr(line, "qom-list-types") || strstr(line, "query-command-line-options"))
            printf("{\"return\": [{}], \"id\": %s}\n", id);
        else
            printf("{\"return\": {}, \"id\": %s}\n", id);
    }
    return 0;
}

static void write_pid_file(const char *path)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || fcntl(fd, F_OFD_SETLK, &lock) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0)
        exit(1);
}

static void say(int fd, const char *text)
{
    if (write(fd, text, strlen(text)) < 0)
        exit(1);
}

static void shut_down(int fd, const char *pid_path, const char *reason)
{
    dprintf(fd, "{\"event\": \"SHUTDOWN\", \"data\": {\"guest\": true, \"reason\": \"%s\"}}\n",
            reason);
    (void)unlink(pid_path);
    exit(0);
}

static void begin_trouble(int fd, const char *pid_path)
{
    if (is_mode("poweroff"))
        shut_down(fd, pid_path, "guest-shutdown");
    if (is_mode("panic")) {
        say(fd, "{\"event\": \"GUEST_PANICKED\", \"data\": {\"action\": \"shutdown\"}}\n");
        shut_down(fd, pid_path, "guest-panic");
    }
    if (is_mode("crash")) {
        fprintf(stderr, "fake-qemu: about to crash\n");
        (void)raise(SIGKILL);
    }
    if (is_mode("pause"))
        say(fd,
            "{\"event\": \"BLOCK_IO_ERROR\", \"data\": {\"action\": \"stop\", \"nospace\": true}}\n"
            "{\"event\": \"STOP\"}\n");
}

static void serve_line(int fd, const char *line, const char *pid_path)
{
    char id[32];

    request_id(line, id);
    if (strstr(line, "query-status"))
        dprintf(fd, "{\"return\": {\"status\": \"running\", \"running\": true}, \"id\": %s}\n", id);
    else
        dprintf(fd, "{\"return\": {}, \"id\": %s}\n", id);
    if (strstr(line, "set-action") && strstr(line, "\"shutdown\""))
        resets_end = true;
    if (strstr(line, "\"cont\""))
        say(fd, "{\"event\": \"RESUME\"}\n");
    if (strstr(line, "qmp_capabilities"))
        begin_trouble(fd, pid_path);
    if (strstr(line, "system_powerdown")) {
        say(fd, "{\"event\": \"POWERDOWN\"}\n");
        if (is_mode("stuck") && resets_end)
            shut_down(fd, pid_path, "guest-reset");
        if (!is_mode("deaf") && !is_mode("stuck"))
            shut_down(fd, pid_path, "guest-shutdown");
    }
}

/* One connection after the other, as QEMU's character device does. */
static void serve(int listen_fd, const char *pid_path)
{
    for (;;) {
        int fd = accept(listen_fd, NULL, NULL);
        char line[4096];
        FILE *in;

        if (fd < 0)
            exit(1);
        if (is_mode("mute")) {
            (void)pause();
            continue;
        }
        say(fd, greeting);
        in = fdopen(fd, "r");
        while (in && fgets(line, sizeof(line), in))
            serve_line(fd, line, pid_path);
        if (in)
            (void)fclose(in);
    }
}

int main(int argc, char **argv)
{
    const char *pid_path = option(argc, argv, "-pidfile");
    const char *qmp = option(argc, argv, "-qmp");

    mode = getenv("FAKE_QEMU") ? getenv("FAKE_QEMU") : "";
    if (qmp && strcmp(qmp, "stdio") == 0)
        return answer_questions();
    if (option(argc, argv, "-device") && strstr(option(argc, argv, "-device"), "isa-debug-exit"))
        return ACCEL_GUEST_STATUS;
    log_words(argc, argv);
    if (is_mode("refuse") || !pid_path) {
        fprintf(stderr, "fake-qemu: -drive file=disk: no such thing\n");
        return 1;
    }
    (void)signal(SIGPIPE, SIG_IGN);
    if (!is_mode("anonymous"))
        write_pid_file(pid_path);
    serve(QMP_LISTEN_FD, pid_path);
    return 0;
}
