#!/bin/sh
# After an upgrade of the packages a dnf system may have to start again; others do it through
# cloud-init.
[ -n "$LIMA_CIDATA_UPGRADE_PACKAGES" ] && has dnf || exit 0
if dnf needs-restarting --help >/dev/null 2>&1 && ! dnf needs-restarting -r; then
    systemctl reboot
fi
