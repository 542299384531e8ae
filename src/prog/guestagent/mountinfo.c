#include "prog/guestagent/mountinfo.h"

#include <errno.h>
#include <fcntl.h>

#include "base/mem.h"
#include "base/num.h"
#include "sys/file.h"

enum { MOUNTINFO_MAX = 16 * 1024 * 1024, FDINFO_MAX = 4096 };

static bool take_line(struct sv text, struct mountinfo_line *out)
{
    struct sv word, device;

    *out = (struct mountinfo_line){ 0 };
    if (!sv_next(&text, ' ', &word) || !parse_u32(word, &out->id) || !sv_next(&text, ' ', &word) ||
        !parse_u32(word, &out->parent) || !sv_next(&text, ' ', &device) ||
        !sv_next(&device, ':', &word) || !parse_u32(word, &out->major) ||
        !parse_u32(device, &out->minor) || !sv_next(&text, ' ', &out->root) ||
        !sv_next(&text, ' ', &out->point))
        return false;
    while (sv_next(&text, ' ', &word))
        if (sv_eq(word, SV("-"))) {
            if (sv_next(&text, ' ', &out->type))
                (void)sv_next(&text, ' ', &out->source);
            break;
        }
    return true;
}

void mountinfo_parse(struct sv text, mountinfo_lines *out)
{
    struct sv line;

    while (sv_next(&text, '\n', &line)) {
        struct mountinfo_line one;

        if (take_line(line, &one))
            *vec_push(out) = one;
    }
}

bool mountinfo_read(const char *process, struct sb *out, struct err **errp)
{
    auto_mem char *path = mem_printf("/proc/%s/mountinfo", process);

    return file_read_all(path, MOUNTINFO_MAX, out, errp);
}

bool mountinfo_read_at(int process_fd, struct sb *out, struct err **errp)
{
    auto_fd int fd = openat(process_fd, "mountinfo", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return err_set_os(errp, errno, "cannot open mountinfo");
    return file_read_fd(fd, "mountinfo", MOUNTINFO_MAX, out, errp);
}

uint32_t mountinfo_id_of(int fd)
{
    auto_mem char *path = mem_printf("/proc/self/fdinfo/%d", fd);
    auto_sb struct sb info = { 0 };
    struct sv rest, line, word;
    uint32_t id = 0;

    if (!file_read_all(path, FDINFO_MAX, &info, NULL))
        return 0;
    for (rest = sb_view(&info); sv_next(&rest, '\n', &line);)
        if (sv_next(&line, '\t', &word) && sv_eq(word, SV("mnt_id:")))
            (void)!parse_u32(line, &id);
    return id;
}

char *mountinfo_plain(struct sv escaped)
{
    auto_sb struct sb out = { 0 };

    for (size_t i = 0; i < escaped.n; i++) {
        if (escaped.p[i] == '\\' && i + 3 < escaped.n) {
            char c = (char)((escaped.p[i + 1] - '0') << 6 | (escaped.p[i + 2] - '0') << 3 |
                            (escaped.p[i + 3] - '0'));

            sb_put_mem(&out, &c, 1);
            i += 3;
        } else {
            sb_put_mem(&out, escaped.p + i, 1);
        }
    }
    return sb_steal(&out);
}
