#include "prog/guestagent/unit.h"

#include "base/log.h"
#include "sys/file.h"
#include "sys/proc.h"
#include "wire/guest.h"
#include "wire/initrd.h"

enum { UNIT_SIZE_MAX = 64 * 1024 };

/* Where systemd shares the processor out among slices, the agent's nice value counts only inside of
 * its own: every kernel thread that delivers a packet, and every server that gets one, would
 * interrupt it. Beside the slices it weighs what its nice value does. */
#define BESIDE_SLICES "Slice=-.slice\nCPUWeight=1000\n"

void unit_render_daemon(const struct unit_options *options, struct sb *out)
{
    /* As early as possible: it needs no more than the root and tells the host what goes on. */
    sb_putf(out,
            "[Unit]\nDescription=Lima guest agent\nDefaultDependencies=no\nRequiresMountsFor=%s\n"
            "Conflicts=shutdown.target\nBefore=shutdown.target\n\n[Service]\nType=simple\n",
            options->program);
    sb_putf(out, "ExecStart=%s daemon --runtime-dir=%%t/%%N", options->program);
    if (options->vsock_port && options->vsock_port != GUEST_VSOCK_PORT)
        sb_putf(out, " --vsock-port=%u", options->vsock_port);
    if (options->virtio_port && options->virtio_port[0] &&
        !str_eq(options->virtio_port, GUEST_VIRTIO_PORT))
        sb_putf(out, " --virtio-port=%s", options->virtio_port);
    if (options->socket_owner != UNIT_OWNER_UNSET)
        sb_putf(out, " --socket-owner=%lld", (long long)options->socket_owner);
    if (options->debug)
        sb_puts(out, " --debug");
    sb_puts(out, "\nRestart=on-failure\nOOMPolicy=continue\nOOMScoreAdjust=-500\n" BESIDE_SLICES
                 "\n[Install]\nWantedBy=multi-user.target\n");
}

void unit_render_boot(const char *program, struct sb *out)
{
    /* Not a oneshot: scripts may start units that wait for multi-user.target. What they leave
     * running is theirs. */
    sb_putf(out,
            "[Unit]\nDescription=Lima boot scripts\n"
            "After=network.target systemd-networkd.service systemd-resolved.service ssh.service\n"
            "After=dbus.socket systemd-logind.service systemd-user-sessions.service\n"
            "ConditionPathExists=" INITRD_SEED_DIR "/boot.sh\n\n"
            "[Service]\nType=exec\nExecStart=%s boot\nRemainAfterExit=yes\nKillMode=process\n"
            "TasksMax=infinity\n\n[Install]\nWantedBy=multi-user.target\n",
            program);
}

static bool systemctl(const char *verb, const char *unit, struct err **errp)
{
    auto_cmd struct cmd cmd = { 0 };

    strv_push_list(&cmd.argv, "systemctl", verb, NULL);
    if (unit)
        strv_push(&cmd.argv, unit);
    return cmd_check(&cmd, NULL, errp);
}

bool unit_install(const struct unit_options *options, bool is_updated, struct err **errp)
{
    auto_sb struct sb wanted = { 0 }, old = { 0 };
    const char *path = UNIT_DIR "/" UNIT_DAEMON;

    unit_render_daemon(options, &wanted);

    bool is_same =
        file_read_all(path, UNIT_SIZE_MAX, &old, NULL) && sv_eq(sb_view(&old), sb_view(&wanted));

    if (is_same && !is_updated) {
        log_info("%s is up to date", path);
        return true;
    }
    if (!is_same && (!file_write_atomic(path, sb_view(&wanted), 0644, errp) ||
                     !systemctl("daemon-reload", NULL, errp)))
        return false;
    return systemctl("enable", UNIT_DAEMON, errp) && systemctl("try-restart", UNIT_DAEMON, errp) &&
           systemctl("start", UNIT_DAEMON, errp);
}
