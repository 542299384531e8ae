#include "prog/guestagent/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/path.h"
#include "prog/guestagent/apply.h"
#include "prog/guestagent/block.h"
#include "prog/guestagent/hostkey.h"
#include "prog/guestagent/mounts.h"
#include "prog/guestagent/netconf.h"
#include "prog/guestagent/netif.h"
#include "prog/guestagent/supervise.h"
#include "prog/guestagent/unit.h"
#include "sys/dir.h"
#include "sys/file.h"
#include "wire/initrd.h"

enum {
    SEED_TIMEOUT_MS = 5000,
    SEED_FILE_SIZE_MAX = 1024 * 1024,
    AGENT_SIZE_MAX = GUEST_UPDATE_MAX,
    CMDLINE_SIZE_MAX = 64 * 1024,
};

#define SEED_AGENT  INITRD_SEED_DIR "/lima-guestagent"
#define RESUME_VERB "resume-init"

void setup_log(void)
{
    auto_fd int limit = open("/proc/sys/kernel/printk_devkmsg", O_WRONLY | O_CLOEXEC);
    int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

    if (limit >= 0 && !file_write_fd(limit, "printk_devkmsg", SV("on\n"), NULL))
        log_debug("cannot lift the limit of the kernel log");
    if (fd >= 0)
        log_set_fd(fd);
}

static bool mount_seed(struct err **errp)
{
    static const char *const specs[] = { "SERIAL=" INITRD_SEED_LABEL, "LABEL=" INITRD_SEED_LABEL,
                                         NULL };
    auto_mem char *device = NULL;

    if (mounts_is_mount_point(INITRD_SEED_DIR)) /* by the agent before this one */
        return true;
    return block_wait(specs, SEED_TIMEOUT_MS, &device, errp) &&
           dir_make_all(INITRD_SEED_DIR, 0700, errp) &&
           mounts_add(device, INITRD_SEED_DIR, "iso9660", MS_RDONLY | MS_NOSUID | MS_NODEV,
                      "mode=0700,dmode=0700,overriderockperm,uid=0", errp);
}

/* Reads a file of the seed that may be missing. */
static bool read_seed(const char *name, size_t limit, struct sb *out, struct err **errp)
{
    auto_mem char *path = path_join(INITRD_SEED_DIR, name);
    auto_err struct err *err = NULL;

    if (file_read_all(path, limit, out, &err) || err_kind(err) == ERR_NOT_FOUND)
        return true;
    return err_propagate(errp, MOVE(err));
}

/* The agent to install: that of the seed, made for this start; without one ours. When it is another
 * one than this program, it goes on from here and this does not return. */
static bool choose_agent(struct sb *out, struct report *report, struct err **errp)
{
    auto_sb struct sb own = { 0 };
    char *const argv[] = { (char *)AGENT_NAME, (char *)RESUME_VERB, NULL };

    if (!file_read_all("/proc/self/exe", AGENT_SIZE_MAX, &own, errp) ||
        !read_seed("lima-guestagent", AGENT_SIZE_MAX, out, errp))
        return false;
    if (out->n == 0) {
        sb_put(out, sb_view(&own));
        return true;
    }
    if (sv_eq(sb_view(&own), sb_view(out)))
        return true;
    log_info("Going on with the guest agent of the seed");
    (void)execv(SEED_AGENT, argv);
    log_warn("Cannot execute %s: %s", SEED_AGENT, strerror(errno));
    return true;
}

static void set_hostname(const char *name)
{
    if (name[0] && sethostname(name, strlen(name)) < 0)
        log_warn("Cannot set the host name: %s", strerror(errno));
}

/* With a fixed address the network is up before anything else asks for it. */
static bool bring_up(const struct seed *seed, struct err **errp)
{
    if (!netif_up("lo", errp) || !netif_rename_all(seed, errp))
        return false;
    if (seed->nics.n == 0 || !netconf_is_static(seed, 0))
        return true;

    const struct seed_nic *nic = &seed->nics.v[0];

    return netif_set_address(nic->name, seed->address, NETCONF_PREFIX_LEN, errp) &&
           netif_up(nic->name, errp) &&
           (!seed->gateway[0] ||
            netif_set_default_route(nic->name, seed->gateway, nic->metric, errp));
}

