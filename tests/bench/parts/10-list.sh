# shellcheck shell=bash disable=SC2154 # limactl, build and the functions are run.sh's
# `limactl list` of ten instances against a program that does nothing.
printf '%s\n' 'images: [{location: "/nowhere.img"}]' 'vmType: "null"' >"$LIMA_HOME/ten.yaml"
truncate -s 1M "$LIMA_HOME/ten.img"
for i in 0 1 2 3 4 5 6 7 8 9; do
    mkdir -p "$LIMA_HOME/i$i"
    cp "$LIMA_HOME/ten.yaml" "$LIMA_HOME/i$i/lima.yaml"
    echo 2.2.0 >"$LIMA_HOME/i$i/lima-version"
done
{
    read -r list_us list_kib
    read -r true_us _
} < <("$build/spawn_bench" 300 "$limactl" list -- /bin/true)
row 'limactl list, 10 instances, times /bin/true' "$(ratio "$list_us" "$true_us")" 3 ''
row 'limactl list, peak memory' "$(ratio "$list_kib" 1024)" 6 MiB
rm -rf "$LIMA_HOME"/i? "$LIMA_HOME"/ten.*
