#!/bin/sh
# The block of the seed in /etc/environment. Who is logged in with an old one has to log in again;
# from here on ssh sessions have the final environment.
old=
rest=
inside=
if [ -f /etc/environment ]; then
    while IFS= read -r line || [ -n "$line" ]; do
        [ "$line" != '#LIMA-START' ] || inside=1
        if [ -n "$inside" ]; then
            old="$old$line
"
        else
            rest="$rest$line
"
        fi
        [ "$line" != '#LIMA-END' ] || inside=
    done </etc/environment
fi

new=
while IFS= read -r line || [ -n "$line" ]; do
    new="$new$line
"
done <"$LIMA_CIDATA_MNT/etc_environment"

if [ "$old" != "$new" ]; then
    printf '%s%s' "$rest" "$new" >/etc/environment.lima
    chmod 0644 /etc/environment.lima
    mv /etc/environment.lima /etc/environment
    if [ -d /run/systemd/system ] && has loginctl; then
        loginctl terminate-user "$LIMA_CIDATA_USER" 2>/dev/null || :
    fi
fi
echo "$LIMA_CIDATA_IID" >/run/lima-ssh-ready
