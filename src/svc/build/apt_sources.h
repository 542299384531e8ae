/*
 * Where packages come from: the host's own apt configuration, reduced to the archive of the distribution
 * and turned to the suite that a recipe wants. No host name is written down here: without a usable
 * configuration mmdebstrap takes its default.
 *
 * Understood are one-line sources ("deb [options] URI SUITE COMPONENT...") and deb822 stanzas. Kept are
 * URI, Signed-By (also an embedded key) and Trusted. Sources of others (third-party repositories, other
 * suites) and of other kinds (cdrom, file) are left out.
 */
#ifndef SVC_BUILD_APT_SOURCES_H
#define SVC_BUILD_APT_SOURCES_H

#include <stdbool.h>

#include "base/sb.h"
#include "base/strv.h"
#include "base/sv.h"

struct apt_suite {
    const char *host;   /* code name of the host's release ("bookworm"); borrowed */
    const char *wanted; /* of the recipe */
};

/* Pure: appends deb822 stanzas made from the text of one file. */
void apt_sources_convert_list(struct sv text, const struct apt_suite *suite, struct sb *out);
void apt_sources_convert_deb822(struct sv text, const struct apt_suite *suite, struct sb *out);

/* The stanzas of this host below etc_dir ("/etc"), empty when it has none that fit. */
void apt_sources_of_host(const char *etc_dir, const char *wanted_suite, struct sb *out);

#endif
