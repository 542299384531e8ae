#!/bin/sh
# Runs the boot scripts and the provision scripts of the seed as root, at every boot. Started by
# the per-boot hook of cloud-init, or by the guest agent, which sets LIMA_CIDATA_NO_CLOUD_INIT=1;
# LIMA_CIDATA_MNT is where the seed is mounted. What fails is named in /run/lima-boot-failed and does
# not stop the rest.
#
# Boot scripts are read into a subshell instead of being executed: that spares a process each.
set -u

done_file=/run/lima-boot-done
failed_file=/run/lima-boot-failed
status=0

info() {
    echo "LIMA| $*"
}

failed() {
    echo "LIMA| warning: $1 failed"
    echo "$1" >>"$failed_file"
    status=1
}

has() {
    command -v "$1" >/dev/null 2>&1
}

# Exports the lines KEY=value of a file, verbatim.
export_lines() {
    while IFS= read -r line || [ -n "$line" ]; do
        case ${line%%=*} in
        "$line" | '' | [0-9]* | *[!A-Za-z0-9_]*) ;;
        *) export "${line?}" ;;
        esac
    done <"$1"
}

# The same as pam_env reads /etc/environment: "export", comments and quotes are dropped.
export_environment() {
    while IFS= read -r line || [ -n "$line" ]; do
        line=${line#"${line%%[! 	]*}"}
        line=${line#export }
        line=${line%%#*}
        line=${line%"${line##*[! 	]}"}
        key=${line%%=*}
        value=${line#*=}
        case $value in
        \"*\") value=${value#\"} value=${value%\"} ;;
        \'*\') value=${value#\'} value=${value%\'} ;;
        esac
        case $key in
        "$line" | '' | [0-9]* | *[!A-Za-z0-9_]*) ;;
        *) export "$key=$value" ;;
        esac
    done <"$1"
}

# as_user USER COMMAND...: with the user's login environment.
as_user() {
    user=$1
    shift
    if has sudo; then
        sudo -iu "$user" "$@"
    else
        su -s /bin/sh "$user" -c 'cd && exec "$@"' -- sh "$@"
    fi
}

run_boot_scripts() {
    for script in "$LIMA_CIDATA_MNT/$1"/*.sh; do
        [ -f "$script" ] || continue
        (
            set -eu
            # shellcheck source=/dev/null
            . "$script"
        )
        [ $? -eq 0 ] || failed "${script#"$LIMA_CIDATA_MNT"/}"
    done
}

# Makes the directory of a file, as its owner when possible.
make_parent() {
    dir=${1%/*}
    if [ -z "$dir" ] || [ -d "$dir" ]; then
        return 0
    fi
    as_user "$2" mkdir -p "$dir" 2>/dev/null || mkdir -p "$dir"
}

install_data_file() {
    index=${1##*/} overwrite='' owner='' path='' permissions=''
    eval "overwrite=\$LIMA_CIDATA_DATAFILE_${index}_OVERWRITE"
    eval "owner=\$LIMA_CIDATA_DATAFILE_${index}_OWNER"
    eval "path=\$LIMA_CIDATA_DATAFILE_${index}_PATH"
    eval "permissions=\$LIMA_CIDATA_DATAFILE_${index}_PERMISSIONS"
    if [ -e "$path" ] && [ "$overwrite" = false ]; then
        info "$path exists and is not to be overwritten"
        return 0
    fi
    make_parent "$path" "${owner%%:*}" && cp "$1" "$path" && chown "$owner" "$path" &&
        chmod "$permissions" "$path"
}

# Edits a file, or makes one, with an expression of yq.
apply_expression() {
    index=${1##*/} format='' owner='' path='' permissions=''
    eval "format=\$LIMA_CIDATA_YQ_PROVISION_${index}_FORMAT"
    eval "owner=\$LIMA_CIDATA_YQ_PROVISION_${index}_OWNER"
    eval "path=\$LIMA_CIDATA_YQ_PROVISION_${index}_PATH"
    eval "permissions=\$LIMA_CIDATA_YQ_PROVISION_${index}_PERMISSIONS"
    agent=$LIMA_CIDATA_MNT/lima-guestagent
    if [ "$format" = auto ]; then
        case $path in
        *.csv | *.ini | *.json | *.toml | *.tsv | *.xml) format=${path##*.} ;;
        *.properties) format=props ;;
        *) format=yaml ;;
        esac
    fi
    make_parent "$path" "${owner%%:*}" || return 1
    if [ -e "$path" ]; then
        "$agent" yq --inplace --from-file "$1" --input-format "$format" --output-format "$format" \
            "$path" || return 1
    else
        result=$("$agent" yq --null-input --from-file "$1" --output-format "$format") || return 1
        printf '%s\n' "$result" >"$path" || return 1
    fi
    chown "$owner" "$path" && chmod "$permissions" "$path"
}

