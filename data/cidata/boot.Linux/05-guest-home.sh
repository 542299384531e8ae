#!/bin/sh
# The home of the guest user is called USER.guest today and was USER.linux: keep both names.
new=/home/$LIMA_CIDATA_USER.guest
old=/home/$LIMA_CIDATA_USER.linux
if [ -d "$new" ] && [ ! -e "$old" ]; then
    ln -s "$new" "$old"
elif [ -d "$old" ] && [ ! -e "$new" ]; then
    ln -s "$old" "$new"
fi
