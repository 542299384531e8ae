/*
 * Child processes: struct cmd describes one, cmd_run() runs it and waits, cmd_start() lets it go on,
 * cmd_exec() becomes it. The only way to spawn (svc/loop/child.h puts the same struct on a loop).
 *
 * A zeroed cmd inherits the three standard streams and nothing else: every other descriptor is
 * closed in the child. argv[0] without a slash is looked up in PATH (of this process). No shell.
 * Handled signals are reset in the child and its signal mask is empty. A program that cannot be
 * executed is an error with the system's reason (ERR_NOT_FOUND when it does not exist), not an exit
 * status.
 *
 *     struct cmd cmd = { .out = CMD_TO_PIPE(64 * 1024) };
 *     struct cmd_result res = { 0 };
 *
 *     strv_push_list(&cmd.argv, "qemu-img", "info", path, NULL);
 *     ok = cmd_check(&cmd, &res, errp);
 *     ...
 *     cmd_result_done(&res);
 *     cmd_done(&cmd);
 */
#ifndef SYS_PROC_H
#define SYS_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/sb.h"
#include "base/strv.h"
#include "base/sv.h"
#include "base/vec.h"

enum cmd_stream_kind {
    CMD_STREAM_INHERIT,
    CMD_STREAM_NULL, /* /dev/null */
    CMD_STREAM_FD,   /* this descriptor; borrowed */
    CMD_STREAM_PIPE, /* cmd_run() captures it; cmd_start() puts our end into struct proc */
    CMD_STREAM_TEXT, /* in: reads these bytes, from a memory file */
    CMD_STREAM_OUT,  /* err: the same as out */
};

struct cmd_stream {
    enum cmd_stream_kind kind;
    int fd;         /* FD */
    size_t limit;   /* PIPE with cmd_run(): bytes kept, the rest is read and dropped */
    struct sv text; /* TEXT; borrowed */
};

#define CMD_TO_NULL ((struct cmd_stream){ .kind = CMD_STREAM_NULL })
#define CMD_TO_FD(fd_) ((struct cmd_stream){ .kind = CMD_STREAM_FD, .fd = (fd_) })
#define CMD_TO_PIPE(limit_) ((struct cmd_stream){ .kind = CMD_STREAM_PIPE, .limit = (limit_) })
#define CMD_FROM_TEXT(sv_) ((struct cmd_stream){ .kind = CMD_STREAM_TEXT, .text = (sv_) })
#define CMD_TO_OUT ((struct cmd_stream){ .kind = CMD_STREAM_OUT })

enum cmd_flag {
    CMD_OWN_GROUP = 1u << 0,       /* leader of a process group of its own */
    CMD_OWN_SESSION = 1u << 1,     /* and of a session, without a terminal */
    CMD_DIES_WITH_PARENT = 1u << 2, /* SIGKILL when this process (its calling thread) ends */
    CMD_CLEAR_ENV = 1u << 3,       /* starts from an empty environment */
};

struct cmd_fd {
    int fd;     /* ours; borrowed */
    int target; /* its number in the child, 3 or more */
};

struct cmd {
    struct strv argv;
    struct strv env;        /* KEY=value, added or replacing */
    struct strv env_remove; /* KEY */
    const char *cwd;        /* borrowed; NULL = ours */
    struct cmd_stream in, out, err;
    VEC(struct cmd_fd) fds;
    unsigned flags;       /* enum cmd_flag */
    unsigned deadline_ms; /* cmd_run(): kill it then, with its group if it has one; 0 = none */
};

void cmd_pass_fd(struct cmd *cmd, int fd, int target);
void cmd_done(struct cmd *cmd);
#define auto_cmd AUTO_CALL(cmd_done)

struct cmd_result {
    int status;         /* exit status 0-255, or 128 + signal */
    struct sb out, err; /* what was captured */
};
void cmd_result_done(struct cmd_result *res);
#define auto_cmd_result AUTO_CALL(cmd_result_done)

/* Runs to the end; true whatever the status. ERR_TIMEOUT after the deadline. */
bool cmd_run(const struct cmd *cmd, struct cmd_result *res, struct err **errp) MUST_USE;
/* The same, but a status other than 0 is ERR_CHILD and its text ends with the tail of stderr
 * (when that was captured). res may be NULL. */
bool cmd_check(const struct cmd *cmd, struct cmd_result *res, struct err **errp) MUST_USE;

/* True for status 0; else ERR_CHILD "NAME failed with exit status N: last lines of stderr". */
bool proc_status_check(const char *name, int status, struct sv stderr_text,
                       struct err **errp) MUST_USE;

/* A started child. Reap it with proc_wait(); descriptors that are not used hold -1. */
struct proc {
    pid_t pid;
    int pidfd;                /* readable once it ended; -1 on kernels before 5.3 */
    int in_fd, out_fd, err_fd; /* our ends of PIPE streams, close-on-exec, blocking */
};
#define PROC_NONE ((struct proc){ .pid = -1, .pidfd = -1, .in_fd = -1, .out_fd = -1, .err_fd = -1 })

bool cmd_start(const struct cmd *cmd, struct proc *out, struct err **errp) MUST_USE;
/* Waits for the end, at most timeout_ms (-1 = for ever, 0 = look); ERR_TIMEOUT when it still runs. */
bool proc_wait(struct proc *proc, int timeout_ms, int *out_status, struct err **errp) MUST_USE;
/* Signals it, or its group. False (and no error) when it is gone. */
bool proc_signal(const struct proc *proc, int signum);
bool proc_signal_group(const struct proc *proc, int signum);
/* Closes the descriptors; does not kill, does not reap. */
void proc_done(struct proc *proc);

/* Becomes the command: returns only on failure, false. no stream may be a PIPE. */
bool cmd_exec(const struct cmd *cmd, struct err **errp) MUST_USE;

/* Exit status from what wait() says: 0-255, or 128 + signal. */
int proc_status(int wait_status);

/* Is there a process of this id, a zombie counting as none? */
bool proc_is_alive(pid_t pid);
/* A pidfd of any process, or false with ERR_NOT_FOUND. */
bool proc_open(pid_t pid, int *out_pidfd, struct err **errp) MUST_USE;
/* Waits until the process of a pidfd ended; false on timeout. */
bool proc_wait_pidfd(int pidfd, int timeout_ms);

/* Full path of a program in PATH; names with a slash are checked and copied. */
bool proc_find_program(const char *name, char **out_path, struct err **errp) MUST_USE;

#endif
