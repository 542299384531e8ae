#include "svc/image/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/enum.h"
#include "base/mem.h"
#include "base/sv.h"
#include "svc/image/qcow2.h"
#include "svc/image/qcow2_tables.h"
#include "svc/image/vmdk.h"
#include "sys/file.h"

static const char *const format_names[] = { "raw", "qcow2", "iso", "vmdk", "vhdx", "vdi" };
ENUM_NAMES_MATCH(format_names, IMAGE_FORMAT_COUNT);

/* In the order of enum image_packing. */
static const struct {
    const char *name, *suffix;
    struct sv magic;
} packings[] = {
    { "plain", "", { NULL, 0 } },
    { "gzip", ".gz", { "\x1f\x8b", 2 } },
    { "bzip2", ".bz2", { "BZh", 3 } },
    { "xz", ".xz", { "\xfd" "7zXZ\0", 6 } },
    { "zstd", ".zst", { "\x28\xb5\x2f\xfd", 4 } },
};
ENUM_NAMES_MATCH(packings, IMAGE_PACKING_COUNT);

#define ISO_MAGIC_AT 0x8001
#define HEAD_SIZE QCOW2_HEADER_MAX

const char *image_format_name(enum image_format format)
{
    return format_names[format];
}

/* The start of a file, as much as there is. */
struct head {
    char *p;
    size_t n;
    uint64_t file_size;
};

static void head_done(struct head *head)
{
    free(head->p);
}
#define auto_head AUTO_CALL(head_done)

static struct sv head_at(const struct head *head, size_t at, size_t n)
{
    return sv_slice((struct sv){ head->p, head->n }, at, at + n);
}

static bool head_read(struct head *head, int fd, const char *name, struct err **errp)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_set_os(errp, errno, "cannot inspect %s", name);
    if (!S_ISREG(st.st_mode))
        return err_set(errp, ERR_INVALID, "%s is not a regular file", name);
    head->file_size = (uint64_t)st.st_size;
    head->n = head->file_size < HEAD_SIZE ? (size_t)head->file_size : HEAD_SIZE;
    head->p = mem_alloc(head->n);
    return file_read_at(fd, name, 0, head->p, head->n, errp);
}

static enum image_packing packing_of(const struct head *head)
{
    for (size_t i = 1; i < COUNT(packings); i++)
        if (sv_starts((struct sv){ head->p, head->n }, packings[i].magic))
            return (enum image_packing)i;
    return IMAGE_PLAIN;
}

static enum image_format format_of(const struct head *head)
{
    struct sv all = { head->p, head->n };

    if (qcow2_is(all))
        return IMAGE_QCOW2;
    if (sv_eq(head_at(head, ISO_MAGIC_AT, 5), SV("CD001")))
        return IMAGE_ISO;
    if (vmdk_is(all))
        return IMAGE_VMDK;
    if (sv_starts(all, SV("vhdxfile")))
        return IMAGE_VHDX;
    if (sv_eq(head_at(head, 0x40, 4), SV("\x7f\x10\xda\xbe")))
        return IMAGE_VDI;
    return IMAGE_RAW;
}

static bool probe_head(const struct head *head, const char *name, struct image_info *out,
                       struct err **errp)
{
    struct image_info info = { .format = format_of(head), .file_size = head->file_size };

    if (info.format == IMAGE_RAW || info.format == IMAGE_ISO) {
        info.virtual_size = info.file_size;
    } else if (info.format == IMAGE_QCOW2) {
        struct qcow2_header header;

        if (!qcow2_parse((struct sv){ head->p, head->n }, &header, errp))
            return err_wrap(errp, "%s", name);
        info.virtual_size = header.virtual_size;
    }
    *out = info;
    return true;
}

bool image_probe(int fd, const char *name, struct image_info *out, struct err **errp)
{
    auto_head struct head head = { 0 };

    return head_read(&head, fd, name, errp) && probe_head(&head, name, out, errp);
}

bool image_probe_file(const char *path, struct image_info *out, struct err **errp)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0 && errno == ENOENT)
        return err_set(errp, ERR_NOT_FOUND, "%s does not exist", path);
    if (fd < 0)
        return err_set_os(errp, errno, "cannot open %s", path);
    return image_probe(fd, path, out, errp);
}

bool image_packing_of(int fd, const char *location, enum image_packing *out, struct err **errp)
{
    auto_head struct head head = { 0 };

    if (!head_read(&head, fd, location, errp))
        return false;

    enum image_packing packing = packing_of(&head);

    for (size_t i = 1; i < COUNT(packings); i++)
        if (str_ends(location, packings[i].suffix) && packing != i)
            return err_set(errp, ERR_INVALID, "%s is not compressed with %s, as its name says",
                           location, packings[i].name);
    *out = packing;
    return true;
}

