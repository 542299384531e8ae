/*
 * The argument parser: option rows in, typed values out. It follows pflag, the library of the
 * original, as far as users can see (reference: cli section 1.2): options and arguments may be
 * mixed, "--flag v" and "--flag=v" are equal, booleans take a value only after "=", short options
 * combine, "--" ends options, nothing is abbreviated.
 *
 * Rows describe the members of a plain struct that the caller zeroes first; a member is one of the
 * arg_* types below and says whether the option was given. Parsing is pure: no output, no exit.
 *
 *     struct stop_opts { struct arg_bool force; };
 *     static const struct opt stop_rows[] = {
 *         { OPT_AT(BOOL, struct stop_opts, force), .letter = 'f', .name = "force", .help = "..." },
 *     };
 */
#ifndef PROG_LIMACTL_ARGS_H
#define PROG_LIMACTL_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

enum opt_kind {
    OPT_BOOL,
    OPT_STR,
    OPT_INT,
    OPT_U16,
    OPT_FLOAT,
    OPT_DURATION,
    OPT_SLICE, /* each value is a CSV record; repeats append */
    OPT_ARRAY, /* each value is taken as it is; repeats append */
    OPT_KIND_COUNT,
};

struct arg_bool { bool set, v; };
struct arg_str { bool set; const char *v; }; /* v is never NULL after parsing; borrowed from argv */
struct arg_int { bool set; int64_t v; };
struct arg_u16 { bool set; uint16_t v; };
struct arg_float { bool set; float v; };
struct arg_duration { bool set; int64_t ns; };
struct arg_list { bool set; struct strv v; };

#define OPT_TYPE_BOOL struct arg_bool
#define OPT_TYPE_STR struct arg_str
#define OPT_TYPE_INT struct arg_int
#define OPT_TYPE_U16 struct arg_u16
#define OPT_TYPE_FLOAT struct arg_float
#define OPT_TYPE_DURATION struct arg_duration
#define OPT_TYPE_SLICE struct arg_list
#define OPT_TYPE_ARRAY struct arg_list

/* Kind and offset of a row; refuses a member whose type does not fit the kind. */
#define OPT_AT(kind_, type, member)                                                       \
    .kind = OPT_##kind_,                                                                  \
    .offset = offsetof(type, member) +                                                    \
              0 * sizeof(struct {                                                         \
                  int fits : __builtin_types_compatible_p(                                \
                      __typeof__(((type *)0)->member), OPT_TYPE_##kind_) ? 1 : -1;        \
              })

struct opt {
    enum opt_kind kind;
    size_t offset;
    char letter;              /* short form, 0 = none */
    const char *name;         /* long form without dashes */
    const char *value;        /* word for the value in help; NULL = by kind */
    const char *preset;       /* default as text, also shown in help; NULL = false, 0, "" */
    const char *help;         /* starts with a capital, no full stop */
    const char *const *words; /* values for completion, NULL-terminated; may be NULL */
    bool hidden;
};

/* Rows together with the struct they fill. */
struct opt_set {
    const struct opt *opts;
    size_t n;
    void *values;
};

enum args_flag {
    ARGS_STOP_AT_POSITIONAL = 1u << 0, /* the first positional ends option parsing */
};

/* Parses args (NULL-terminated, without program name); positionals are appended to *out. ERR_INVALID
 * with pflag's texts; an unknown option close to a known one gets a hint. The values keep borrowing
 * from args. */
bool args_parse(const struct opt_set *sets, size_t n_sets, unsigned flags, char *const *args,
                struct strv *out, struct err **errp) MUST_USE;
/* Sets the presets; args_parse() does it itself. */
void args_apply_presets(const struct opt_set *set);
/* Was the option given? */
bool opt_is_set(const struct opt *opt, const void *values);
/* Releases what lists own. */
void args_done(const struct opt_set *sets, size_t n_sets);

/* Finds a row; letter as a string of one character, or a long name. NULL when unknown. */
const struct opt *opt_find_long(const struct opt_set *sets, size_t n_sets, struct sv name,
                                void **out_values);
const struct opt *opt_find_letter(const struct opt_set *sets, size_t n_sets, char letter,
                                  void **out_values);
/* Position of the verb in args: the first positional when options that take values swallow the next
 * word, as pflag sees it with the options of sets; -1 = none. */
ptrdiff_t args_find_verb(const struct opt_set *sets, size_t n_sets, char *const *args);

/* One CSV record (RFC 4180 quotes) into fields. */
bool args_split_csv(struct sv text, struct strv *out, struct err **errp) MUST_USE;

/* Edits needed to turn one word into the other, ignoring case. */
unsigned word_distance(const char *a, const char *b);

#endif
