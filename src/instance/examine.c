#include "instance/examine.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/path.h"
#include "base/units.h"
#include "model/store/inst_dir.h"
#include "model/store/inst_status.h"
#include "model/store/names.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "sys/host.h"
#include "sys/prefix.h"
#include "sys/proc.h"
#include "sys/sock.h"
#include "wire/exporter.h"

/* Below the first nothing can be made, below the second an image may not fit. */
#define SPACE_FAIL (512ULL << 20)
#define SPACE_NOTE (8ULL << 30)

enum { EXPORT_DEADLINE_MS = 10 * 1000 };

#define OK DRIVER_FINDING_OK
#define NOTE DRIVER_FINDING_NOTE
#define FAIL DRIVER_FINDING_FAIL

/* A program that comes in a package. */
struct program {
    const char *key, *name;
    enum driver_finding_level missing;
    const char *purpose;
    const char *deb, *rpm, *arch, *apk;
};

static const struct program programs[] = {
    { "ssh", "ssh", FAIL, "it reaches the guest", "openssh-client", "openssh-clients", "openssh",
      "openssh-client" },
    { "ssh-keygen", "ssh-keygen", FAIL, "it makes the key for the guest", "openssh-client",
      "openssh-clients", "openssh", "openssh-keygen" },
    { "mmdebstrap", "mmdebstrap", NOTE, "it builds the images of template:debian-local and template:micro",
      "mmdebstrap", "mmdebstrap", "mmdebstrap", "mmdebstrap" },
};

/* The command that installs a package with the manager of this host; owned, NULL when unknown. */
static char *install_command(const struct program *program)
{
    const struct {
        const char *manager, *command, *package;
    } managers[] = {
        { "apt-get", "apt-get install -y", program->deb }, { "dnf", "dnf install -y", program->rpm },
        { "zypper", "zypper install -y", program->rpm },   { "pacman", "pacman -S", program->arch },
        { "apk", "apk add", program->apk },
    };
    const char *sudo = geteuid() == 0 ? "" : "sudo ";

    for (size_t i = 0; i < COUNT(managers); i++) {
        auto_mem char *path = NULL;

        if (proc_find_program(managers[i].manager, &path, NULL))
            return mem_printf("%s%s %s", sudo, managers[i].command, managers[i].package);
    }
    return NULL;
}

static void examine_program(const struct program *program, struct driver_findings *out)
{
    auto_mem char *path = NULL;
    auto_mem char *text = mem_printf("%s is not in PATH; %s", program->name, program->purpose);

    if (proc_find_program(program->name, &path, NULL)) {
        driver_findings_add(out, OK, program->key, path, NULL, NULL);
        return;
    }
    auto_mem char *remedy = install_command(program);

    driver_findings_add(out, program->missing, program->key, "missing", text, remedy);
}

/* The parts of this installation. */
static void examine_prefix(struct driver_findings *out)
{
    auto_mem char *agent = mem_printf("share/lima/lima-guestagent.Linux-%s", host_arch());
    const char *const parts[] = { "libexec/lima/hostagent", "libexec/lima/devices", agent };
    auto_mem char *prefix = NULL;
    auto_err struct err *err = NULL;

    if (!prefix_dir(&prefix, &err)) {
        driver_findings_add(out, FAIL, "installation", "unknown", err_text(err),
                            "make install PREFIX=/usr/local");
        return;
    }
    for (size_t i = 0; i < COUNT(parts); i++) {
        auto_mem char *path = path_join(prefix, parts[i]);
        auto_mem char *text = mem_printf("%s is missing", path);

        if (!file_exists(path)) {
            driver_findings_add(out, FAIL, "installation", prefix, text,
                                "make install PREFIX=/usr/local");
            return;
        }
    }
    driver_findings_add(out, OK, "installation", prefix, NULL, NULL);
}

