/* apt's source lists in both notations, and the output of mmdebstrap. */
#include <stddef.h>
#include <stdint.h>

#include "svc/build/apt_sources.h"
#include "svc/build/bootstrap_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct apt_suite suite = { "bookworm", "trixie" };
    struct sv text = { (const char *)data, size };
    struct bootstrap_log log = { 0 };
    auto_sb struct sb out = { 0 };
    struct sv line;

    apt_sources_convert_list(text, &suite, &out);
    apt_sources_convert_deb822(text, &suite, &out);
    while (sv_next(&text, '\n', &line))
        (void)bootstrap_log_line(&log, line);
    bootstrap_log_done(&log);
    return 0;
}
