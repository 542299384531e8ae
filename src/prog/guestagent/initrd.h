/*
 * The agent as /init of an initramfs of ours; wire/initrd.h says what that looks like.
 */
#ifndef PROG_GUESTAGENT_INITRD_H
#define PROG_GUESTAGENT_INITRD_H

#include <stdbool.h>

/* Is this process such an /init, before or after the change of the root? */
bool initrd_is_init(void);

/* From the kernel's hands to the next init; does not return. */
_Noreturn void initrd_run(void);

#endif
