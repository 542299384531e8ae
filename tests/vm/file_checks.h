/*
 * Shared by the checks of a file system: a topic is a function with an empty working directory,
 * which notes what holds and what does not.
 */
#ifndef VM_FILE_CHECKS_H
#define VM_FILE_CHECKS_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct file_topic {
    const char *name; /* NULL: the end */
    void (*run)(void);
};

/* Names, links, directories and what is known of files; the others are about what is in them. */
extern const struct file_topic file_checks_of_names[];

void file_checks_note(bool ok, int line, const char *what);
/* Does the file system lack this by nature, as the command line says? */
bool file_checks_lacks(const char *ability);

#define CHECK(condition) file_checks_note((condition), __LINE__, #condition)
/* The call fails, with this errno. */
#define FAILS(call, number) \
    file_checks_note((call) == -1 && errno == (number), __LINE__, #call " = " #number)

static inline int make(const char *name, const char *text)
{
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

    if (fd >= 0 && write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static inline void put(const char *name, const char *text)
{
    int fd = make(name, text);

    if (fd >= 0)
        (void)close(fd);
}

static inline bool holds(const char *name, const char *text)
{
    char buf[256];
    int fd = open(name, O_RDONLY);
    ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));

    if (fd >= 0)
        (void)close(fd);
    return n == (ssize_t)strlen(text) && memcmp(buf, text, (size_t)n) == 0;
}

static inline struct stat stat_of(const char *name)
{
    struct stat st = { 0 };

    (void)lstat(name, &st);
    return st;
}

static inline bool exists(const char *name)
{
    struct stat st;

    return lstat(name, &st) == 0;
}

#endif
