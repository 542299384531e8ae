/* The table that libexec/lima/images.so exports. */
#include "instance/images.h"
#include "svc/fetch/fetch.h"
#include "svc/image/prepare.h"

const struct images images_module = {
    .prepare = image_prepare,
    .refresh_initrd = image_refresh_initrd,
    .prune = fetch_prune,
    .fetch_text = fetch_text,
    .log_setup = log_setup,
};
