#!/bin/bash
# Mapping an empty disk of 62 TiB, ESXi's limit, takes little memory: the
# map is one hole, and the server stays under 64 MiB.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires qemu-img --version
requires nbdinfo --version
requires grep VmHWM: /proc/self/status

make_tmpdir
cd "$tmpdir"
size=$((62 << 40))

# A sanitizer keeps memory that has been freed.
limit=65536
if [ -n "$sanitizer_runtime" ]; then limit=$((limit * 8)); fi

for kind in monolithicSparse twoGbMaxExtentFlat; do
    mkdir disk
    if [ $kind = twoGbMaxExtentFlat ]; then
        # Thirty-one thousand files are too many for anyone; these have 62,
        # of 1 TiB each.
        ddb='ddb.adapterType = "lsilogic"'
        {
            printf '# Disk DescriptorFile\nversion=1\nCID=0172e8a4\n'
            printf 'parentCID=ffffffff\ncreateType="%s"\n' $kind
            for n in {1..62}; do
                truncate -s 1T disk/d-f$n.vmdk
                echo "RW $((1 << 31)) FLAT \"d-f$n.vmdk\" 0"
            done
            echo "$ddb"
        } > disk/d.vmdk
    else
        qemu-img create -q -f vmdk -o subformat=$kind disk/d.vmdk $size
    fi
    start_nbdkit vmdk disk/d.vmdk
    time nbdinfo --map "$uri" > map
    cat map
    awk '{ print $1, $2, $3 }' map | diff - <(echo 0 $size 3)
    peak=$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$pid/status")
    echo "$kind: the server took $peak KiB at most"
    [ "$peak" -lt $limit ] || fail "$peak KiB"
    stop_nbdkit
    rm -r disk
done
