#!/bin/bash
# Every kind of disk that qemu-img makes, at sizes that are awkward, reads as
# qemu-img reads it, and its block status is qemu-img's.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires qemu-img --version
requires qemu-io --version
requires nbdcopy --version
requires nbdinfo --version

make_tmpdir
cd "$tmpdir"

# equal FILE1 FILE2: the same size and bytes.  Holes cost nothing here, as
# they would with cmp.
equal ()
{
    [ "$(stat -c %s "$1")" = "$(stat -c %s "$2")" ] || fail "sizes: $*"
    qemu-img compare -f raw -F raw "$1" "$2" >&2 || fail "$1 differs from $2"
}

# compare KIND DISK FILE: the served disk, with one and with four
# connections, holds what is in the raw file, and so do qemu's eyes see it.
compare ()
{
    local kind=$1 disk=$2 raw=$3 n flat=()
    case $kind in
        monolithicFlat)     flat=(--holes d-flat.vmdk) ;;
        twoGbMaxExtentFlat) flat=(--holes d-f*.vmdk) ;;
    esac
    qemu-img convert -t unsafe -f vmdk -O raw "$disk" qemu
    equal "$raw" qemu
    start_nbdkit -r vmdk "$disk"
    for n in 1 4; do
        nbdcopy --connections=$n "$uri" copy
        equal "$raw" copy
        rm copy
    done
    if [ ${#flat[@]} -gt 0 ]; then
        "$PYTHON" "$abs_srcdir/same-map.py" "$uri" "${flat[@]}"
    else
        "$PYTHON" "$abs_srcdir/same-map.py" "$uri" "$disk"
    fi
    stop_nbdkit
    rm -f qemu ./d*.vmdk
}

# each KIND: qemu-img's options for it.
kinds="monolithicSparse monolithicSparse,zeroed_grain=on monolithicFlat
       twoGbMaxExtentSparse twoGbMaxExtentSparse,zeroed_grain=on
       twoGbMaxExtentFlat streamOptimized"

# One sector; a grain and a bit; one table of grains and a sector; 100 MiB
# and three sectors; three pieces of 2 GiB, the last one of a sector.
for size in 512 66048 33554944 104859136 4294967808; do
    "$PYTHON" "$abs_srcdir/make-raw.py" raw $size $size
    for kind in $kinds; do
        qemu-img convert -t unsafe -f raw -O vmdk -o subformat=$kind raw d.vmdk
        compare "${kind%,*}" d.vmdk raw
    done
done
rm raw

# A disk of another life: made empty, then written by qemu-io in pieces of
# odd sizes at odd places, zeroes among them.
for kind in $kinds; do
    [ $kind != streamOptimized ] || continue
    qemu-img create -q -f vmdk -o subformat=$kind d.vmdk 4294967808
    qemu-io -t unsafe -f vmdk -c 'write -P 0x11 4294967296 512' \
            -c 'write -P 0x12 2147483136 1024' \
            -c 'write -P 0x13 1000 7' -c 'write -P 0x14 65535 65538' \
            -c 'write -z 65536 131072' -c 'write -P 0x15 100000 4096' \
            -c 'write -z 2147418112 131072' \
            -c 'write -P 0x16 3221225471 3' d.vmdk > /dev/null
    qemu-img convert -t unsafe -f vmdk -O raw d.vmdk raw
    compare "${kind%,*}" d.vmdk raw
done
