/* Whatever a disk begins with: labels are terminated and match themselves. */
#include "fuzz.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "prog/guestagent/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct block_head head;
    char spec[64];

    block_parse((struct sv){ (const char *)data, size }, &head);
    assert(strlen(head.label) < sizeof(head.label));
    (void)snprintf(spec, sizeof(spec), "LABEL=%s", head.label);
    assert(block_matches(&head, spec) == (head.label[0] != '\0'));
    (void)snprintf(spec, sizeof(spec), "UUID=%s", head.uuid);
    assert(block_matches(&head, spec) == (head.kind == BLOCK_EXT));
    return 0;
}
