/* No template crashes or runs for ever, whatever it is given; a second run gives the same. */
#include "fuzz.h"

#include <assert.h>
#include <string.h>

#include "lang/gotmpl/gotmpl.h"
#include "lang/json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_gotmpl struct gotmpl *t = gotmpl_parse(
        "t", (struct sv){ (const char *)data, size < 4096 ? size : 4096 }, GOTMPL_LIST_FUNCS, NULL);

    if (!t)
        return 0;

    auto_json json_t *values = json_parse(
        SV("{\"S\":\"s\",\"N\":null,\"I\":3,\"F\":1.5,\"B\":true,\"L\":[1,\"x\",[]],\"M\":{\"k\":{}}}"),
        NULL);
    auto_sb struct sb first = { 0 }, second = { 0 };
    bool ok = gotmpl_run(t, values, NULL, &first, NULL);

    assert(gotmpl_run(t, values, NULL, &second, NULL) == ok);
    assert(first.n == second.n && memcmp(sb_str(&first), sb_str(&second), first.n) == 0);
    return 0;
}
