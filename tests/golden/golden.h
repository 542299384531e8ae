/*
 * The main program of golden tests: a folder of cases, each a folder of inputs and expected
 * results.
 *
 * golden_main() calls run for every case folder; an error is a failure and says what differs. With
 * UPDATE_GOLDEN in the environment golden_settle() writes the results instead of comparing them.
 */
#ifndef TESTS_GOLDEN_GOLDEN_H
#define TESTS_GOLDEN_GOLDEN_H

#include "base/err.h"
#include "base/sv.h"

typedef bool golden_case_fn(const char *dir, struct err **errp);

/* Exit status of the program: 0 when there is a case and all passed. */
int golden_main(int argc, char **argv, golden_case_fn *run) MUST_USE;

/* Compares text with the file name in dir. A file that is not there expects the empty text. */
bool golden_settle(const char *dir, const char *name, struct sv text, struct err **errp) MUST_USE;

#endif
