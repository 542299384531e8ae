#include "prog/guestagent/accounts.h"

#include <stdio.h>

#include "base/num.h"

enum { FIRST_GID = 1000, LAST_GID = 59999 };

/* Field i of a row of colon-separated fields; empty when there are fewer. */
static struct sv field(struct sv row, size_t i)
{
    struct sv value = { 0 };

    do {
        if (!sv_next(&row, ':', &value))
            return (struct sv){ 0 };
    } while (i-- > 0);
    return value;
}

static bool is_row_of(struct sv row, const char *name)
{
    return sv_find(row, ':') > 0 && sv_eq_str(field(row, 0), name);
}

static bool find_row(struct sv text, const char *name, struct sv *out)
{
    for (struct sv row; sv_next_line(&text, &row);) {
        if (is_row_of(row, name)) {
            *out = row;
            return true;
        }
    }
    return false;
}

static bool has_id(struct sv row, uint32_t id)
{
    uint32_t value;

    return parse_u32(field(row, 2), &value) && value == id;
}

static bool is_gid_taken(struct sv group, uint32_t gid)
{
    for (struct sv row; sv_next_line(&group, &row);)
        if (has_id(row, gid))
            return true;
    return false;
}

uint32_t accounts_gid(struct sv passwd, struct sv group, const char *name, uint32_t uid,
                      bool *out_missing)
{
    struct sv row;
    uint32_t gid;

    *out_missing = false;
    if (find_row(passwd, name, &row) && parse_u32(field(row, 3), &gid))
        return gid;
    if (find_row(group, name, &row) && parse_u32(field(row, 2), &gid))
        return gid;

    *out_missing = true;
    if (!is_gid_taken(group, uid))
        return uid;
    for (gid = FIRST_GID; gid < LAST_GID && is_gid_taken(group, gid); gid++)
        ;
    return gid;
}

static void put_line(struct sb *out, struct sv line)
{
    sb_put(out, line);
    sb_putc(out, '\n');
}

static void put_passwd_row(struct sb *out, const struct account *account, struct sv password)
{
    sb_putf(out, "%s:%.*s:%u:%u:", account->name, SV_ARG(password), account->uid, account->gid);
    for (const char *c = account->comment; *c; c++)
        sb_putc(out, *c == ':' || (unsigned char)*c < ' ' ? ' ' : *c);
    sb_putf(out, ":%s:%s\n", account->home, account->shell);
}

void accounts_edit_passwd(struct sv passwd, const struct account *account, struct sb *out)
{
    struct sv old;
    bool exists = find_row(passwd, account->name, &old), done = false;

    for (struct sv row; sv_next_line(&passwd, &row);) {
        if (!done && exists && is_row_of(row, account->name)) {
            put_passwd_row(out, account, field(row, 1));
            done = true;
            continue;
        }
        if (!done && !exists && has_id(row, account->uid)) {
            put_passwd_row(out, account, SV("x"));
            done = true;
        }
        put_line(out, row);
    }
    if (!done)
        put_passwd_row(out, account, SV("x"));
}

/* Copies a file, and adds a row when none of that name exists. */
static void append_row(struct sv text, const char *name, const char *row, struct sb *out)
{
    struct sv old;
    bool exists = find_row(text, name, &old);

    for (struct sv line; sv_next_line(&text, &line);)
        put_line(out, line);
    if (!exists)
        sb_putf(out, "%s%s\n", name, row);
}

void accounts_edit_shadow(struct sv shadow, const char *name, struct sb *out)
{
    append_row(shadow, name, ":*:::::::", out);
}

void accounts_edit_gshadow(struct sv gshadow, const char *name, struct sb *out)
{
    append_row(gshadow, name, ":!::", out);
}

void accounts_add_group(struct sv group, const char *name, uint32_t gid, struct sb *out)
{
    char row[32];

    (void)snprintf(row, sizeof(row), ":x:%u:", gid);
    append_row(group, name, row, out);
}
