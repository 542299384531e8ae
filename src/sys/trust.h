/*
 * Who may change a program: before root is asked to run it, and by the program itself when root
 * runs it.
 */
#ifndef SYS_TRUST_H
#define SYS_TRUST_H

#include <stdbool.h>

#include "base/err.h"

/* Does the file, and every directory above it, belong to root, with nobody else allowed to write? A
 * link anywhere is refused. ERR_INVALID names what is in the way. path is absolute and cleaned. */
bool trust_check_program(const char *path, struct err **errp) MUST_USE;

#endif
