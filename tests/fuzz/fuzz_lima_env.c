/* What is accepted must be fit for the files it is written to. */
#include "fuzz.h"

#include <assert.h>
#include <string.h>

#include "prog/guestagent/seed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seed seed;

    if (!seed_parse((struct sv){ (const char *)data, size }, &seed, NULL))
        return 0;
    assert(!strpbrk(seed.user, ":\n/") && !strpbrk(seed.home, ":\n") && seed.home[0] == '/');
    assert(!strpbrk(seed.shell, ":\n") && !strpbrk(seed.hostname, " \n"));
    assert(seed.uid != 0 && seed.iid[0]);
    for (size_t i = 0; i < seed.nics.n; i++)
        assert(strlen(seed.nics.v[i].mac) == 17 && strlen(seed.nics.v[i].name) < 16);
    seed_done(&seed);
    return 0;
}
