#include "sys/host.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#if defined(__aarch64__) || defined(__arm__)
#include <asm/hwcap.h>
#endif

#include "base/mem.h"
#include "base/sv.h"
#include "sys/dir.h"
#include "sys/file.h"

enum { FACT_FILE_MAX = 64 * 1024 };

unsigned host_cpus(void)
{
    cpu_set_t set;
    int n;

    if (sched_getaffinity(0, sizeof(set), &set) < 0)
        n = (int)sysconf(_SC_NPROCESSORS_ONLN);
    else
        n = CPU_COUNT(&set);
    return n > 0 ? (unsigned)n : 1;
}

uint64_t host_memory(void)
{
    struct sysinfo info;

    return sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : 0;
}

const char *host_arch(void)
{
#if defined(__x86_64__)
    return "x86_64";
#elif defined(__aarch64__)
    return "aarch64";
#elif defined(__arm__)
    return "armv7l";
#elif defined(__powerpc64__)
    return "ppc64le";
#elif defined(__riscv)
    return "riscv64";
#elif defined(__s390x__)
    return "s390x";
#else
#error "name this architecture"
#endif
}

bool host_has_aes(void)
{
#if defined(__x86_64__)
    return __builtin_cpu_supports("aes");
#elif defined(__aarch64__)
    return (getauxval(AT_HWCAP) & HWCAP_AES) != 0;
#elif defined(__arm__)
    return (getauxval(AT_HWCAP2) & HWCAP2_AES) != 0;
#else
    return false;
#endif
}

const char *host_os(void)
{
    return "linux";
}

char *host_name(void)
{
    struct utsname names;

    return mem_strdup(uname(&names) == 0 ? names.nodename : "localhost");
}

char *host_kernel_release(void)
{
    struct utsname names;

    return mem_strdup(uname(&names) == 0 ? names.release : "");
}

/* First line of a file, without blanks around it; NULL when there is none. */
static char *first_line(const char *path)
{
    auto_mem char *text = NULL;
    struct sv rest, line;

    if (!file_read_text(path, FACT_FILE_MAX, &text, NULL))
        return NULL;
    rest = sv_of(text);
    if (!sv_next(&rest, '\n', &line))
        return NULL;
    line = sv_trim(line);
    return line.n ? sv_dup(line) : NULL;
}

static char *zone_of_path(const char *path)
{
    const char *dir = strstr(path, "zoneinfo/");

    return dir && dir[9] ? mem_strdup(dir + 9) : NULL;
}

char *host_timezone(void)
{
    char link[PATH_MAX];
    const char *tz = getenv("TZ");
    char *zone;
    ssize_t n;

    if (tz && *tz == ':')
        tz++;
    if (tz && *tz)
        return *tz == '/' ? zone_of_path(tz) : mem_strdup(tz);
    zone = first_line("/etc/timezone");
    if (zone)
        return zone;
    n = readlink("/etc/localtime", link, sizeof(link) - 1);
    if (n <= 0)
        return NULL;
    link[n] = '\0';
    return zone_of_path(link);
}

bool host_zone_data(const char *zones_dir, const char *zone, struct sb *out)
{
    auto_fd int dir_fd = -1;
    auto_fd int fd = -1;
    auto_sb struct sb data = { 0 };

    if (!dir_open(zones_dir, &dir_fd, NULL) ||
        !dir_open_beneath(dir_fd, zone, O_RDONLY | O_NONBLOCK, 0, &fd, NULL) ||
        !file_read_fd(fd, zone, FACT_FILE_MAX, &data, NULL) || !sv_starts(sb_view(&data), SV("TZif")))
        return false;
    sb_put(out, sb_view(&data));
    return true;
}

bool host_machine_id(char **out_id, struct err **errp)
{
    char *id = first_line("/etc/machine-id");

    if (!id)
        id = first_line("/var/lib/dbus/machine-id");
    if (!id)
        return err_set(errp, ERR_NOT_FOUND, "/etc/machine-id is missing or empty");
    *out_id = id;
    return true;
}

bool host_boot_id(char **out_id, struct err **errp)
{
    char *id = first_line("/proc/sys/kernel/random/boot_id");

    if (!id)
        return err_set(errp, ERR_NOT_FOUND, "cannot read the boot id (is /proc mounted?)");
    *out_id = id;
    return true;
}

static bool is_loopback(struct sv ip)
{
    return sv_starts(ip, SV("127.")) || sv_eq(ip, SV("::1"));
}

void host_dns_parse(const char *resolv_conf, struct strv *out)
{
    struct sv rest = sv_of(resolv_conf), line;

    while (sv_next(&rest, '\n', &line)) {
        struct sv ip;
        size_t n = 0;

        line = sv_trim(line);
        if (!sv_starts(line, SV("nameserver")))
            continue;
        ip = sv_slice(line, strlen("nameserver"), line.n);
        if (ip.n == 0 || (ip.p[0] != ' ' && ip.p[0] != '\t'))
            continue;
        ip = sv_trim(ip);
        while (n < ip.n && ip.p[n] != ' ' && ip.p[n] != '\t' && ip.p[n] != '#')
            n++;
        ip = sv_slice(ip, 0, n);
        if (ip.n && !is_loopback(ip))
            strv_push_sv(out, ip);
    }
}

void host_dns_servers(struct strv *out)
{
    /* The later ones belong to stub resolvers that put a loopback address into the first. */
    static const char *const files[] = {
        "/etc/resolv.conf", "/run/systemd/resolve/resolv.conf",
        "/run/NetworkManager/no-stub-resolv.conf",
    };
    size_t before = out->n;

    for (size_t i = 0; i < COUNT(files) && out->n == before; i++) {
        auto_mem char *text = NULL;

        if (file_read_text(files[i], FACT_FILE_MAX, &text, NULL))
            host_dns_parse(text, out);
    }
}

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now = { 0 };

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

uint64_t host_monotonic_ns(void)
{
    return (uint64_t)clock_ns(CLOCK_MONOTONIC);
}

uint64_t host_boottime_ns(void)
{
    return (uint64_t)clock_ns(CLOCK_BOOTTIME);
}

int64_t host_realtime_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}
