/* What is loaded can be written, loads again as the same values, and is then written the same;
 * comments inside of explicit keys ("? key") may move once more. */
#include "fuzz.h"

#include <assert.h>
#include <string.h>

#include "lang/yaml/yaml_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_load((struct sv){ (const char *)data, size }, NULL);

    if (!doc)
        return 0;

    auto_mem char *text = yaml_text(doc);
    auto_err struct err *err = NULL;
    auto_yaml_doc struct yaml_doc *again = yaml_load(sv_of(text), &err);

    assert(again);
    assert(yaml_equal(doc->root, again->root));

    auto_mem char *text_again = yaml_text(again);

    assert(strchr(text, '?') || strcmp(text, text_again) == 0);
    json_decref(yaml_to_json(doc->root));
    assert(yaml_apply_merge_keys(doc, &err) == !err);
    return 0;
}
