/* An expression, a NUL, the YAML text it is applied to. What comes out is YAML again. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "lang/expr/expr.h"
#include "lang/yaml/yaml_text.h"

/* Short inputs make long texts, and those the fuzzer slow. */
enum { READ_MAX = 256 << 10 };

static void check_readable(const char *edited)
{
    auto_err struct err *err = NULL;
    auto_yaml_doc struct yaml_doc *doc = yaml_load(sv_of(edited), &err);

    if (!doc)
        fprintf(stderr, "%s in:\n%s\n", err_text(err), edited);
    assert(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sv text = { (const char *)data, size }, expression;
    auto_err struct err *err = NULL;
    char *edited = NULL;

    if (size > 65536)
        return 0;
    sv_next(&text, '\0', &expression);
    if (!expr_edit_text(text, expression, &edited, &err)) {
        assert(err && !edited);
        return 0;
    }
    if (sv_trim(expression).n > 0 && strlen(edited) <= READ_MAX)
        check_readable(edited);
    free(edited);
    return 0;
}
