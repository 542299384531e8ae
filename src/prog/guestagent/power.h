/*
 * The power button of the machine: a key of an input device, or, where a device tree describes it
 * and the kernel lacks the driver for such keys (Debian's cloud kernel on arm64), a GPIO line.
 */
#ifndef PROG_GUESTAGENT_POWER_H
#define PROG_GUESTAGENT_POWER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sv.h"
#include "base/vec.h"

struct power {
    VEC(int) keys; /* input devices with such a key; non-blocking, owned */
    int line_fd;   /* -1 = none */
};
#define POWER_NONE ((struct power){ .line_fd = -1 })

void power_open_keys(struct power *power);
/* Only a line that no driver of the kernel has. */
void power_open_line(struct power *power);
/* Reads what one of the descriptors has: was the button pressed? */
bool power_is_pressed(const struct power *power, int fd);
void power_done(struct power *power);

/* The "gpios" property of a key: the chip's phandle and the line. False when it is none. Pure. */
bool power_parse_gpios(struct sv property, uint32_t *out_chip, uint32_t *out_line);

#endif
