#!/bin/sh
# Lets a shell session know how many colours the terminal of the host has.
[ -f /etc/ssh/sshd_config ] || exit 0

if grep -q '^[[:space:]]*Include[[:space:]].*sshd_config\.d' /etc/ssh/sshd_config; then
    conf=/etc/ssh/sshd_config.d/10-acceptenv-colorterm.conf
    [ ! -e "$conf" ] || exit 0
    mkdir -p "${conf%/*}"
    echo "AcceptEnv COLORTERM" >"$conf"
else
    ! grep -q '^[[:space:]]*AcceptEnv.*COLORTERM' /etc/ssh/sshd_config || exit 0
    printf '\nAcceptEnv COLORTERM\n' >>/etc/ssh/sshd_config
fi

if [ -d /run/systemd/system ]; then
    for unit in ssh.service sshd.service; do
        systemctl try-reload-or-restart "$unit" 2>/dev/null || :
    done
elif has rc-service; then
    rc-service --ifstarted sshd reload
fi
