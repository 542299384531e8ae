/* The first byte is the size of the pieces; however a stream is cut, the values must be the same.
 */
#include "fuzz.h"

#include <assert.h>

#include "wire/jsonl.h"

enum { LIMIT = 256 };

static size_t drain(struct jsonl *j)
{
    size_t n_values = 0;
    enum jsonl_status status;
    json_t *value;

    while ((status = jsonl_next(j, &value, NULL)) != JSONL_MORE) {
        if (status == JSONL_VALUE) {
            json_decref(value);
            n_values++;
        }
    }
    return n_values;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;

    size_t piece = data[0] ? data[0] : 1;
    struct jsonl whole = { .limit = LIMIT };
    struct jsonl cut = { .limit = LIMIT };
    size_t n_whole, n_cut = 0;

    data++;
    size--;
    jsonl_feed(&whole, data, size);
    n_whole = drain(&whole);
    for (size_t at = 0; at < size; at += piece) {
        jsonl_feed(&cut, data + at, size - at < piece ? size - at : piece);
        n_cut += drain(&cut);
        assert(cut.buf.n - cut.start <= LIMIT);
    }
    assert(n_whole == n_cut);
    jsonl_done(&whole);
    jsonl_done(&cut);
    return 0;
}
