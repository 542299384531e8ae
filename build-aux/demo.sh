#!/bin/sh
# The main job, shown: starts the instance "default" when it is not running and says what it is.
# Arguments: the prefix that holds bin/limactl, the template's name.
set -eu
bin=$1/bin
template=$2

status=$("$bin/limactl" list --format '{{.Status}}' default 2>/dev/null || true)
case $status in
'') "$bin/limactl" start --tty=false --name=default "template:$template" ;;
Running) ;;
*) "$bin/limactl" start --tty=false default ;;
esac

"$bin/lima" uname -a

cat <<TEXT

A shell in the guest:   $bin/lima
Stop it:                $bin/limactl stop
Delete it:              $bin/limactl delete default
TEXT
