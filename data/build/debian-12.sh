# shellcheck shell=sh
# shellcheck disable=SC2154 # scratch and root come from prelude.sh
# build:debian-12: Debian with systemd, journald, resolved, logind, ssh and sudo, made for a quick start in
# a virtual machine. The guest agent does what cloud-init would, so there is none.
manifest_from_database >"$scratch/manifest"
send_system

# --- What the start of the system leaves out or does later ---

unit() { # NAME: text from standard input
    mkdir -p "$root/etc/systemd/system/$(dirname "$1")"
    cat >"$root/etc/systemd/system/$1"
}

# There is nobody to log in on consoles, no disk to check, no package update behind the user's back.
for name in getty@.service serial-getty@.service console-getty.service systemd-networkd-wait-online.service \
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service \
    systemd-pcrphase.service systemd-pcrphase-sysinit.service systemd-pcrmachine.service \
    systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-rfkill.socket \
    sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount dev-mqueue.mount \
    modprobe@configfs.service modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service \
    modprobe@dm_mod.service modprobe@loop.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount \
    proc-sys-fs-binfmt_misc.mount systemd-modules-load.service systemd-random-seed.service \
    systemd-machine-id-commit.service \
    systemd-journal-flush.service systemd-network-generator.service systemd-remount-fs.service \
    sys-fs-fuse-connections.mount; do
    ln -sf /dev/null "$root/etc/systemd/system/$name"
done

# The kernel made the device nodes; udev has to see those whose names, owners or drivers count. What is left
# out (memory, processors, terminals, the board) has neither; what is plugged in later reports by itself.
unit systemd-udev-trigger.service.d/quick.conf <<'END'
[Service]
ExecStart=
ExecStart=-udevadm trigger --type=devices --action=add --subsystem-match=net --subsystem-match=block --subsystem-match=virtio-ports --subsystem-match=input --subsystem-match=misc --subsystem-match=virtio --subsystem-match=pci --subsystem-match=usb --subsystem-match=scsi --subsystem-match=drm --subsystem-match=sound --subsystem-match=hidraw
END

# The server listens as early as it can: it needs the root file system and its keys, which the guest agent
# put there before systemd began, and neither names nor a configured network.
unit ssh.service <<'END'
[Unit]
Description=OpenBSD Secure Shell server
Documentation=man:sshd(8) man:sshd_config(5)
DefaultDependencies=no
After=systemd-tmpfiles-setup-dev.service
Conflicts=shutdown.target
Before=shutdown.target sysinit.target

[Service]
EnvironmentFile=-/etc/default/ssh
RuntimeDirectory=sshd
RuntimeDirectoryMode=0755
ExecStart=/usr/sbin/sshd -D $SSHD_OPTS
ExecReload=/bin/kill -HUP $MAINPID
KillMode=process
Restart=on-failure
RestartPreventExitStatus=255

[Install]
WantedBy=sysinit.target
Alias=sshd.service
END
# It would turn users away until all of the system is up.
ln -s /dev/null "$root/etc/tmpfiles.d/systemd-nologin.conf"
rm -f "$root/etc/systemd/system/multi-user.target.wants/ssh.service"
mkdir -p "$root/etc/systemd/system/sysinit.target.wants"
ln -sf ../ssh.service "$root/etc/systemd/system/sysinit.target.wants/ssh.service"
ln -sf /etc/systemd/system/ssh.service "$root/etc/systemd/system/sshd.service"
rm -f "$root"/etc/ssh/ssh_host_*_key*
cat >"$root/etc/ssh/sshd_config.d/10-lima.conf" <<'END'
# Keys only; no reverse lookup of the host's address at each login.
HostKey /etc/ssh/ssh_host_ed25519_key
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
PrintMotd no
END
# Where the boot script looks for it: it then need not reload the server, and the first session has it.
echo 'AcceptEnv COLORTERM' >"$root/etc/ssh/sshd_config.d/10-acceptenv-colorterm.conf"

# A log in memory: nothing to flush, and the host has the serial log.
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\nAudit=no\n' >"$root/etc/systemd/journald.conf.d/quick.conf"
rm -rf "$root/var/log/journal"

for name in systemd-networkd.service systemd-resolved.service; do
    chroot "$root" systemctl --quiet enable "$name"
done
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"

# --- A system that was never started, whose package tools work ---

# The kernel comes from outside: another one in here would not be started.
# shellcheck disable=SC2016
chroot "$root" dpkg-query -W -f '${db:Status-Status} ${Package}\n' 'linux-image-*' |
    sed -n 's/^installed //p' | xargs chroot "$root" apt-mark -qq hold >/dev/null
rm -f "$root"/boot/vmlinuz-* "$root"/boot/initrd.img-* "$root"/vmlinuz* "$root"/initrd.img*

: >"$root/etc/machine-id"
rm -f "$root/var/lib/dbus/machine-id" "$root/etc/hostname" "$root/var/lib/systemd/random-seed"
echo lima >"$root/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
: >"$root/etc/fstab"
mv "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/lima-minimal"
rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/cache/debconf/*-old \
    "$root"/var/lib/dpkg/*-old "$root"/var/log/*.log "$root"/var/log/apt "$root"/etc/apt/apt.conf.d/99mmdebstrap \
    "$root"/tmp/* "$root"/var/tmp/*
mkdir -p "$root/var/lib/apt/lists/partial" "$root/var/cache/apt/archives/partial" "$root/var/log/apt"

# Caches that systemd would otherwise bring up to date at the first start.
chroot "$root" systemd-hwdb update
chroot "$root" journalctl --update-catalog
touch "$root/etc/.updated" "$root/var/.updated"

# The tree as it lies on the disk, without what is mounted in it for the package scripts.
rm -rf "$scratch"
mount --bind "$root" "$root/mnt"
trap 'umount "$root/mnt"' EXIT
send_image "$root/mnt" 192 32