static bool looks_like_text(struct sv text)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (c == 0x7f || (c < ' ' && c != '\n' && c != '\r' && c != '\t'))
            return false;
    }
    return true;
}

/* Everything is a raw disk to QEMU; here it must at least not be something else. */
static bool check_raw(const struct head *head, const char *name, struct err **errp)
{
    if (head->file_size == 0)
        return err_set(errp, ERR_INVALID, "%s is empty", name);
    if (packing_of(head) != IMAGE_PLAIN)
        return err_set(errp, ERR_INVALID, "%s is compressed twice", name);
    if (looks_like_text(head_at(head, 0, 512)))
        return err_set(errp, ERR_INVALID, "%s is a text (or a web page), not a disk image", name);
    if (sv_eq(head_at(head, 257, 5), SV("ustar")))
        return err_set(errp, ERR_INVALID, "%s is a tar archive, not a disk image", name);
    if (sv_starts(head_at(head, 0, 4), SV("PK\x03\x04")))
        return err_set(errp, ERR_INVALID, "%s is a zip archive, not a disk image", name);
    if (head->file_size < 512)
        return err_set(errp, ERR_INVALID, "%s is too small for a disk image", name);
    return true;
}

static bool check_qcow2(const struct head *head, int fd, const char *name, struct err **errp)
{
    struct qcow2_header header;

    if (!qcow2_parse((struct sv){ head->p, head->n }, &header, errp) ||
        !qcow2_check(&header, errp))
        return err_wrap(errp, "%s", name);
    return qcow2_tables_check(fd, name, &header, head->file_size, errp);
}

/* What the bytes of an image claim about its structure, and about other files. */
static bool check_structure(const struct head *head, const struct image_info *info, int fd,
                            const char *name, struct err **errp)
{
    if (info->format == IMAGE_QCOW2)
        return check_qcow2(head, fd, name, errp);
    if (info->format == IMAGE_VMDK && !vmdk_check((struct sv){ head->p, head->n }, errp))
        return err_wrap(errp, "%s", name);
    return true;
}

bool image_check_bootable(int fd, const char *name, struct err **errp)
{
    /* What firmware looks for on a disk, and file systems, which some firmware reads. */
    static const struct {
        uint64_t at;
        struct sv magic;
    } marks[] = {
        { 510, { "\x55\xaa", 2 } },           /* boot sector; FAT, NTFS */
        { 512, { "EFI PART", 8 } },           /* GPT */
        { 4096, { "EFI PART", 8 } },          /* GPT of large sectors */
        { 0, { "zIPL", 4 } },                 /* s390x */
        { 0, { "\xc9\xd7\xd3\xf1", 4 } },     /* s390x: "IPL1" in EBCDIC */
        { 1080, { "\x53\xef", 2 } },          /* ext2, 3, 4 */
        { 0, { "XFSB", 4 } },                 /* XFS */
        { 65600, { "_BHRfS_M", 8 } },         /* btrfs */
        { 1024, { "\x10\x20\xf5\xf2", 4 } },  /* F2FS */
        { 0, { "hsqs", 4 } },                 /* squashfs */
        { 1024, { "\xe2\xe1\xf5\xe0", 4 } },  /* EROFS */
    };

    for (size_t i = 0; i < COUNT(marks); i++) {
        char found[8];

        if (file_read_at(fd, name, marks[i].at, found, marks[i].magic.n, NULL) &&
            sv_eq((struct sv){ found, marks[i].magic.n }, marks[i].magic))
            return true;
    }
    return err_set(errp, ERR_INVALID,
                   "%s is no disk image: it has no boot sector, no partitions and no file system", name);
}

bool image_check_used(int fd, const char *name, struct image_info *out, struct err **errp)
{
    auto_head struct head head = { 0 };

    return head_read(&head, fd, name, errp) && probe_head(&head, name, out, errp) &&
           check_structure(&head, out, fd, name, errp);
}

bool image_check_untrusted(int fd, const char *name, struct image_info *out, struct err **errp)
{
    auto_head struct head head = { 0 };

    return head_read(&head, fd, name, errp) && probe_head(&head, name, out, errp) &&
           (out->format != IMAGE_RAW || check_raw(&head, name, errp)) &&
           check_structure(&head, out, fd, name, errp);
}
