/*
 * What locators tell: scheme, image, names. URLs and build: locators are read, too, the fetched
 * text being the locator itself; paths would lead to the files of this machine.
 */
#include "fuzz.h"

#include <assert.h>
#include <ctype.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/quote.h"
#include "lang/yaml/node.h"
#include "lang/yaml/yaml_text.h"
#include "model/template/template_priv.h"

static bool echo(void *ctx, const char *url, size_t limit, struct sb *out, struct err **errp)
{
    sb_puts(out, url);
    return true;
}

static void check_name(const char *name, size_t size_max)
{
    assert(strlen(name) <= size_max && !strchr(name, '/'));
    for (; *name; name++)
        assert(!isupper((unsigned char)*name));
}

/* The generated text says what the locator does, whatever characters that has. */
static void check_image(const struct template *tmpl, const char *locator)
{
    auto_yaml_doc struct yaml_doc *doc = yaml_load_values(sv_of(tmpl->text), NULL);
    struct yaml_node *images, *location;

    assert(doc);
    images = yaml_get(doc->root, "images");
    assert(images && images->n == 1);
    location = yaml_get(images->entries[0].value, "location");
    assert(location && sv_eq_str(location->text, locator));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct template_env env = { .arch = "x86_64", .stdin_fd = -1, .fetch = echo };
    auto_mem char *locator = mem_strndup((const char *)data, size);
    auto_template struct template tmpl = { 0 };
    auto_mem char *image = NULL;
    auto_mem char *file = NULL;

    if (size > 4096)
        return 0;
    file = locator_file_name(locator);
    check_name(file, strlen(locator));
    (void)locator_image_arch(locator);
    (void)locator_image_os(locator);
    image = locator_image_name(locator, "x86_64");
    if (!str_starts(locator, "build:"))
        check_name(image, strlen(locator) + strlen("linux"));
    if (!locator_is_url(locator) && !str_starts(locator, "build:") &&
        !str_starts(locator, "template:"))
        return 0;
    if (!template_read(&env, locator, &tmpl, NULL))
        return 0;
    if (locator_is_image(locator))
        check_image(&tmpl, locator);
    else
        assert(strcmp(tmpl.text, locator) == 0);
    return 0;
}
