/*
 * Completion (reference: cli section 10.12): the shell scripts call "limactl __complete WORDS...
 * CURRENT" and get one candidate a line, an optional tab with a description, and a last line ":N"
 * with directive bits.
 */
#ifndef PROG_LIMACTL_COMPLETE_H
#define PROG_LIMACTL_COMPLETE_H

#include "prog/limactl/verb.h"

enum complete_directive {
    COMPLETE_NO_SPACE = 2,
    COMPLETE_NO_FILES = 4,
};

/* "__complete" or "__completeNoDesc". */
bool complete_is_request(const char *word);
/* words: the request word, then the words of the command line. Always true. */
bool complete_run(const struct strv *words);
/* The pure part: candidates for the last of words (which lack the request word) and the directive. */
unsigned complete_words(const struct strv *words, struct strv *out);

#endif
