#!/bin/bash
# Chains of one to five links made by qemu-img, with writes and zeroes of
# odd sizes in each link: the disk reads as qemu reads it.  qemu is no
# judge of what was meant (it damages children of several extents when it
# writes parts of grains), but it is of what is in the files.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires_nbdsh
requires qemu-img --version
requires qemu-io --version
requires nbdcopy --version

make_tmpdir
cd "$tmpdir"

# commands SEED SIZE: qemu-io's commands for one link.
commands ()
{
    "$PYTHON" - "$@" <<'END'
import random, sys
rng = random.Random(int(sys.argv[1]))
size = int(sys.argv[2])
for n in range(14):
    length = rng.choice((1, 511, 512, 4096, 65536, 65537, 300000))
    if n % 4 == 3:
        # Zeroes: of whole grains too, which get no storage.
        length = rng.choice((1000, 65536, 200000))
        offset = rng.randrange(size - length)
        if n % 8 == 3:
            offset &= -65536
        print("write -z %d %d" % (offset, length))
    else:
        offset = rng.randrange(size - length)
        print("write -P %d %d %d" % (rng.randint(1, 255), offset, length))
END
}

# link NAME SEED SIZE OPTIONS [PARENT]
link ()
{
    local name=$1 seed=$2 size=$3 options=$4 parent=${5:-}
    if [ -z "$parent" ]; then
        qemu-img create -q -f vmdk -o "$options" "$name" $size
    else
        qemu-img create -q -f vmdk -F vmdk -b "$parent" -o "$options" "$name"
    fi
    case $options in
        *streamOptimized*) ;;
        *) commands $seed $size | qemu-io -t unsafe -f vmdk "$name" ;;
    esac > io 2>&1
    if grep -i 'fail\|error\|invalid' io; then fail "qemu-io"; fi
}

# check NAME: the link, served, reads as qemu read it and has qemu's map.
check ()
{
    start_nbdkit -r vmdk "$1"
    nbdcopy "$uri" copy
    # Not cmp, which reads holes of 2 GiB.
    [ "$(stat -c %s copy)" = "$(stat -c %s qemu)" ]
    qemu-img compare -f raw -F raw qemu copy
    "$PYTHON" "$abs_srcdir/same-map.py" "$uri" "$1"
    stop_nbdkit
}

# Sizes: no multiple of a grain; for split disks, one grain in the second
# piece, so that links of several extents are among them.
small=20971520
odd=20972032
split=2147549184
sparse=subformat=monolithicSparse
zeroed=$sparse,zeroed_grain=on
pieces=subformat=twoGbMaxExtentSparse
flat=subformat=monolithicFlat
flats=subformat=twoGbMaxExtentFlat
number=0

# chain SIZE OPTIONS...: the base's first.  Each prefix of it is a chain.
chain ()
{
    local size=$1 options parent=
    shift
    echo "chain of $size bytes: $*"
    number=$((number + 1))
    mkdir $number
    cd $number
    for options; do
        n=$((n + 1))
        link link$n.vmdk $((number * 10 + n)) $size "$options" "$parent"
        parent=link$n.vmdk
        qemu-img convert -t unsafe -f vmdk -O raw $parent qemu
        check $parent
    done
    cd ..
    rm -r $number
    n=0
}
n=0
chain $small $sparse $sparse $sparse $sparse $sparse
chain $odd $zeroed $zeroed $zeroed $zeroed $zeroed
chain $odd $flat $sparse $zeroed $pieces $sparse,zeroed_grain=on
chain $small $flats $pieces,zeroed_grain=on $sparse $zeroed $pieces
chain $split $pieces $pieces,zeroed_grain=on $sparse
chain $split $flats $pieces,zeroed_grain=on

# A compressed base, which qemu can only convert to.
mkdir stream
cd stream
"$PYTHON" "$abs_srcdir/make-raw.py" raw $odd 7
qemu-img convert -f raw -O vmdk -o subformat=streamOptimized raw base.vmdk
link top.vmdk 99 $odd $zeroed base.vmdk
qemu-img convert -t unsafe -f vmdk -O raw top.vmdk qemu
check top.vmdk
