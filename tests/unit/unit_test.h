/*
 * What every unit test includes: cmocka with the headers it needs, and a way to name a failing row
 * of a table.
 */
#ifndef TESTS_UNIT_TEST_H
#define TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Fails the test naming the row's input when the condition does not hold. */
#define check_row(condition, input)                                    \
    do {                                                               \
        if (!(condition))                                              \
            fail_msg("%s does not hold for: %s", #condition, (input)); \
    } while (0)

#endif
