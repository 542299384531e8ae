/*
 * vmOpts.null: how the machine that is none behaves.
 */
#ifndef DRIVER_NULL_NULL_OPTIONS_H
#define DRIVER_NULL_NULL_OPTIONS_H

#include "base/err.h"
#include "lang/schema/field.h"
#include "model/config/instance.h"

enum null_fail {
    NULL_FAIL_NEVER,
    NULL_FAIL_START, /* driver_start() fails */
    NULL_FAIL_BOOT,  /* exits before it has started */
    NULL_FAIL_RUN,   /* crashes delayMs after it has started */
    NULL_FAIL_STOP,  /* is deaf to driver_stop() */
    NULL_FAIL_COUNT,
};

#define NULL_OPTIONS_FIELDS(F)                                                                \
    F(STR, fail_at, "failAt", NULL, MERGE_FILL, FIELD_NULLABLE, CHECK_WORDS(null_fail_words), \
      "Where to fail: start, boot, run or stop; nowhere when not given.")                     \
    F(INT, delay_ms, "delayMs", "0", MERGE_FILL, FIELD_NULLABLE, CHECK_RANGE(0, 600000),      \
      "Milliseconds that starting, crashing and stopping take.")
struct null_options {
    NULL_OPTIONS_FIELDS(FIELD_MEMBER)
};
extern const char *const null_fail_words[]; /* NULL-terminated; word i is enum null_fail i + 1 */
extern const struct field_table null_options_table;

struct null_behaviour {
    enum null_fail fail_at;
    uint64_t delay_ms;
};

/* ERR_INVALID names the key. */
bool null_options_load(const struct instance_config *config, struct null_behaviour *out,
                       struct err **errp) MUST_USE;

#endif
