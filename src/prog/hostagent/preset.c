#include "prog/hostagent/preset.h"

#include <string.h>

#include "base/sv.h"
#include "model/config/config.h"

/* The port that Lima gave an instance of this name before 2.0. */
#define OLD_DEFAULT_PORT 60022

uint16_t preset_ssh_port(const char *name, int64_t configured, const char *version)
{
    if (configured > 0 && configured <= UINT16_MAX)
        return (uint16_t)configured;
    if (version && strcmp(name, "default") == 0 &&
        (!*version || config_version_is_older(version, "2.0.0")))
        return OLD_DEFAULT_PORT;
    return 0;
}

char *preset_autostart_unit(const char *cgroup)
{
    struct sv rest = sv_of(cgroup), line;

    while (sv_next(&rest, '\n', &line)) {
        ptrdiff_t slash = sv_rfind(line, '/');
        struct sv name = slash < 0 ? line : sv_slice(line, (size_t)slash + 1, line.n);

        if (sv_starts(name, SV("lima-vm@")) && sv_ends(name, SV(".service")))
            return sv_dup(name);
    }
    return NULL;
}
