/*
 * Who uses a mount: programs that were started from it, have a file of it open or mapped, or are
 * in one of its directories.
 */
#ifndef PROG_GUESTAGENT_HOLDERS_H
#define PROG_GUESTAGENT_HOLDERS_H

#include <sys/types.h>

#include "base/sb.h"

/* Appends "vi (123), sh (45)", a few at most, or nothing. */
void holders_list(dev_t device, struct sb *out);

#endif
