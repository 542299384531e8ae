/*
 * A process that belongs to a running machine, on the loop: started by us, or found alive after
 * another host agent had started it. Closing it leaves the process alone.
 *
 * on_exit comes once, from the loop; the owner may close the object in it. No callback follows
 * machine_process_close(), which accepts NULL. The memory goes at once.
 */
#ifndef DRIVER_MACHINE_PROCESS_H
#define DRIVER_MACHINE_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "sys/proc.h"

struct machine_process;
struct uv_loop_s;

/* The status is 0-255, or 128 + signal, or -1 when it is not our child and cannot be known. */
typedef void (*machine_process_fn)(void *arg, int status);

/* take_proc was started with cmd_start(); it is killed when this fails. */
struct machine_process *machine_process_watch(struct uv_loop_s *loop, struct proc take_proc,
                                              machine_process_fn on_exit, void *arg,
                                              struct err **errp);
/* The live process of a pid file; ERR_NOT_FOUND when there is none. */
struct machine_process *machine_process_find(struct uv_loop_s *loop, const char *pid_path,
                                             machine_process_fn on_exit, void *arg,
                                             struct err **errp);
pid_t machine_process_pid(const struct machine_process *p);
/* Does nothing when it is gone. */
void machine_process_signal(const struct machine_process *p, int signum);
void machine_process_close(struct machine_process *p);

#endif
