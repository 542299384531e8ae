#include "svc/build/modinfo.h"

#include <elf.h>
#include <string.h>

#include "base/mem.h"

/* Copies a structure out of the file, which need not be aligned. */
static bool read_struct(struct sv elf, uint64_t at, void *out, size_t size)
{
    if (at > elf.n || size > elf.n - at)
        return false;
    memcpy(out, elf.p + at, size);
    return true;
}

static bool section_bytes(struct sv elf, const Elf64_Shdr *section, struct sv *out)
{
    if (section->sh_offset > elf.n || section->sh_size > elf.n - section->sh_offset)
        return false;
    *out = (struct sv){ elf.p + section->sh_offset, section->sh_size };
    return true;
}

static bool find_modinfo(struct sv elf, struct sv *out)
{
    Elf64_Ehdr head;
    Elf64_Shdr section;
    struct sv names;

    if (!read_struct(elf, 0, &head, sizeof(head)) ||
        memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
        head.e_ident[EI_DATA] != ELFDATA2LSB || head.e_shentsize != sizeof(section) ||
        head.e_shoff > elf.n)
        return false;
    if (!read_struct(elf, head.e_shoff + (uint64_t)head.e_shstrndx * sizeof(section), &section,
                     sizeof(section)) ||
        !section_bytes(elf, &section, &names))
        return false;

    for (unsigned i = 0; i < head.e_shnum; i++) {
        static const char wanted[] = ".modinfo";

        if (!read_struct(elf, head.e_shoff + (uint64_t)i * sizeof(section), &section,
                         sizeof(section)))
            return false;
        if (section.sh_name <= names.n && names.n - section.sh_name >= sizeof(wanted) &&
            memcmp(names.p + section.sh_name, wanted, sizeof(wanted)) == 0)
            return section_bytes(elf, &section, out);
    }
    return false;
}

static void push_name(struct sv name, struct strv *out)
{
    auto_mem char *text = sv_dup(name);
    auto_mem char *plain = modinfo_name_of(text);

    if (plain[0] && !strv_has(out, plain))
        strv_push(out, plain);
}

/* "pre: a b post: c": only what comes before counts. */
static void push_softdep(struct sv text, struct strv *out)
{
    struct sv word;
    bool before = false;

    while (sv_next(&text, ' ', &word)) {
        if (sv_ends(word, SV(":")))
            before = sv_eq(word, SV("pre:"));
        else if (before)
            push_name(word, out);
    }
}

bool modinfo_depends(struct sv elf, struct strv *out)
{
    struct sv info, line;

    if (!find_modinfo(elf, &info))
        return false;
    while (sv_next(&info, '\0', &line)) {
        struct sv key;

        if (!sv_next(&line, '=', &key))
            continue;
        if (sv_eq(key, SV("softdep"))) {
            push_softdep(line, out);
        } else if (sv_eq(key, SV("depends"))) {
            struct sv name;

            while (sv_next(&line, ',', &name))
                push_name(name, out);
        }
    }
    return true;
}

char *modinfo_name_of(const char *file_name)
{
    char *name = mem_strdup(file_name);
    char *ending = strstr(name, ".ko");

    if (ending)
        *ending = '\0';
    for (char *c = name; *c; c++)
        if (*c == '-')
            *c = '_';
    return name;
}
