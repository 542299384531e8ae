/*
 * Inside model/template: what locators tell without being read.
 */
#ifndef MODEL_TEMPLATE_TEMPLATE_PRIV_H
#define MODEL_TEMPLATE_TEMPLATE_PRIV_H

#include "model/template/template.h"

/* What is before the colon of "SCHEME:REST": two letters, digits, "+" or "-" at least, as one
 * letter is a drive. Empty without a scheme. */
struct sv locator_scheme(const char *locator);
bool locator_is_url(const char *locator); /* http and https */
/* Is it the name of a disk image: a URL, a path, or a build: locator? */
bool locator_is_image(const char *locator);
/* As the words in the name say: "x86_64", NULL when none says it; "Linux", "FreeBSD", "Darwin". */
const char *locator_image_arch(const char *locator);
const char *locator_image_os(const char *locator);
/* Names for the instance, owned: the file name without what is generic in it; the file name without
 * ".yaml", and of a URL without its query. */
char *locator_image_name(const char *locator, const char *native_arch);
char *locator_file_name(const char *locator);

#endif
