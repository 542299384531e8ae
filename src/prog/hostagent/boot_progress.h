/*
 * Progress of a guest's boot, for those who asked for it: what cloud-init writes, or the phases
 * that our initramfs reports, as events, and once that it is over.
 */
#ifndef PROG_HOSTAGENT_BOOT_PROGRESS_H
#define PROG_HOSTAGENT_BOOT_PROGRESS_H

#include <stdbool.h>

#include "prog/hostagent/event.h"
#include "prog/hostagent/setup.h"

struct boot_progress;
struct uv_loop_s;

/* All is borrowed for the life of the object. Tells nothing when nobody has asked. */
struct boot_progress *boot_progress_open(struct uv_loop_s *loop, const struct setup *setup,
                                         struct events *events);
void boot_progress_close(struct boot_progress *p);

/* The guest boots through our initramfs: there is no cloud-init. */
void boot_progress_has_own_init(struct boot_progress *p);
/* A phase that it reports; the text is the guest's. */
void boot_progress_phase(struct boot_progress *p, struct sv line);
/* ssh works: the log of cloud-init is followed from now on. */
void boot_progress_ssh_usable(struct boot_progress *p);
/* The guest is ready. While cloud-init is followed, that says when it is over. */
void boot_progress_ready(struct boot_progress *p);

#endif
