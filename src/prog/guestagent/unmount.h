/*
 * The end of all mounts, when no program runs any more. Two steps, since what others serve (the
 * host, a server, a program of the guest) may never answer again:
 *
 *     unmount_plan_read(&plan);
 *     unmount_own(&plan);     disks and what lives in memory; the root becomes read-only
 *     unmount_served(&plan);  may hang for ever
 */
#ifndef PROG_GUESTAGENT_UNMOUNT_H
#define PROG_GUESTAGENT_UNMOUNT_H

#include "base/strv.h"
#include "base/sv.h"

/* Mount points, the ones to be taken down first at the end. */
struct unmount_plan {
    struct strv own;
    struct strv served; /* by others, or reached through such a mount */
};

/* From /proc/self/mountinfo. Never freed but by unmount_plan_done(). */
void unmount_plan_read(struct unmount_plan *out);
/* The same for a text of that file. */
void unmount_plan_parse(struct sv mountinfo, struct unmount_plan *out);
void unmount_plan_done(struct unmount_plan *plan);

/* Unmounts what can be, makes the rest read-only, syncs: the disks are clean afterwards. */
void unmount_own(const struct unmount_plan *plan);
/* Unmounts what can be, which writes what is not written yet. */
void unmount_served(const struct unmount_plan *plan);

#endif
