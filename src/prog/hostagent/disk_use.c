#include "prog/hostagent/disk_use.h"

#include "base/mem.h"
#include "base/quote.h"

/* Mounts are found by the device's number, and by its name: btrfs has a number of its own. */
static const char ask_script[] =
    "#!/bin/sh\n"
    "disk=$(readlink -f /dev/disk/by-id/virtio-%s) && [ -b \"$disk\" ] || exit 0\n"
    "disk=${disk##*/}\n"
    "uses=\n"
    "for dir in \"/sys/class/block/$disk\" \"/sys/class/block/$disk/$disk\"*; do\n"
    "    [ -e \"$dir/dev\" ] || continue\n"
    "    name=${dir##*/}\n"
    "    number=$(cat \"$dir/dev\")\n"
    "    while read -r id parent found root point rest; do\n"
    "        from=${rest##* - }\n"
    "        from=${from#* }\n"
    "        [ \"$found\" != \"$number\" ] && [ \"${from%%%% *}\" != \"/dev/$name\" ] ||\n"
    "            uses=\"$uses, it is mounted on $point\"\n"
    "    done </proc/self/mountinfo\n"
    "    ! grep -qs \"^/dev/$name[^0-9a-z]\" /proc/swaps || uses=\"$uses, it is used for "
    "swapping\"\n"
    "    for holder in \"$dir/holders/\"*; do\n"
    "        [ ! -e \"$holder\" ] || uses=\"$uses, it is part of ${holder##*/}\"\n"
    "    done\n"
    "done\n"
    "[ -n \"$uses\" ] || exit 0\n"
    "echo \"${uses#, }\" >&2\n"
    "exit 1\n";

struct ssh_task *disk_use_ask(const struct ssh_task_params *params, const char *serial,
                              struct err **errp)
{
    auto_sb struct sb word = { 0 };
    auto_mem char *script = NULL;

    quote_shell(&word, sv_of(serial));
    script = mem_printf(ask_script, sb_str(&word));
    return ssh_task_script(params, script, errp);
}
