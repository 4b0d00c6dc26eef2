#!/bin/bash
# Disks of 8 TiB with a few writes, some beyond 2 and 4 TiB, in one extent
# or in 4096: offsets need more than 32 bits even when counted in sectors.
# Block status shows exactly the grains that qemu-io wrote.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires qemu-img --version
requires qemu-io --version
requires nbdinfo --version

make_tmpdir
cd "$tmpdir"
# The usual soft limit of open files, less than the pieces of a disk.
ulimit -Sn 1024
T=1099511627776
G=65536                         # a grain

# The map, from the writes below: offset, length, type.  Not qemu-img's: it
# takes an hour to go through this disk grain by grain.
expected ()
{
    "$PYTHON" - "$@" <<'END'
import sys
T, G = 1 << 40, 1 << 16
at = 0
for start, end in ((0, G), (2 * T - G, 2 * T + G), (4 * T - G, 4 * T + G),
                   (5 * T, 5 * T + G), (8 * T - G, 8 * T)):
    if start > at:
        print(at, start - at, 3)
    print(start, end - start, 0)
    at = end
END
}

# readings DISK OPTION...: what qemu-io reads at the places of interest.
readings ()
{
    many_files qemu-io -r "${@:2}" -c 'read -P 0x21 0 65536' \
            -c "read -P 0x22 $((T * 2 - 1000)) 2000" \
            -c "read -P 0 $((T * 2 + 1000)) 100000" \
            -c "read -P 0x23 $((T * 4 - G)) 131072" \
            -c "read -P 0x24 $((T * 5 + 333)) 1" \
            -c "read -P 0 $((T * 5 + 334)) 131072" \
            -c "read -P 0 $((T * 6)) 131072" \
            -c "read -P 0 $((T * 7)) 131072" \
            -c "read -P 0 $((T * 8 - G)) 65024" \
            -c "read -P 0x25 $((T * 8 - 512)) 512" "$1" > out
    cat out
    if grep -i 'fail\|verif' out; then fail "$1"; fi
    [ "$(grep -c '^read ' out)" = 10 ]
}

for kind in monolithicSparse monolithicSparse,zeroed_grain=on \
            twoGbMaxExtentSparse; do
    mkdir disk
    qemu-img create -q -f vmdk -o subformat=$kind disk/d.vmdk 8T
    many_files \
        qemu-io -t unsafe -f vmdk -c 'write -P 0x21 0 65536' \
            -c "write -P 0x22 $((T * 2 - 1000)) 2000" \
            -c "write -P 0x23 $((T * 4 - G)) 131072" \
            -c "write -P 0x24 $((T * 5 + 333)) 1" \
            -c "write -P 0x25 $((T * 8 - 512)) 512" disk/d.vmdk > /dev/null
    readings disk/d.vmdk -f vmdk
    start_nbdkit vmdk disk/d.vmdk
    [ "$(nbdinfo --size "$uri")" = $((T * 8)) ]
    readings "$uri" -f raw
    nbdinfo --map "$uri" | awk '{ print $1, $2, $3 }' > map
    diff <(expected) map
    stop_nbdkit
    rm -r disk
done
