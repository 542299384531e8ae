#include "prog/guestagent/block.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/sb.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/host.h"

enum {
    EXT_SUPER_AT = 1024,
    EXT_STATE_AT = EXT_SUPER_AT + 0x3a,
    EXT_MAGIC_AT = EXT_SUPER_AT + 0x38,
    EXT_UUID_AT = EXT_SUPER_AT + 0x68,
    EXT_LABEL_AT = EXT_SUPER_AT + 0x78,
    EXT_LABEL_LEN = 16,
    EXT_STATE_ERRORS = 2,
    ISO_VOLUME_AT = 16 * 2048, /* the primary volume descriptor */
    ISO_LABEL_AT = ISO_VOLUME_AT + 40,
    ISO_LABEL_LEN = 32,
    SYSFS_VALUE_MAX = 256,
};

static void take_label(char *out, const char *label, size_t n)
{
    memcpy(out, label, n);
    out[n] = '\0';
    for (n = strlen(out); n > 0 && out[n - 1] == ' '; n--)
        out[n - 1] = '\0';
}

static void take_uuid(char out[37], const char *bytes)
{
    size_t at = 0;

    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        out[at++] = "0123456789abcdef"[(uint8_t)bytes[i] >> 4];
        out[at++] = "0123456789abcdef"[(uint8_t)bytes[i] & 15];
    }
    out[at] = '\0';
}

void block_parse(struct sv head, struct block_head *out)
{
    *out = (struct block_head){ 0 };
    if (head.n >= EXT_LABEL_AT + EXT_LABEL_LEN &&
        memcmp(head.p + EXT_MAGIC_AT, "\x53\xef", 2) == 0) {
        out->kind = BLOCK_EXT;
        out->has_errors = head.p[EXT_STATE_AT] & EXT_STATE_ERRORS;
        take_label(out->label, head.p + EXT_LABEL_AT, EXT_LABEL_LEN);
        take_uuid(out->uuid, head.p + EXT_UUID_AT);
    } else if (head.n >= ISO_LABEL_AT + ISO_LABEL_LEN &&
               memcmp(head.p + ISO_VOLUME_AT, "\1CD001", 6) == 0) {
        out->kind = BLOCK_ISO;
        take_label(out->label, head.p + ISO_LABEL_AT, ISO_LABEL_LEN);
    }
}

bool block_matches(const struct block_head *head, const char *spec)
{
    if (str_starts(spec, "UUID="))
        return head->uuid[0] && strcasecmp(head->uuid, spec + strlen("UUID=")) == 0;
    if (!str_starts(spec, "LABEL=") || !head->label[0])
        return false;
    spec += strlen("LABEL=");
    /* Programs that write ISO images often turn the label to capitals. */
    return head->kind == BLOCK_ISO ? strcasecmp(head->label, spec) == 0
                                   : strcmp(head->label, spec) == 0;
}

static bool read_head(const char *path, struct block_head *out)
{
    auto_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    auto_mem char *head = mem_alloc(BLOCK_HEAD_SIZE);
    ssize_t n;

    if (fd < 0)
        return false;
    n = pread(fd, head, BLOCK_HEAD_SIZE, 0);
    block_parse((struct sv){ head, n > 0 ? (size_t)n : 0 }, out);
    return true;
}

bool block_has_errors(const char *path)
{
    struct block_head head;

    return read_head(path, &head) && head.has_errors;
}

char *block_serial(const char *sys_dir, const char *name)
{
    auto_mem char *path = mem_printf("%s/%s/serial", sys_dir, name);
    auto_sb struct sb text = { 0 };
    struct sv serial = { 0 };

    if (file_read_all(path, SYSFS_VALUE_MAX, &text, NULL))
        serial = sv_trim(sb_view(&text));
    return serial.n > 0 ? sv_dup(serial) : NULL;
}

static bool has_serial(const char *name, const char *serial)
{
    auto_mem char *own = block_serial(BLOCK_SYS_DIR, name);

    return own && str_eq(own, serial);
}

static bool is_device(const char *name, const char *path, const char *spec)
{
    struct block_head head;

    if (spec[0] == '/')
        return str_eq(path, spec);
    if (str_starts(spec, "SERIAL="))
        return has_serial(name, spec + strlen("SERIAL="));
    return read_head(path, &head) && block_matches(&head, spec);
}

static bool find(const char *spec, char **out_path)
{
    auto_strv struct strv names = { 0 };

    if (!dir_list(BLOCK_SYS_DIR, &names, NULL))
        return false;
    for (size_t i = 0; i < names.n; i++) {
        auto_mem char *path = path_join("/dev", names.v[i]);

        if (is_device(names.v[i], path, spec)) {
            *out_path = MOVE(path);
            return true;
        }
    }
    return false;
}

static bool is_spec(const char *spec)
{
    return str_starts(spec, "/dev/") || str_starts(spec, "LABEL=") || str_starts(spec, "UUID=") ||
           str_starts(spec, "SERIAL=");
}

int block_open_uevents(void)
{
    struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1 };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);

    if (fd >= 0 && bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

void block_drop_uevents(int fd)
{
    char message[4096];

    while (recv(fd, message, sizeof(message), 0) > 0 || errno == ENOBUFS)
        ;
}

/* Waits for the next news of the kernel and drops all that came; false at the deadline. */
static bool wait_uevent(int fd, uint64_t deadline_ns)
{
    uint64_t now = host_monotonic_ns();
    struct pollfd pfd = { .fd = fd, .events = POLLIN };

    if (now >= deadline_ns || poll(&pfd, 1, (int)((deadline_ns - now) / 1000000) + 1) <= 0)
        return false;
    block_drop_uevents(fd);
    return true;
}

bool block_wait(const char *const *specs, int timeout_ms, char **out_path, struct err **errp)
{
    uint64_t deadline = host_monotonic_ns() + (uint64_t)timeout_ms * 1000000;
    auto_fd int uevents = block_open_uevents(); /* before the first look: nothing is missed */

    for (const char *const *spec = specs; *spec; spec++)
        if (!is_spec(*spec))
            return err_set(errp, ERR_UNSUPPORTED,
                           "%s: a device is named by /dev/..., LABEL=... or UUID=...", *spec);
    do {
        for (const char *const *spec = specs; *spec; spec++)
            if (find(*spec, out_path))
                return true;
    } while (uevents >= 0 && wait_uevent(uevents, deadline));
    return err_set(errp, ERR_TIMEOUT, "no disk %s", specs[0]);
}
