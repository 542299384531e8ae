# shellcheck shell=sh
# shellcheck disable=SC2154,SC2086 # scratch, root, as_root come from prelude.sh; lists are split
# build:micro: a kernel, busybox, bash, dropbear, sftp-server and sudo. The packages are only unpacked and
# none of their programs runs, so it can be made for every architecture on every other.
manifest_from_archives >"$scratch/manifest"
send_system

micro=$scratch/micro
for dir in usr/bin usr/sbin usr/lib usr/libexec/sudo etc dev proc sys run mnt home root var/lib var/log tmp \
    var/tmp; do
    mkdir -p "$micro/$dir"
done
chmod 1777 "$micro/tmp" "$micro/var/tmp"
chmod 0700 "$micro/root"
for dir in bin sbin lib; do
    ln -s "usr/$dir" "$micro/$dir"
done
ln -s /run "$micro/var/run"

# take FILE...: copies files of the tree to their place in a system with a merged /usr.
take() {
    for file in "$@"; do
        [ -e "$file" ] || { echo "micro: the packages lack ${file#"$root"}" >&2; exit 1; }
        below=${file#"$root"/}
        below=usr/${below#usr/}
        mkdir -p "$micro/${below%/*}"
        cp -L --preserve=mode,timestamps "$file" "$micro/$below"
    done
}

take "$root/bin/busybox" "$root/bin/bash" "$root/usr/sbin/dropbear" "$root/usr/bin/dropbearkey" \
    "$root/usr/lib/openssh/sftp-server" "$root/usr/bin/sudo" "$root"/usr/libexec/sudo/sudoers.so \
    "$root/usr/libexec/sudo/libsudo_util.so.0"
chmod 4755 "$micro/usr/bin/sudo"
ln -s openssh/sftp-server "$micro/usr/lib/sftp-server" # where dropbear looks

# The loader, and the libraries that these programs name.
for loader in "$root"/lib*/ld-linux*; do
    mkdir -p "$micro/usr/${loader#"$root"/}"
    rmdir "$micro/usr/${loader#"$root"/}"
    cp "$root"/lib/*/"${loader##*/}" "$micro/usr/${loader#"$root"/}"
done
[ ! -d "$micro/usr/lib64" ] || ln -s usr/lib64 "$micro/lib64"
for lib in libc.so.6 libm.so.6 libresolv.so.2 libcrypt.so.1 libz.so.1 libtinfo.so.6 libtommath.so.1 \
    libtomcrypt.so.1 libgmp.so.10 libpam.so.0 libaudit.so.1 libcap-ng.so.0 libselinux.so.1 libpcre2-8.so.0 \
    security/pam_permit.so security/pam_deny.so; do
    for file in "$root"/lib/*/$lib "$root"/usr/lib/*/$lib; do
        [ ! -e "$file" ] || break
    done
    take "$file"
done

# What busybox can do is fixed here, since a foreign one cannot be asked. Real programs go first.
for applet in [ [[ acpid adjtimex ar arch arp arping ash awk base64 basename bc blkdiscard blockdev bunzip2 \
    bzcat bzip2 cal cat chgrp chmod chown chroot chvt clear cmp cp cpio crc32 crond crontab cut date dc dd \
    depmod df diff dirname dmesg dnsdomainname dos2unix du echo ed egrep env expand expr factor fallocate \
    false fdisk fgrep find findfs fold free fsfreeze fstrim ftpget ftpput getopt getty grep groups gunzip \
    gzip halt head hexdump hostid hostname httpd hwclock id ifconfig ifdown ifup init insmod ionice ip \
    ipcalc ipneigh kill killall klogd last less ln logger login logname logread losetup ls lsmod lsscsi \
    lzcat lzma lzop md5sum mdev microcom mkdir mkdosfs mke2fs mkfifo mknod mkpasswd mkswap mktemp modinfo \
    modprobe more mount mt mv nameif nc netstat nl nologin nproc nsenter nslookup od openvt partprobe passwd \
    paste patch pidof ping ping6 pivot_root poweroff printf ps pwd rdate readlink realpath reboot renice \
    reset resize rev rm rmdir rmmod route run-parts sed seq setpriv setsid sh sha1sum sha256sum sha3sum \
    sha512sum shred shuf sleep sort ssl_client start-stop-daemon stat strings stty su sulogin swapoff swapon \
    switch_root sync sysctl syslogd tac tail tar taskset tc tee telnet test tftp time timeout top touch tr \
    traceroute traceroute6 true truncate ts tty tunctl udhcpc umount uname uncompress unexpand uniq unix2dos \
    unlink unlzma unshare unxz unzip uptime usleep uudecode uuencode vconfig vi w watch watchdog wc wget \
    which who whoami xargs xxd xz xzcat yes zcat; do
    [ -e "$micro/usr/bin/$applet" ] || ln -s busybox "$micro/usr/bin/$applet"
done
for applet in init getty halt poweroff reboot modprobe insmod rmmod lsmod sysctl udhcpc switch_root; do
    ln -s ../bin/busybox "$micro/usr/sbin/$applet"
done

cd "$micro/etc" || exit 1
mkdir -p dropbear pam.d profile.d sudoers.d udhcpc
echo 'lima' >hostname
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >hosts
printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n' >nsswitch.conf
printf '/bin/sh\n/bin/ash\n/bin/bash\n' >shells
: >fstab
: >resolv.conf
ln -s /proc/mounts mtab
cat >os-release <<'END'
NAME="clima micro"
ID=clima-micro
ID_LIKE=debian
PRETTY_NAME="clima micro (from Debian packages)"
END
cat >passwd <<'END'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
END
printf 'root:*:19700:0:99999:7:::\ndaemon:*:19700:0:99999:7:::\nnobody:*:19700:0:99999:7:::\n' >shadow
chmod 0640 shadow
cat >group <<'END'
root:x:0:
daemon:x:1:
adm:x:4:
tty:x:5:
disk:x:6:
sudo:x:27:
video:x:44:
users:x:100:
nogroup:x:65534:
END
cat >profile <<'END'
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
if [ -n "${BASH_VERSION-}" ]; then PS1='\u@\h:\w\$ '; else PS1='$(id -un)@$(hostname):$PWD\$ '; fi
for part in /etc/profile.d/*.sh; do
    [ ! -r "$part" ] || . "$part"
done
unset part
END
# What PAM does elsewhere.
cat >profile.d/environment.sh <<'END'
while IFS= read -r part; do
    case $part in [A-Za-z_]*=*) export "${part%%=*}=${part#*=}" ;; esac
done </etc/environment
END
cat >sudoers <<'END'
Defaults env_reset
Defaults secure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
root ALL=(ALL:ALL) ALL
%sudo ALL=(ALL:ALL) ALL
@includedir /etc/sudoers.d
END
chmod 0440 sudoers
chmod 0750 sudoers.d
# Nobody has a password here: whom sudoers lets in, PAM lets in.
for service in sudo sudo-i; do
    printf 'auth required pam_permit.so\naccount required pam_permit.so\nsession required pam_permit.so\n' \
        >pam.d/$service
done
printf 'auth required pam_deny.so\naccount required pam_deny.so\npassword required pam_deny.so\nsession required pam_deny.so\n' \
    >pam.d/other
# The guest agent stays process 1 (clima.supervise) and keeps this running.
cat >inittab <<'END'
::respawn:/usr/sbin/dropbear -F -R -s -p 22
END
cat >udhcpc/default.script <<'END'
#!/bin/sh
case $1 in
deconfig)
    ip link set "$interface" up
    ;;
bound | renew)
    ip addr replace "$ip/${mask:-24}" dev "$interface"
    for gateway in $router; do
        ip route replace default via "$gateway" dev "$interface"
    done
    {
        [ -z "$domain" ] || echo "search $domain"
        for server in $dns; do
            echo "nameserver $server"
        done
    } >/etc/resolv.conf
    ;;
esac
END
chmod 0755 udhcpc/default.script
cd / || exit 1

send_image "$micro" 12 8
