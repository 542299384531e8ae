/*
 * The terminal.
 */
#ifndef SYS_TTY_H
#define SYS_TTY_H

#include <stdbool.h>

bool tty_is(int fd);
/* Columns; 0 when fd is no terminal or does not say. */
unsigned tty_width(int fd);

#endif