# The user's systemd must be up before a script can talk to it; lingering starts it.
wait_for_user_systemd() {
    [ -d /run/systemd/system ] || return 0
    tries=0
    until [ -S "/run/user/$LIMA_CIDATA_UID/systemd/private" ]; do
        tries=$((tries + 1))
        [ "$tries" -le 180 ] || return 1
        sleep 1
    done
}

run_user_script() {
    script=$LIMA_CIDATA_HOME/.lima-user-script
    cp "$1" "$script" && chmod 0755 "$script" && chown "$LIMA_CIDATA_USER" "$script" || return 1
    XDG_RUNTIME_DIR=/run/user/$LIMA_CIDATA_UID
    export XDG_RUNTIME_DIR
    if has sudo; then
        names=XDG_RUNTIME_DIR
        while IFS= read -r line; do
            names=$names,${line%%=*}
        done <"$LIMA_CIDATA_MNT/param.env"
        sudo -iu "$LIMA_CIDATA_USER" "--preserve-env=$names" "$script"
    else
        as_user "$LIMA_CIDATA_USER" "$script"
    fi
    result=$?
    rm -f "$script"
    return "$result"
}

# Once per instance, where sudo asks for a password.
set_password() {
    mark=$LIMA_CIDATA_HOME/.lima-password-set
    [ -z "${LIMA_CIDATA_PASSWORDLESS_SUDO:-}" ] && [ ! -e "$mark" ] && has chpasswd || return 0
    password=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
    echo "$LIMA_CIDATA_USER:$password" | chpasswd || return 1
    (
        umask 077
        echo "$password" >"$LIMA_CIDATA_HOME/password"
        : >"$mark"
    )
    chown "$LIMA_CIDATA_USER" "$LIMA_CIDATA_HOME/password" "$mark"
}

# each DIR COMMAND: runs the command with every file of a provision directory.
each() {
    for file in "$LIMA_CIDATA_MNT/$1"/*; do
        [ -f "$file" ] || continue
        info "running ${file#"$LIMA_CIDATA_MNT"/}"
        "$2" "$file" || failed "${file#"$LIMA_CIDATA_MNT"/}"
    done
}

run_system_script() {
    "$1"
}

# The ones that cloud-init would run by its "bootcmd": no first line needs to name a shell.
run_early_script() {
    /bin/sh "$1"
}

rm -f "$done_file" "$failed_file"
by_agent=${LIMA_CIDATA_NO_CLOUD_INIT:-}
export_lines "$LIMA_CIDATA_MNT/lima.env"
[ -z "$by_agent" ] || export LIMA_CIDATA_NO_CLOUD_INIT=1
export_lines "$LIMA_CIDATA_MNT/param.env"
export_environment "$LIMA_CIDATA_MNT/etc_environment"
PATH=$LIMA_CIDATA_MNT/util:$PATH
export PATH

[ -z "$by_agent" ] || each provision.boot run_early_script
run_boot_scripts boot.essential.Linux
[ -n "${LIMA_CIDATA_PLAIN:-}" ] || run_boot_scripts boot.Linux
each provision.data install_data_file
each provision.yq apply_expression
each provision.system run_system_script
if [ -d "$LIMA_CIDATA_MNT/provision.user" ]; then
    if wait_for_user_systemd; then
        each provision.user run_user_script
    else
        failed provision.user
    fi
fi
set_password || failed password

echo "$LIMA_CIDATA_IID" >"$done_file.new" && mv "$done_file.new" "$done_file"
exit "$status"
