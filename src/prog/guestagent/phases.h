/*
 * The latest state of each phase of this boot, kept in a file so that it survives a change of the
 * agent's process: "PHASE STATE TEXT" lines in AGENT_RUNTIME/phases.
 */
#ifndef PROG_GUESTAGENT_PHASES_H
#define PROG_GUESTAGENT_PHASES_H

#include <stdbool.h>

#include "base/err.h"
#include "base/sb.h"
#include "wire/guest.h"

struct phases {
    struct {
        bool known;
        enum guest_state state;
        char *text; /* may be NULL */
    } v[GUEST_PHASE_COUNT];
};

/* Returns false when that is what it was. text may be NULL; line feeds become commas. */
bool phases_set(struct phases *phases, enum guest_phase phase, enum guest_state state,
                const char *text);
bool phases_is(const struct phases *phases, enum guest_phase phase, enum guest_state state);
/* A PHASE message for one phase, or for each that is known. */
void phases_put(const struct phases *phases, enum guest_phase phase, struct sb *out);
void phases_put_all(const struct phases *phases, struct sb *out);

void phases_format(const struct phases *phases, struct sb *out);
/* Lines that mean nothing are skipped. */
void phases_parse(struct phases *phases, struct sv text);
bool phases_save(const struct phases *phases, const char *path, struct err **errp) MUST_USE;
/* A missing file is no error: nothing has begun. */
void phases_load(struct phases *phases, const char *path);
void phases_done(struct phases *phases);

#endif
