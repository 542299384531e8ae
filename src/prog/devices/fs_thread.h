/*
 * The thread that serves files: the file server and its device on a loop of their own, so that
 * streams never wait for a disk. Requests go there as jobs, outcomes come back the same way; the
 * two threads share nothing else.
 *
 *     new (before the system call filter) -> serve (after it) -> export, unexport ... -> free
 */
#ifndef PROG_DEVICES_FS_THREAD_H
#define PROG_DEVICES_FS_THREAD_H

#include "base/sv.h"
#include "fuse/server.h"
#include "sys/evloop.h"

struct fs_thread;

/* On the caller's loop: 0 or an errno. */
typedef void (*fs_done_fn)(void *arg, int error);

/* Returns once the thread runs and waits for its first job. The loop is borrowed. */
struct fs_thread *fs_thread_new(struct evloop *loop, struct err **errp) MUST_USE;
/* Ends the thread after the request it works on; jobs that are not done are dropped. */
void fs_thread_free(struct fs_thread *t);

/* Talks to QEMU over the socket until QEMU closes it. */
void fs_thread_serve(struct fs_thread *t, int take_fd);
/* As fuse_server_add(), fuse_server_remove() and fuse_server_detach(): EEXIST, EINVAL, EBUSY;
 * ENOENT. */
void fs_thread_export(struct fs_thread *t, const struct fuse_export_options *options,
                      int take_root_fd, fs_done_fn on_done, void *arg);
void fs_thread_unexport(struct fs_thread *t, struct sv name, fs_done_fn on_done, void *arg);
void fs_thread_detach(struct fs_thread *t, struct sv name, fs_done_fn on_done, void *arg);
/* A stream to the guest's agent for changes (wire/echo.h). */
void fs_thread_take_agent(struct fs_thread *t, int take_fd);

#endif