/* Folders reach the guest as mounts that `exporter` makes in a user namespace of its own. */
static bool try_export(struct err **errp)
{
    auto_cmd struct cmd cmd = { .in = CMD_TO_NULL, .out = CMD_TO_NULL,
                                .err = CMD_TO_PIPE(EXPORTER_REPLY_LEN_MAX),
                                .deadline_ms = EXPORT_DEADLINE_MS };
    auto_mem char *program = NULL;
    char text[EXPORTER_REPLY_LEN_MAX];
    auto_fd int reply_fd = -1;
    auto_fd int theirs = -1;
    auto_fd int mount_fd = -1;
    size_t n = 0, n_fds = 0;
    int pair[2];

    if (!prefix_find("libexec/lima/exporter", &program, errp) ||
        !sock_pair(SOCK_SEQPACKET, pair, errp))
        return false;
    reply_fd = pair[0];
    theirs = pair[1];
    strv_push_list(&cmd.argv, program, "--reply-fd", "3", "--read-only", "/", NULL);
    cmd_pass_fd(&cmd, theirs, 3);
    if (!cmd_check(&cmd, NULL, errp) ||
        !sock_recv_fds(reply_fd, text, sizeof(text), &n, &mount_fd, 1, &n_fds, errp))
        return false;
    return n_fds == 1 || err_set(errp, ERR_UNSUPPORTED, "%.*s", (int)n, text);
}

static void examine_mounts(struct driver_findings *out)
{
    auto_err struct err *err = NULL;

    if (try_export(&err))
        driver_findings_add(out, OK, "mounts", "virtiofs", NULL, NULL);
    else
        driver_findings_add(out, NOTE, "mounts", "no virtiofs", err_text(err), err_hint_text(err));
}

/* The nearest directory that exists at or above path; owned. */
static char *nearest_dir(const char *path)
{
    char *dir = mem_strdup(path);

    while (!dir_exists(dir) && strcmp(dir, "/") != 0 && strcmp(dir, ".") != 0)
        mem_replace(&dir, path_dir(dir));
    return dir;
}

static void examine_space(const char *key, const char *path, struct driver_findings *out)
{
    auto_mem char *dir = nearest_dir(path);
    struct statvfs fs;
    uint64_t bytes;

    if (statvfs(dir, &fs) != 0)
        return; /* the check of the directory itself tells more */
    bytes = (uint64_t)fs.f_bavail * fs.f_frsize;

    auto_mem char *size = size_format(bytes);
    auto_mem char *value = mem_printf("%s free", size);
    auto_mem char *text = mem_printf("little space is left on the file system of %s", dir);

    if (bytes < SPACE_FAIL)
        driver_findings_add(out, FAIL, key, value, text, "limactl prune");
    else if (bytes < SPACE_NOTE)
        driver_findings_add(out, NOTE, key, value, text, "limactl prune");
    else
        driver_findings_add(out, OK, key, value, NULL, NULL);
}

/* File systems on which locks, sockets or sparse files are not to be relied on. */
static const char *network_fs_name(long magic)
{
    switch (magic) {
    case 0x6969:
        return "NFS";
    case 0x517b:
    case 0xff534d42:
    case 0xfe534d42:
        return "SMB";
    case 0x01021997:
        return "9p";
    case 0x65735546:
        return "FUSE";
    default:
        return NULL;
    }
}

static void examine_home_fs(const char *home, struct driver_findings *out)
{
    auto_mem char *dir = nearest_dir(home);
    struct statfs fs;
    const char *name;

    if (statfs(dir, &fs) != 0 || !(name = network_fs_name((long)fs.f_type)))
        return;
    driver_findings_add(out, NOTE, "LIMA_HOME", name,
                        "sockets, locks and disk images need a local file system",
                        "export LIMA_HOME=/a/local/directory");
}

