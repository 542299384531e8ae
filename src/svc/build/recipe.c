#include "svc/build/recipe.h"

#include "base/mem.h"
#include "wire/initrd.h"

/* Debian's kernel for virtual machines is the smaller one; 9p, and drivers of real devices, are in
 * the generic one. */
#define KERNEL_CLOUD   "linux-image-cloud"
#define KERNEL_GENERIC "linux-image"

#define MICRO                                                                \
    .script = "micro", .suite = "bookworm",                                  \
    .packages = "busybox-static,bash,dropbear-bin,openssh-sftp-server,sudo", \
    .kernel_args = " " INITRD_CMDLINE_SUPERVISE

#define DEBIAN                                                                              \
    .script = "debian-12", .suite = "bookworm",                                             \
    .packages =                                                                             \
        "systemd,systemd-sysv,systemd-resolved,libpam-systemd,dbus,dbus-user-session,udev," \
        "openssh-server,sudo,iproute2,iptables,iputils-ping,netbase,procps,kmod,"           \
        "e2fsprogs,fdisk,ca-certificates,less,nano,curl,xz-utils,uidmap,fuse3,sshfs,"             \
        "bash-completion",                                                                  \
    .runs_programs = true, .kernel_args = ""

static const struct recipe recipes[] = {
    { .name = "micro", .kernel = KERNEL_CLOUD, MICRO },
    { .name = "micro-generic", .kernel = KERNEL_GENERIC, MICRO },
    { .name = "debian-12", .kernel = KERNEL_CLOUD, DEBIAN },
    { .name = "debian-12-generic", .kernel = KERNEL_GENERIC, DEBIAN },
};

static const struct recipe_arch archs[] = {
    { "x86_64", "amd64", "ttyS0", " no_timer_check" },
    { "aarch64", "arm64", "ttyAMA0", "" },
};

/* The link to the host and the root disk first, then the rest of what virtual machines have. */
const char *const recipe_modules[] = {
    "virtio_pci",
    "vmw_vsock_virtio_transport",
    "virtio_blk",
    "crc32c_generic",
    "ext4",
    "isofs",
    "virtio_net",
    "af_packet",
    "virtio_console",
    "virtio_rng",
    "virtio_balloon",
    "virtiofs",
    "9p",
    "9pnet_virtio",
    "overlay",
    "button",
    "evdev",
    NULL,
};

const struct recipe *recipe_find(const char *name)
{
    for (size_t i = 0; i < COUNT(recipes); i++)
        if (strcmp(recipes[i].name, name) == 0)
            return &recipes[i];
    return NULL;
}

void recipe_names(struct strv *out)
{
    for (size_t i = 0; i < COUNT(recipes); i++)
        strv_push(out, recipes[i].name);
}

const struct recipe_arch *recipe_arch_find(const char *name, struct err **errp)
{
    for (size_t i = 0; i < COUNT(archs); i++)
        if (strcmp(archs[i].name, name) == 0)
            return &archs[i];
    (void)err_set(errp, ERR_UNSUPPORTED, "cannot build images for %s (only for x86_64, aarch64)",
                  name);
    return NULL;
}

char *recipe_kernel_package(const struct recipe *recipe, const struct recipe_arch *arch)
{
    return mem_printf("%s-%s", recipe->kernel, arch->debian);
}

char *recipe_cmdline(const struct recipe *recipe, const struct recipe_arch *arch)
{
    return mem_printf(INITRD_CMDLINE_MARK " root=LABEL=" INITRD_ROOT_LABEL
                                          " rootfstype=ext4 rw console=%s quiet%s%s",
                      arch->console, arch->kernel_args, recipe->kernel_args);
}
