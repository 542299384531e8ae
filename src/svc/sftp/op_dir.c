/* Listing directories. */
#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "svc/sftp/sftp_priv.h"

/* Of one reply; the last entry may exceed it by a name. */
enum { REPLY_LEN_MAX = 32 * 1024 };

int sftp_do_opendir(struct sftp_call *call)
{
    auto_fd int fd = sftp_open(call->server, call->req->path, O_RDONLY | O_DIRECTORY, 0);
    DIR *dir;

    if (fd < 0)
        return fd;
    dir = fdopendir(fd);
    if (!dir)
        return -errno;
    (void)MOVE_FD(fd); /* it belongs to dir */
    return sftp_handle_reply(call, -1, dir);
}

static char type_letter(mode_t mode)
{
    return S_ISDIR(mode)    ? 'd'
           : S_ISLNK(mode)  ? 'l'
           : S_ISFIFO(mode) ? 'p'
           : S_ISSOCK(mode) ? 's'
           : S_ISCHR(mode)  ? 'c'
           : S_ISBLK(mode)  ? 'b'
                            : '-';
}

/* A line of ls -l, which clients for people show as it is. */
static void put_long_name(struct sb *out, const struct stat *st, const char *name)
{
    static const char letters[] = "xwr";
    char date[32] = "";
    struct tm tm;

    sb_putc(out, type_letter(st->st_mode));
    for (int bit = 8; bit >= 0; bit--)
        sb_putc(out, st->st_mode & (1u << bit) ? letters[bit % 3] : '-');
    if (gmtime_r(&st->st_mtime, &tm))
        (void)strftime(date, sizeof(date), "%b %e %Y", &tm);
    sb_putf(out, " %4lu %-8u %-8u %10lld %s %s", (unsigned long)st->st_nlink, st->st_uid,
            st->st_gid, (long long)st->st_size, date, name);
}

static void put_entry(struct sb *out, int dir_fd, const char *name)
{
    /* Above the folder there is nothing for the client. */
    const char *stated = strcmp(name, "..") == 0 ? "." : name;
    auto_sb struct sb line = { 0 };
    struct sftp_attrs attrs = { 0 };
    struct stat st = { 0 };

    if (fstatat(dir_fd, stated, &st, AT_SYMLINK_NOFOLLOW) == 0) /* else it has just gone */
        sftp_attrs_of(&st, &attrs);
    put_long_name(&line, &st, name);
    sftp_put_text(out, sv_of(name));
    sftp_put_text(out, sb_view(&line));
    sftp_put_attrs(out, &attrs);
}

int sftp_do_readdir(struct sftp_call *call)
{
    const struct sftp_handle *handle = sftp_handle_find(call);
    uint32_t n = 0;
    size_t begun, count_at;

    if (!handle || !handle->dir)
        return -EBADF;
    begun = sftp_begin(call->out, SFTP_REPLY_NAME, call->req->id);
    count_at = call->out->n;
    sftp_put_u32(call->out, 0);
    while (call->out->n - begun < REPLY_LEN_MAX) {
        const struct dirent *entry;

        errno = 0;
        entry = readdir(handle->dir);
        if (!entry && errno && n == 0)
            return -errno;
        if (!entry)
            break;
        put_entry(call->out, dirfd(handle->dir), entry->d_name);
        n++;
    }
    if (n == 0) {
        sb_truncate(call->out, begun);
        sftp_put_status(call->out, call->req->id, SFTP_EOF);
        return 0;
    }
    sftp_set_u32(call->out, count_at, n);
    sftp_end(call->out, begun);
    return 0;
}