static void examine_home(const char *home, struct driver_findings *out)
{
    auto_mem char *dir = nearest_dir(home);
    struct stat st;

    if (access(dir, W_OK | X_OK) != 0) {
        auto_mem char *text = mem_printf("cannot write to %s: %s", dir, strerror(errno));

        driver_findings_add(out, FAIL, "LIMA_HOME", home, text, "export LIMA_HOME=/a/writable/directory");
        return;
    }
    if (stat(home, &st) == 0 && st.st_uid != geteuid()) {
        auto_mem char *text = mem_printf("it belongs to user id %u", (unsigned)st.st_uid);
        auto_mem char *remedy = mem_printf("sudo chown -R %u %s", (unsigned)geteuid(), home);

        driver_findings_add(out, FAIL, "LIMA_HOME", home, text, remedy);
    } else if (stat(home, &st) == 0 && (st.st_mode & 022)) {
        auto_mem char *text = mem_printf("others may write to it (mode %04o)", st.st_mode & 07777);
        auto_mem char *remedy = mem_printf("chmod go-w %s", home);

        driver_findings_add(out, FAIL, "LIMA_HOME", home, text, remedy);
    } else {
        driver_findings_add(out, OK, "LIMA_HOME", home, NULL, NULL);
    }
    examine_home_fs(home, out);
}

/*
 * Instances.
 */

static void examine_instance(const struct store *store, const char *name, struct driver_findings *out)
{
    auto_instance struct instance inst = { 0 };
    auto_mem char *key = mem_printf("instance %s", name);
    auto_mem char *force = mem_printf("limactl stop -f %s", name);
    auto_mem char *edit = mem_printf("limactl edit %s", name);
    auto_mem char *start = mem_printf("limactl start %s", name);
    auto_mem char *restart = mem_printf("limactl restart %s", name);

    instance_inspect_any(&inst, store, name);
    auto_mem char *errors = strv_join(&inst.errors, "; ");

    if (!inst_exists(store, name)) {
        auto_mem char *remove = mem_printf("rm -r %s", inst.dir);

        driver_findings_add(out, NOTE, key, "no lima.yaml", errors, remove);
    } else if (!inst.has_config) {
        driver_findings_add(out, FAIL, key, "bad configuration", errors, edit);
    } else if (inst.status == INST_BROKEN) {
        /* A machine that lost its host agent is taken over by start. */
        bool orphaned = inst.driver_pid > 0 && inst.host_agent_pid == 0;

        driver_findings_add(out, NOTE, key, inst_status_names[inst.status], errors,
                            orphaned ? start : force);
    } else if (inst.agent_errors.n > 0) {
        auto_mem char *degraded = strv_join(&inst.agent_errors, "; ");

        driver_findings_add(out, NOTE, key, inst_status_names[inst.status], degraded, restart);
    } else {
        driver_findings_add(out, OK, key, inst_status_names[inst.status], NULL, NULL);
    }
}

static void examine_instances(const struct store *store, struct driver_findings *out)
{
    auto_strv struct strv names = { 0 };
    auto_err struct err *err = NULL;

    if (!inst_list(store, &names, &err)) {
        driver_findings_add(out, FAIL, "instances", "unknown", err_text(err), NULL);
        return;
    }
    for (size_t i = 0; i < names.n; i++)
        examine_instance(store, names.v[i], out);
}

void examine_host(struct driver_findings *out)
{
    auto_store struct store store = { 0 };
    auto_mem char *home = NULL;
    auto_err struct err *err = NULL;

    examine_prefix(out);
    for (size_t i = 0; i < COUNT(programs); i++)
        examine_program(&programs[i], out);
    examine_mounts(out);
    if (!store_home(&home, &err)) {
        driver_findings_add(out, FAIL, "LIMA_HOME", "unknown", err_text(err), "export LIMA_HOME=~/.lima");
        return;
    }
    examine_home(home, out);
    examine_space("disk space", home, out);
    if (!store_open(&store, &err)) {
        driver_findings_add(out, FAIL, "configuration", "bad", err_text(err), NULL);
        return;
    }
    auto_mem char *cache_dir = store_cache_dir(&store);

    examine_space("cache space", cache_dir, out);
    for (size_t i = 0; i < n_driver_types; i++)
        driver_type_examine(driver_types[i], host_arch(), cache_dir, out);
    examine_instances(&store, out);
}
