/*
 * The entry point of a fuzz target, called by libFuzzer or by replay_main.c. A target defines it,
 * asserts what must hold for every input, and returns 0.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
