/*
 * The account files of a guest as text: each function reads the old text and writes the whole new
 * one. Rows of others, comments and order are kept; a row of the user is changed where it is. Pure.
 */
#ifndef PROG_GUESTAGENT_ACCOUNTS_H
#define PROG_GUESTAGENT_ACCOUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/sb.h"

struct account {
    const char *name; /* all borrowed; without ':' and line feeds */
    const char *comment;
    const char *home;
    const char *shell;
    uint32_t uid;
    uint32_t gid;
};

/* The group the user has or shall have: that of an existing account, else the group of the same
 * name, else a new one with the number of the uid, or the first free one from 1000 on.
 * *out_missing: it has to be added. */
uint32_t accounts_gid(struct sv passwd, struct sv group, const char *name, uint32_t uid,
                      bool *out_missing);

/* An existing row keeps its password field. A new row goes before a row of another name with the
 * same id, so that the id means our user. */
void accounts_edit_passwd(struct sv passwd, const struct account *account, struct sb *out);
/* No password, but not locked either: ssh keys work with and without PAM. */
void accounts_edit_shadow(struct sv shadow, const char *name, struct sb *out);
void accounts_add_group(struct sv group, const char *name, uint32_t gid, struct sb *out);
void accounts_edit_gshadow(struct sv gshadow, const char *name, struct sb *out);

#endif