static void set_up_network(const struct seed *seed, struct report *report)
{
    auto_err struct err *err = NULL;

    report_phase(report, GUEST_PHASE_NETWORK, GUEST_BEGUN, NULL);
    if (!bring_up(seed, &err))
        report_phase(report, GUEST_PHASE_NETWORK, GUEST_FAILED, err_text(err));
    else if (netconf_is_static(seed, 0))
        report_phase(report, GUEST_PHASE_NETWORK, GUEST_DONE, NULL);
}

static bool apply(const struct seed *seed, const struct sb *agent, struct err **errp)
{
    auto_root struct root root = ROOT_NONE;
    auto_sb struct sb keys = { 0 }, environment = { 0 }, zone_data = { 0 };

    return read_seed("ssh_authorized_keys", SEED_FILE_SIZE_MAX, &keys, errp) &&
           read_seed("etc_environment", SEED_FILE_SIZE_MAX, &environment, errp) &&
           read_seed("timezone", SEED_FILE_SIZE_MAX, &zone_data, errp) &&
           root_open(&root, "/", errp) &&
           apply_seed(&(struct apply){ .root = &root,
                                       .seed = seed,
                                       .keys = sb_view(&keys),
                                       .environment = sb_view(&environment),
                                       .zone_data = sb_view(&zone_data),
                                       .agent = sb_view(agent) },
                      errp) &&
           file_write_atomic(INITRD_SSH_READY, sv_of(seed->iid), 0644, errp);
}

static bool use_seed(struct seed *seed, struct report *report, struct err **errp)
{
    auto_sb struct sb env = { 0 }, agent = { 0 };

    if (!mount_seed(errp) || !choose_agent(&agent, report, errp) ||
        !read_seed("lima.env", SEED_ENV_SIZE_MAX, &env, errp) ||
        !seed_parse(sb_view(&env), seed, errp))
        return false;
    if (seed->vsock_port)
        report->vsock_port = seed->vsock_port;
    set_hostname(seed->hostname);
    set_up_network(seed, report);
    return apply(seed, &agent, errp);
}

static bool become_init(const struct cmdline *cmdline, struct err **errp)
{
    auto_strv struct strv argv = { 0 };

    strv_push(&argv, cmdline->init);
    strv_extend(&argv, &cmdline->rest);
    (void)execv(cmdline->init, strv_array(&argv));
    return err_set_os(errp, errno, "cannot execute %s", cmdline->init);
}

void setup_run(const struct cmdline *cmdline, struct report *report, struct err **errp)
{
    auto_seed struct seed seed = { 0 };
    auto_err struct err *err = NULL;

    report->has_file = dir_make_all(AGENT_RUNTIME, 0755, NULL);
    report_phase(report, GUEST_PHASE_SEED, GUEST_BEGUN, NULL);
    if (!use_seed(&seed, report, &err))
        report_phase(report, GUEST_PHASE_SEED, GUEST_FAILED, err_text(err));
    else
        report_phase(report, GUEST_PHASE_SEED, GUEST_DONE, NULL);
    hostkey_ensure();
    report_done(report);
    if (cmdline->is_supervised)
        supervise_run(&seed);
    become_init(cmdline, errp);
}

void setup_resume(struct err **errp)
{
    struct report report = REPORT_NONE;
    auto_cmdline struct cmdline cmdline = { 0 };
    auto_sb struct sb text = { 0 };

    setup_log();
    if (!file_read_all("/proc/cmdline", CMDLINE_SIZE_MAX, &text, errp))
        return;
    phases_load(&report.phases, AGENT_RUNTIME "/phases");
    cmdline_parse(sb_view(&text), &cmdline);
    setup_run(&cmdline, &report, errp);
}
