/*
 * vmOpts.qemu (reference: config section 5.1), and our own key "accel".
 */
#ifndef DRIVER_QEMU_OPTIONS_H
#define DRIVER_QEMU_OPTIONS_H

#include "base/err.h"
#include "lang/schema/field.h"
#include "model/config/instance.h"

#define QEMU_OPTIONS_FIELDS(F)                                                                \
    F(STR, minimum_version, "minimumVersion", NULL, MERGE_FILL, FIELD_NULLABLE, CHECK_ANY,    \
      "Oldest version of QEMU that the instance works with, X.Y.Z.")                          \
    F(MAP, cpu_type, "cpuType", NULL, MERGE_UNION, FIELD_NULLABLE, CHECK_ANY,                 \
      "CPU model and flags for each architecture, as QEMU's -cpu takes them.")                \
    F(STR, accel, "accel", NULL, MERGE_FILL, FIELD_NULLABLE, CHECK_WORDS(qemu_option_accels), \
      "Accelerator: kvm or tcg; what works best when not given.")
struct qemu_options {
    QEMU_OPTIONS_FIELDS(FIELD_MEMBER)
};
extern const char *const qemu_option_accels[];
extern const struct field_table qemu_options_table;

/* Reads vmOpts.qemu, and cpuType of older files. ERR_INVALID names the key. */
bool qemu_options_load(const struct instance_config *config, struct qemu_options *out,
                       struct err **errp) MUST_USE;
void qemu_options_done(struct qemu_options *options);
#define auto_qemu_options AUTO_CALL(qemu_options_done)

/* The accelerator to be used whatever works: the key, else $LIMA_QEMU_ACCEL, else NULL. Borrowed.
 */
const char *qemu_options_accel(const struct qemu_options *options);
/* The CPU for an architecture; NULL = the driver's choice. Borrowed. */
const char *qemu_options_cpu(const struct qemu_options *options, const char *arch);

#endif
