#include "svc/build/bootstrap_log.h"

#include "base/enum.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/quote.h"

#define LINE_SHOWN_MAX 400

static const char *const phase_texts[] = {
    "starting", "reading the package lists", "downloading packages", "extracting packages",
    "installing packages", "making the file system",
};
ENUM_NAMES_MATCH(phase_texts, BOOTSTRAP_PHASE_COUNT);

static const struct {
    const char *start;
    enum bootstrap_phase phase;
} marks[] = {
    { "I: running apt-get update", BOOTSTRAP_LISTS },
    { "I: downloading packages", BOOTSTRAP_DOWNLOAD },
    { "I: extracting archives", BOOTSTRAP_EXTRACT },
    { "I: installing essential packages", BOOTSTRAP_INSTALL },
    { "I: installing remaining packages", BOOTSTRAP_INSTALL },
    { "I: running --extract-hook", BOOTSTRAP_PACK },
    { "I: running --customize-hook", BOOTSTRAP_PACK },
};

const char *bootstrap_phase_text(enum bootstrap_phase phase)
{
    return phase_texts[phase];
}

static bool contains(struct sv text, const char *part)
{
    return memmem(text.p, text.n, part, strlen(part)) != NULL;
}

static void set_reason(struct bootstrap_log *log, int rank, struct sv text)
{
    if (rank <= log->reason_rank)
        return;
    mem_replace(&log->reason, quote_printable(text, LINE_SHOWN_MAX));
    log->reason_rank = rank;
}

/* A full disk explains everything; then what the recipe's own tools said last before mmdebstrap gave up on
 * them; then the first complaint of apt or mmdebstrap. */
static void look_for_reason(struct bootstrap_log *log, struct sv line)
{
    if (contains(line, "No space left on device"))
        set_reason(log, 4, line);
    else if (sv_starts(line, SV("E: ")) && contains(line, "E: command failed") && log->last_line)
        set_reason(log, 3, sv_of(log->last_line));
    else if (sv_starts(line, SV("dpkg: error")))
        set_reason(log, 2, line);
    else if (sv_starts(line, SV("E: ")))
        set_reason(log, 1, sv_slice(line, 3, line.n));
    else if (sv_starts(line, SV("' exec "))) /* the end of the script, which is echoed before it runs */
        mem_replace(&log->last_line, NULL);
    else if (line.n > 0 && !sv_starts(line, SV("I: ")))
        mem_replace(&log->last_line, sv_dup(line));
}

/* "0 upgraded, 78 newly installed, 0 to remove and 0 not upgraded." */
static bool parse_newly_installed(struct sv line, unsigned *out)
{
    struct sv part;
    uint32_t n;

    while (sv_next(&line, ',', &part)) {
        part = sv_trim(part);
        if (!sv_ends(part, SV(" newly installed")))
            continue;
        if (!parse_u32(sv_slice(part, 0, (size_t)sv_find(part, ' ')), &n))
            return false;
        *out = n;
        return true;
    }
    return false;
}

static bool count_step(struct bootstrap_log *log, struct sv line)
{
    unsigned total;

    if (parse_newly_installed(line, &total)) {
        log->total = log->phase == BOOTSTRAP_INSTALL ? 3 * total : total;
        log->done = 0;
        return true;
    }
    if (sv_starts(line, SV("Get:")) || sv_starts(line, SV("Setting up ")) ||
        sv_starts(line, SV("Unpacking "))) {
        if (log->total == 0 || log->done < log->total)
            log->done++;
        return log->total > 0;
    }
    return false;
}

bool bootstrap_log_line(struct bootstrap_log *log, struct sv line)
{
    line = sv_trim(line);
    look_for_reason(log, line);
    for (size_t i = 0; i < COUNT(marks); i++) {
        if (!sv_starts(line, sv_of(marks[i].start)))
            continue;
        log->phase = marks[i].phase;
        log->done = log->total = 0;
        return true;
    }
    return count_step(log, line);
}

void bootstrap_log_done(struct bootstrap_log *log)
{
    free(log->reason);
    free(log->last_line);
    *log = (struct bootstrap_log){ 0 };
}
