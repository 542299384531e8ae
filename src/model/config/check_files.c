#include "model/config/check_priv.h"

#include <ctype.h>

#include "base/mem.h"
#include "base/quote.h"

/* "algorithm:hex", the algorithm in lower case (as of the OCI digest grammar). NULL when fine. */
static const char *digest_fault(const char *digest)
{
    static const struct {
        const char *name;
        size_t len;
    } algorithms[] = { { "sha256:", 64 }, { "sha384:", 96 }, { "sha512:", 128 } };
    const char *colon = strchr(digest, ':');

    if (!colon || colon == digest || !colon[1])
        return "invalid checksum digest format";
    for (size_t i = 0; i < COUNT(algorithms); i++) {
        if (!str_starts(digest, algorithms[i].name))
            continue;
        if (strlen(colon + 1) != algorithms[i].len)
            return "invalid checksum digest length";
        return strspn(colon + 1, "0123456789abcdef") == algorithms[i].len
                   ? NULL
                   : "invalid checksum digest format";
    }
    for (const char *p = digest; p < colon; p++)
        if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && !strchr("+._-", *p))
            return "invalid checksum digest format";
    return "unsupported digest algorithm";
}

static void check_location(struct checker *c, const char *field, const char *location)
{
    auto_mem char *quoted = NULL;

    if (strstr(location, "://"))
        return;
    quoted = quote_tick_dup(location);
    if (!*location)
        check_fail(c, "field `%s.location` refers to an invalid local file path: %s: empty path",
                   field, quoted);
    else if (*location == '~' && location[1] && location[1] != '/')
        check_fail(
            c,
            "field `%s.location` refers to an invalid local file path: %s: unexpandable path "
            "%s",
            field, quoted, quoted);
}

void check_file(struct checker *c, const char *field, const char *location, const char *arch,
                const char *digest)
{
    check_location(c, field, location ? location : "");
    check_arch(c, arch);
    if (digest && *digest) {
        const char *fault = digest_fault(digest);

        if (fault)
            check_fail(c, "field `%s.digest` is invalid: %s: %s", field, digest, fault);
    }
}

static void check_image_part(struct checker *c, const char *field, const char *location,
                             const char *arch, const char *digest, const char *image_arch)
{
    check_file(c, field, location, arch, digest);
    if (!str_eq(arch, image_arch))
        check_fail(c, "%s has unexpected architecture `%s`, must be `%s`", field, arch, image_arch);
}

void check_images(struct checker *c)
{
    const struct instance_config *config = c->config;

    if (config->images.n == 0)
        check_fail(c, "field `images` must be set");
    for (size_t i = 0; i < config->images.n; i++) {
        const struct image_config *image = &config->images.v[i];
        auto_mem char *field = mem_printf("images[%zu]", i);
        auto_mem char *kernel = mem_printf("images[%zu].kernel", i);
        auto_mem char *initrd = mem_printf("images[%zu].initrd", i);

        check_file(c, field, image->location, image->arch, image->digest);
        if (image->kernel)
            check_image_part(c, kernel, image->kernel->location, image->kernel->arch,
                             image->kernel->digest, image->arch);
        if (image->initrd)
            check_image_part(c, initrd, image->initrd->location, image->initrd->arch,
                             image->initrd->digest, image->arch);
    }
}

void check_archives(struct checker *c)
{
    const struct containerd_config *containerd = &c->config->containerd;

    if (!containerd->system.v && !containerd->user.v)
        return;
    if (containerd->archives.n == 0)
        check_fail(c, "field `containerd.archives` must be provided");
    for (size_t i = 0; i < containerd->archives.n; i++) {
        const struct file_config *archive = &containerd->archives.v[i];
        auto_mem char *field = mem_printf("containerd.archives[%zu]", i);

        check_file(c, field, archive->location, archive->arch, archive->digest);
    }
}
