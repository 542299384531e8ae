/*
 * The power button of the machine, as input devices report it.
 */
#ifndef PROG_GUESTAGENT_POWER_H
#define PROG_GUESTAGENT_POWER_H

#include <stdbool.h>

#include "base/vec.h"

struct power {
    VEC(int) fds; /* non-blocking, one per device that has such a key; owned */
};

void power_open(struct power *power);
/* Reads what one descriptor has: was the button pressed? */
bool power_is_pressed(int fd);
void power_done(struct power *power);

#endif
