#include "model/config/config.h"

#include "base/semver.h"

bool config_version_is_older(const char *version, const char *than)
{
    struct semver have, want;

    if (!version)
        return false;
    if (*version == '\0')
        return true;
    if (!semver_parse(sv_of(version), &have) || !semver_parse(sv_of(than), &want))
        return false;
    return semver_cmp(have, want) < 0;
}
