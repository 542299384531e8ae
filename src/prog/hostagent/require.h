/*
 * Tries a list of requirements over ssh, one after the other, each until it is met or its tries are
 * used up (reference: runtime section 4).
 *
 * on_done comes once, from the loop, also for an empty list; then the owner closes. require_close()
 * may be called at any time and on NULL: a check that runs is ended, no callback follows.
 */
#ifndef PROG_HOSTAGENT_REQUIRE_H
#define PROG_HOSTAGENT_REQUIRE_H

#include <stdint.h>

#include "base/strv.h"
#include "prog/hostagent/guest_ssh.h"
#include "prog/hostagent/requirement.h"

struct require;
struct uv_loop_s;

struct require_params {
    struct uv_loop_s *loop;
    /* How ssh is called; all borrowed for the life of the object. */
    struct guest_ssh ssh;
    unsigned tries;       /* of each requirement; 0 = 200 */
    uint64_t interval_ms; /* between tries; 0 = 3 s */
    /* errors: one text for each requirement that was not met; borrowed. */
    void (*on_done)(void *arg, const struct strv *errors);
    void *arg;
};

/* The list is the object's from now on. */
struct require *require_open(const struct require_params *params, struct requirements *take_reqs);
void require_close(struct require *r);

#endif
