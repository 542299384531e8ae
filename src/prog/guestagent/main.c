#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/path.h"
#include "prog/guestagent/boot.h"
#include "prog/guestagent/daemon.h"
#include "prog/guestagent/echo.h"
#include "prog/guestagent/initrd.h"
#include "prog/guestagent/options.h"
#include "prog/guestagent/setup.h"
#include "prog/guestagent/share.h"
#include "prog/guestagent/touch.h"
#include "prog/guestagent/unit.h"
#include "sys/prefix.h"

static const char usage[] =
    "Usage: lima-guestagent daemon [--runtime-dir DIR] [--vsock-port N] [--virtio-port NAME]\n"
    "                              [--socket-owner UID] [--debug]\n"
    "       lima-guestagent install-systemd [--guestagent-updated] [--vsock-port N]\n"
    "                              [--virtio-port NAME] [--socket-owner UID] [--debug]\n"
    "       lima-guestagent boot        run the boot scripts of the seed\n"
    "       lima-guestagent mount --name NAME --mount-point PATH [--read-only] [--wait]\n"
    "                              mount a folder or a file that the host shares\n"
    "       lima-guestagent unmount --name NAME --mount-point PATH [--lazy]\n"
    "       lima-guestagent echo        repeat changes that are made on the host, for programs\n"
    "                              that watch files; the daemon starts it\n"
    "       lima-guestagent touch       set times of files as messages on standard input say; the\n"
    "                              daemon starts it\n"
    "       lima-guestagent version\n"
    "As process 1 of an initramfs (wire/initrd.h) it boots the guest.\n";

static bool install_systemd(const struct options *options, struct err **errp)
{
    auto_mem char *program = NULL;

    return prefix_self(&program, errp) &&
           unit_install(&(struct unit_options){ .program = program,
                                                .virtio_port = options->virtio_port,
                                                .vsock_port = options->vsock_port,
                                                .socket_owner = options->socket_owner,
                                                .debug = options->debug },
                        options->is_updated, errp);
}

/* EXPORT or EXPORT/FILE. */
static bool is_share_name(struct sv name)
{
    struct sv part;
    bool is_part = true;

    for (unsigned n = 0; sv_next(&name, '/', &part); n++)
        is_part = is_part && n < 2 && part.n > 0 && !sv_eq(part, SV(".")) && !sv_eq(part, SV(".."));
    return is_part;
}

/* What went wrong is said on stdout, too: scripts hand it on. */
static bool change_share(const struct options *options, bool mounts, struct err **errp)
{
    auto_mem char *mount_point = path_clean(options->mount_point);
    const struct share share = { .name = options->name,
                                 .mount_point = mount_point,
                                 .options_9p = options->options_9p,
                                 .read_only = options->read_only,
                                 .waits = options->waits };

    if (!is_share_name(sv_of(share.name)) || !path_is_absolute(mount_point))
        return err_set(errp, ERR_INVALID, "--name and an absolute --mount-point are needed");
    if (mounts ? share_mount(&share, errp) : share_unmount(&share, options->lazy, errp))
        return true;
    (void)printf("%s%s%s\n", err_text(*errp), err_hint_text(*errp) ? "; " : "",
                 err_hint_text(*errp) ? err_hint_text(*errp) : "");
    return false;
}

static bool run(const struct options *options, char *const *argv, struct err **errp)
{
    if (str_eq(options->verb, "daemon"))
        return daemon_run(options, argv, errp);
    if (str_eq(options->verb, "install-systemd"))
        return install_systemd(options, errp);
    if (str_eq(options->verb, "boot"))
        return boot_run(errp);
    if (str_eq(options->verb, "mount"))
        return change_share(options, true, errp);
    if (str_eq(options->verb, "unmount"))
        return change_share(options, false, errp);
    if (str_eq(options->verb, "echo"))
        return echo_run(errp);
    if (str_eq(options->verb, "touch"))
        return touch_run(errp);
    if (str_eq(options->verb, "resume-init") && getpid() == 1) {
        setup_resume(errp);
        return false;
    }
    if (str_eq(options->verb, "version")) {
        (void)puts("lima-guestagent version " LIMA_VERSION "+clima." CLIMA_VERSION);
        return true;
    }
    (void)fputs(usage, stderr);
    return err_set(errp, ERR_INVALID, "unknown command \"%s\"", options->verb);
}

int main(int argc, char **argv)
{
    struct options options;
    auto_err struct err *err = NULL;

    log_setup(LOG_INFO, LOG_FORMAT_TEXT);
    if (initrd_is_init())
        initrd_run();
    if (!options_parse(argc, argv, &options, &err)) {
        log_error("%s", err_text(err));
        return 1;
    }
    if (options.debug)
        log_set_level(LOG_DEBUG);
    if (!run(&options, argv, &err)) {
        log_error("%s", err_text(err));
        return 1;
    }
    return 0;
}
