/* Where paths of the client lead. */
#include <errno.h>
#include <fcntl.h>

#include "base/path.h"
#include "svc/sftp/sftp_priv.h"
#include "sys/beneath.h"

void sftp_place_done(struct sftp_place *place)
{
    if (place->dir_fd >= 0)
        (void)close(place->dir_fd);
    free(place->name);
    *place = SFTP_PLACE_NONE;
}

/* ".." is taken away before the file system is asked: behind a link it would mean something else,
 * and a client that resolves links itself does not send it. */
char *sftp_path_absolute(const struct sftp_server *s, struct sv path)
{
    auto_mem char *text = sv_dup(path);
    auto_mem char *whole = path_is_absolute(text) ? MOVE(text) : path_join(s->location, text);
    auto_mem char *clean = path_clean(whole);

    return path_is_within(clean, s->location) ? MOVE(clean) : NULL;
}

/* From the folder on; "." is the folder. NULL: outside. */
static char *relative(const struct sftp_server *s, struct sv path)
{
    auto_mem char *clean = sftp_path_absolute(s, path);
    const char *rest;

    if (!clean)
        return NULL;
    rest = clean + strlen(s->location);
    while (*rest == '/')
        rest++;
    return mem_strdup(*rest ? rest : ".");
}

static unsigned how(const struct sftp_server *s)
{
    return s->follow_links ? 0 : BENEATH_NO_LINKS;
}

/* What leads out is not there. */
static int hide(int rc)
{
    return rc == -EXDEV ? -ENOENT : rc;
}

int sftp_place_find(const struct sftp_server *s, struct sv path, struct sftp_place *out)
{
    auto_mem char *name = relative(s, path);
    auto_mem char *dir = name ? path_dir(name) : NULL;
    int fd;

    *out = SFTP_PLACE_NONE;
    if (!name)
        return -ENOENT;
    fd = beneath_open(s->root_fd, dir, O_PATH | O_DIRECTORY, 0, how(s));
    if (fd < 0)
        return hide(fd);
    *out = (struct sftp_place){ .dir_fd = fd, .name = mem_strdup(path_base(name)) };
    return 0;
}

int sftp_open(const struct sftp_server *s, struct sv path, int flags, mode_t mode)
{
    auto_mem char *name = relative(s, path);

    return name ? hide(beneath_open(s->root_fd, name,
                                    flags | O_NONBLOCK | O_NOCTTY |
                                        (s->follow_links ? 0 : O_NOFOLLOW),
                                    mode, how(s)))
                : -ENOENT;
}

int sftp_open_node(const struct sftp_server *s, struct sv path, bool follow)
{
    auto_mem char *name = relative(s, path);

    follow = follow && s->follow_links;
    return name
               ? hide(beneath_open(s->root_fd, name, O_PATH | (follow ? 0 : O_NOFOLLOW), 0, how(s)))
               : -ENOENT;
}
