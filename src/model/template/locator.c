/* What a locator is, and what an image's name tells. */
#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/path.h"
#include "model/template/template_priv.h"

/* Longer ones first where one begins with another. */
static const char *const image_suffixes[] = { ".img", ".qcow2", ".raw", ".iso", ".ipsw" };
static const char *const packed_suffixes[] = { ".gz", ".xz", ".bz2", ".zstd" };

/* Words of image names that say nothing about the system in it. */
static const char *const generic_words[] = {
    "base",    "basic",        "cloud", "cloudimg", "cloudinit", "current", "daily",     "default",
    "generic", "genericcloud", "kvm",   "latest",   "linux",     "minimal", "openstack", "release",
    "restore", "server",       "std",   "stream",   "uefi",      "vm",
};

static const struct {
    const char *word, *arch;
} arch_words[] = {
    { "aarch64", "aarch64" }, { "arm64", "aarch64" },   { "amd64", "x86_64" },
    { "x86_64", "x86_64" },   { "armhf", "armv7l" },    { "armv7l", "armv7l" },
    { "ppc64el", "ppc64le" }, { "ppc64le", "ppc64le" }, { "riscv64", "riscv64" },
    { "s390x", "s390x" },
};

struct sv locator_scheme(const char *locator)
{
    size_t n = 0;

    while (isalnum((unsigned char)locator[n]) || locator[n] == '+' || locator[n] == '-')
        n++;
    if (n < 2 || locator[n] != ':' || !isalpha((unsigned char)locator[0]))
        n = 0;
    return (struct sv){ locator, n };
}

bool locator_is_url(const char *locator)
{
    return strncasecmp(locator, "http://", 7) == 0 || strncasecmp(locator, "https://", 8) == 0;
}

/* Takes one of the suffixes off. */
static bool strip_suffix(struct sv *name, const char *const *suffixes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!sv_ends(*name, sv_of(suffixes[i])))
            continue;
        name->n -= strlen(suffixes[i]);
        return true;
    }
    return false;
}

/* Takes ".qcow2.gz" and the like off; false when it is no image's name. */
static bool strip_image(struct sv *name)
{
    struct sv rest = *name;

    (void)strip_suffix(&rest, packed_suffixes, COUNT(packed_suffixes));
    if (!strip_suffix(&rest, image_suffixes, COUNT(image_suffixes)))
        return false;
    *name = rest;
    return true;
}

bool locator_is_image(const char *locator)
{
    struct sv name = sv_of(locator);

    return str_starts(locator, "build:") || strip_image(&name);
}

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

static bool is_delimiter(char c)
{
    return c == '-' || c == '_' || c == '.';
}

/* Is word in text, with no letter, digit or underscore next to it? */
static bool has_word(const char *text, const char *word)
{
    size_t n = strlen(word);

    for (const char *at = text; (at = strcasestr(at, word)); at++)
        if ((at == text || !is_word_char(at[-1])) && !is_word_char(at[n]))
            return true;
    return false;
}

const char *locator_image_arch(const char *locator)
{
    for (size_t i = 0; i < COUNT(arch_words); i++)
        if (has_word(locator, arch_words[i].word))
            return arch_words[i].arch;
    return NULL;
}

const char *locator_image_os(const char *locator)
{
    struct sv name = sv_of(locator);

    (void)strip_suffix(&name, packed_suffixes, COUNT(packed_suffixes));
    if (has_word(locator, "FreeBSD"))
        return "FreeBSD";
    return has_word(locator, "macOS") || sv_ends(name, SV(".ipsw")) ? "Darwin" : "Linux";
}

static void cut(char *from, size_t n)
{
    memmove(from, from + n, strlen(from + n) + 1);
}

/* Removes "-word", "_word" and ".word". */
static void remove_word(char *name, const char *word)
{
    size_t n = strlen(word);

    for (char *at = name; (at = strstr(at, word));) {
        if (at > name && is_delimiter(at[-1]) && (!at[n] || is_delimiter(at[n])))
            cut(--at, n + 1);
        else
            at++;
    }
}

/* Removes "-20250316" and "-20250316-2053". */
static void remove_dates(char *name)
{
    for (char *at = name; *at;) {
        size_t n = strspn(at + 1, "0123456789");

        if (!is_delimiter(*at) || n != 8 || !str_starts(at + 1, "20")) {
            at++;
            continue;
        }
        if (is_delimiter(at[9]) && isdigit((unsigned char)at[10]))
            n += 1 + strspn(at + 10, "0123456789");
        cut(at, n + 1);
    }
}

/* "rocky-8-8.10" names its version twice. */
static void remove_repeated_number(char *name)
{
    for (char *at = strchr(name, '-'); at; at = strchr(at + 1, '-')) {
        size_t n = strspn(at + 1, "0123456789");

        if (n > 0 && at[n + 1] == '-' && strncmp(at + 1, at + n + 2, n) == 0 &&
            at[2 * n + 2] == '.')
            cut(at, n + 1);
    }
}

static void replace(char **name, const char *old, const char *new)
{
    char *at = strstr(*name, old);

    if (at)
        mem_replace(name, mem_printf("%.*s%s%s", (int)(at - *name), *name, new, at + strlen(old)));
}

char *locator_image_name(const char *locator, const char *native_arch)
{
    struct sv base = sv_of(path_base(locator));
    char *name;

    if (str_starts(locator, "build:"))
        return mem_strdup(locator + strlen("build:"));
    (void)strip_image(&base);
    name = sv_dup(base);
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (str_starts(name, "nocloud_"))
        cut(name, strlen("nocloud_"));
    for (size_t i = 0; i < COUNT(generic_words); i++)
        remove_word(name, generic_words[i]);
    replace(&name, "universalmac_", "macos-");
    replace(&name, "arm64-aarch64", "arm64");
    remove_word(name, native_arch);
    remove_dates(name);
    if (str_starts(name, "arch") && !is_word_char(name[4]))
        replace(&name, "arch", "archlinux");
    remove_repeated_number(name);
    if (str_starts(name, "macos-"))
        name[6 + strcspn(name + 6, "-_")] = 0;
    return name;
}

char *locator_file_name(const char *locator)
{
    auto_mem char *path = mem_strdup(locator);
    char *name;

    if (locator_is_url(locator)) {
        path[strcspn(path, "?#")] = 0;
        for (size_t n = strlen(path); n > 0 && path[n - 1] == '/'; n--)
            path[n - 1] = 0;
    }
    name = mem_strdup(path_base(path));
    for (char *c = name; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    if (str_ends(name, ".yml"))
        name[strlen(name) - strlen(".yml")] = 0;
    if (str_ends(name, ".yaml"))
        name[strlen(name) - strlen(".yaml")] = 0;
    return name;
}
