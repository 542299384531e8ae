/*
 * The instance a verb works on: found, inspected, locked, described to the use cases of instance/.
 */
#ifndef PROG_LIMACTL_TARGET_H
#define PROG_LIMACTL_TARGET_H

#include "instance/stop.h"
#include "model/store/inst_status.h"
#include "prog/limactl/term_progress.h"
#include "prog/limactl/verb.h"

/* The instance of verbs without an argument. */
#define TARGET_DEFAULT "default"

/* First argument, else the default. Borrowed. */
const char *target_name(const struct strv *args);

/* Opens the store and inspects one instance in it. */
struct target {
    struct store store;
    struct instance inst;
};
bool target_open(struct target *target, const char *name, struct err **errp) MUST_USE;
/* The same, with the text that tells how to create a missing instance. */
bool target_open_friendly(struct target *target, const char *name, struct err **errp) MUST_USE;
/* Logs what is wrong with the instance; false when it has no usable configuration. */
bool target_check_config(const struct target *target, struct err **errp) MUST_USE;
/* Inspects again, after something may have changed. */
bool target_reload(struct target *target, struct err **errp) MUST_USE;
void target_done(struct target *target);
#define auto_target AUTO_CALL(target_done)

/* Takes the lock that serialises commands which change an instance: start, delete, edit ... Waits,
 * with a line in the log, when another command has it. */
bool target_lock(const char *dir, const char *name, int *out_lock, struct err **errp) MUST_USE;

/* "[E1 E2]": owned. */
char *target_errors(const struct instance *inst);
/* For stop_graceful() and stop_forced(); borrows from inst. */
struct stop target_stop(const struct instance *inst, struct term_progress *progress);

/* Completion: names of instances. */
void target_complete(const struct strv *before, struct strv *out);

#endif
