#include "prog/hostagent/requirement.h"

#include "base/mem.h"
#include "base/quote.h"

static struct requirement *add(struct requirements *reqs, const char *description, char *take_script,
                               const char *hint)
{
    struct requirement *req = vec_push(&reqs->list);

    req->description = mem_strdup(description);
    req->script = take_script;
    req->hint = mem_strdup(hint);
    return req;
}

/* Exits with 0 when the file holds the instance id of this boot. */
static char *marker_script(const char *path, const char *iid)
{
    auto_sb struct sb word = { 0 };

    quote_shell(&word, sv_of(iid));
    return mem_printf("#!/bin/sh\n[ \"$(cat %s 2>/dev/null)\" = %s ]\n", path, sb_str(&word));
}

static bool is_linux(const struct instance_config *config)
{
    return strcmp(config->os, "Linux") == 0;
}

void requirements_ssh(struct requirements *out, const struct instance_config *config, const char *iid)
{
    out->group = "essential";
    add(out, "ssh", mem_strdup("#!/bin/sh\ntrue\n"),
        "the guest cannot be reached over ssh: see \"serial.log\" in the instance directory")
        ->no_master = true;
    if (iid && is_linux(config) && !config->plain.v)
        add(out, "user session is ready for ssh", marker_script("/run/lima-ssh-ready", iid),
            "the first boot scripts did not end: see /var/log/cloud-init-output.log in the guest")
            ->no_master = true;
    add(out, "shared ssh connection", mem_strdup("#!/bin/sh\ntrue\n"), NULL);
}

void requirements_boot(struct requirements *out, const struct instance_config *config,
                       const char *iid)
{
    const char *path = is_linux(config) ? "/run/lima-boot-done" : "/var/run/lima-boot-done";

    out->group = "final";
    if (iid && strcmp(config->os, "Windows") != 0)
        add(out, "boot scripts must have finished", marker_script(path, iid),
            "a boot or provision script hangs: see /var/log/cloud-init-output.log in the guest");
}

/* Met by the command too when the boot is over: waiting longer is of no use then. */
static char *or_booted(const char *command, const char *iid)
{
    auto_sb struct sb word = { 0 };

    quote_shell(&word, sv_of(iid));
    return mem_printf("#!/bin/sh\n%s || [ \"$(cat /run/lima-boot-done 2>/dev/null)\" = %s ]\n", command,
                      sb_str(&word));
}

void requirements_sshfs(struct requirements *out, const char *iid)
{
    auto_sb struct sb word = { 0 };
    auto_mem char *fuse_ready = NULL;

    out->group = "mount";
    if (!iid)
        return;
    quote_shell(&word, sv_of(iid));
    fuse_ready = mem_printf("[ \"$(cat /run/lima-fuse-ready 2>/dev/null)\" = %s ]", sb_str(&word));
    add(out, "sshfs binary to be installed", or_booted("command -v sshfs >/dev/null", iid),
        "sshfs was not installed: see /var/log/cloud-init-output.log in the guest");
    add(out, "fuse to allow \"allow_other\"", or_booted(fuse_ready, iid),
        "append \"user_allow_other\" to /etc/fuse.conf in the guest");
}

static void add_containerd(struct requirements *out, const struct instance_config *config)
{
    auto_sb struct sb nerdctl = { 0 };
    auto_mem char *path = mem_printf("%s/bin/nerdctl", config->guest_install_prefix);

    if (!is_linux(config) || config->plain.v ||
        !(config->containerd.system.v || config->containerd.user.v))
        return;
    add(out, "systemd must be available", mem_strdup("#!/bin/sh\ncommand -v systemctl >/dev/null\n"),
        "containerd needs systemd in the guest; or set both containerd.system and containerd.user to "
        "false")
        ->fatal = true;
    quote_shell(&nerdctl, sv_of(path));
    add(out, "containerd binaries to be installed",
        mem_printf("#!/bin/sh\ncommand -v nerdctl >/dev/null || [ -x %s ]\n", sb_str(&nerdctl)),
        "nerdctl was not installed: see /var/log/cloud-init-output.log in the guest");
}

void requirements_probes(struct requirements *out, const struct instance_config *config)
{
    out->group = "optional";
    add_containerd(out, config);
    for (size_t i = 0; i < config->probes.n; i++) {
        const struct probe_config *probe = &config->probes.v[i];
        auto_mem char *description = probe->description && *probe->description
                                         ? mem_strdup(probe->description)
                                         : mem_printf("user probe %zu/%zu", i + 1, config->probes.n);

        if (str_eq(probe->mode, "readiness"))
            add(out, description, mem_strdup(probe->script), probe->hint)->with_params =
                is_linux(config);
    }
}

void requirements_done(struct requirements *reqs)
{
    for (size_t i = 0; i < reqs->list.n; i++) {
        free(reqs->list.v[i].description);
        free(reqs->list.v[i].script);
        free(reqs->list.v[i].hint);
    }
    vec_done(&reqs->list);
}
