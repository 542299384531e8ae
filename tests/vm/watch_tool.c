/*
 * Prints the file events of a tree, one a line, until there is one of a file END at its top:
 *
 *     watch_tool DIRECTORY END
 *
 * A line is the event's name, for one that has to do with a directory ",ISDIR", and the path below
 * the directory; the two halves of a move have the same number behind the name. "READY" is printed
 * when the tree is watched. New folders are watched from the moment their event comes. The same
 * event of the same path again is left out, as the kernel itself may do, and names that begin with
 * ".end": those of an earlier watch may come late.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WATCHES_MAX = 65536 };

static const struct {
    uint32_t bit;
    const char *name;
} names[] = {
    { IN_CREATE, "CREATE" }, { IN_MODIFY, "MODIFY" },         { IN_CLOSE_WRITE, "CLOSE_WRITE" },
    { IN_ATTRIB, "ATTRIB" }, { IN_MOVED_FROM, "MOVED_FROM" }, { IN_MOVED_TO, "MOVED_TO" },
    { IN_DELETE, "DELETE" }, { IN_MOVE_SELF, "MOVE_SELF" },   { IN_DELETE_SELF, "DELETE_SELF" },
};

static char *paths[WATCHES_MAX]; /* by watch descriptor, below the top; "" is the top */
static const char *top, *end;
static int fd;

static void add_tree(const char *rel)
{
    char path[PATH_MAX], below[PATH_MAX];
    uint32_t mask = IN_ONLYDIR;
    DIR *dir;
    int wd;

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        mask |= names[i].bit;
    (void)snprintf(path, sizeof(path), "%s/%s", top, rel);
    wd = inotify_add_watch(fd, path, mask);
    if (wd < 0 || wd >= WATCHES_MAX || !(dir = opendir(path)))
        return;
    free(paths[wd]);
    paths[wd] = strdup(rel);
    for (const struct dirent *e; (e = readdir(dir));) {
        struct stat st;

        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
            continue;
        if (snprintf(below, sizeof(below), "%s%s%s", rel, *rel ? "/" : "", e->d_name) < PATH_MAX)
            add_tree(below);
    }
    (void)closedir(dir);
}

/* Cookies in the order of their coming. */
static unsigned number_of(uint32_t cookie)
{
    static uint32_t last;
    static unsigned n;

    if (cookie != last)
        n++;
    last = cookie;
    return n;
}

static void print(const struct inotify_event *event)
{
    static char previous[2 * PATH_MAX];
    char line[2 * PATH_MAX];
    const char *dir = event->wd >= 0 && event->wd < WATCHES_MAX ? paths[event->wd] : NULL;
    const char *name = event->len ? event->name : "";
    int n = 0;

    if (!dir || strncmp(name, ".end", 4) == 0)
        return;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (event->mask & names[i].bit)
            n = snprintf(line, sizeof(line), "%s", names[i].name);
    if (n == 0)
        return;
    if (event->cookie)
        n += snprintf(line + n, sizeof(line) - (size_t)n, "#%u", number_of(event->cookie));
    (void)snprintf(line + n, sizeof(line) - (size_t)n, "%s %s%s%s",
                   event->mask & IN_ISDIR ? ",ISDIR" : "", dir, *dir && *name ? "/" : "", name);
    if (strcmp(line, previous) == 0)
        return;
    (void)puts(line);
    memcpy(previous, line, sizeof(line));
}

/* False at the end. */
static int take(const struct inotify_event *event)
{
    char below[PATH_MAX];

    if (event->mask & IN_Q_OVERFLOW)
        (void)puts("OVERFLOW");
    print(event);
    if (event->len && strcmp(event->name, end) == 0)
        return 0;
    if ((event->mask & IN_ISDIR) && (event->mask & (IN_CREATE | IN_MOVED_TO)) && event->len &&
        paths[event->wd] &&
        snprintf(below, sizeof(below), "%s%s%s", paths[event->wd], *paths[event->wd] ? "/" : "",
                 event->name) < PATH_MAX)
        add_tree(below);
    return 1;
}

int main(int argc, char **argv)
{
    char bytes[65536] __attribute__((aligned(__alignof__(struct inotify_event))));

    if (argc != 3)
        return 2;
    top = argv[1];
    end = argv[2];
    fd = inotify_init1(IN_CLOEXEC);
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    add_tree("");
    (void)puts("READY");
    for (;;) {
        ssize_t n = read(fd, bytes, sizeof(bytes));

        if (n <= 0)
            return 1;
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *event = (void *)(bytes + at);

            if (!take(event))
                return 0;
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    }
}
