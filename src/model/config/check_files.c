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

/* Where a file is named: "images[0].kernel". It becomes text only for a message. */
struct place {
    const char *list, *member; /* member may be "" */
    size_t index;
};

static char *place_text(struct place at)
{
    return mem_printf("%s[%zu]%s%s", at.list, at.index, *at.member ? "." : "", at.member);
}

/* Local paths must not be empty and "~user" means nothing. */
static void check_location(struct checker *c, struct place at, const char *location)
{
    bool expandable = *location != '~' || !location[1] || location[1] == '/';
    auto_mem char *field = NULL, *quoted = NULL;

    if ((*location && expandable) || strstr(location, "://"))
        return;
    field = place_text(at);
    quoted = quote_tick_dup(location);
    if (!*location)
        check_fail(c, "field `%s.location` refers to an invalid local file path: %s: empty path",
                   field, quoted);
    else
        check_fail(
            c,
            "field `%s.location` refers to an invalid local file path: %s: unexpandable path "
            "%s",
            field, quoted, quoted);
}

static void check_file(struct checker *c, struct place at, const char *location, const char *arch,
                       const char *digest)
{
    const char *fault = digest && *digest ? digest_fault(digest) : NULL;

    check_location(c, at, location ? location : "");
    check_arch(c, arch);
    if (fault) {
        auto_mem char *field = place_text(at);

        check_fail(c, "field `%s.digest` is invalid: %s: %s", field, digest, fault);
    }
}

/* The kernel or initrd of an image. */
static void check_image_part(struct checker *c, struct place at, const char *location,
                             const char *arch, const char *digest, const char *image_arch)
{
    check_file(c, at, location, arch, digest);
    if (!str_eq(arch, image_arch)) {
        auto_mem char *field = place_text(at);

        check_fail(c, "%s has unexpected architecture `%s`, must be `%s`", field, arch, image_arch);
    }
}

void check_images(struct checker *c)
{
    const struct instance_config *config = c->config;

    if (config->images.n == 0)
        check_fail(c, "field `images` must be set");
    for (size_t i = 0; i < config->images.n; i++) {
        const struct image_config *image = &config->images.v[i];
        const struct kernel_config *kernel = image->kernel;
        const struct file_config *initrd = image->initrd;

        check_file(c, (struct place){ "images", "", i }, image->location, image->arch,
                   image->digest);
        if (kernel)
            check_image_part(c, (struct place){ "images", "kernel", i }, kernel->location,
                             kernel->arch, kernel->digest, image->arch);
        if (initrd)
            check_image_part(c, (struct place){ "images", "initrd", i }, initrd->location,
                             initrd->arch, initrd->digest, image->arch);
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

        check_file(c, (struct place){ "containerd.archives", "", i }, archive->location,
                   archive->arch, archive->digest);
    }
}
