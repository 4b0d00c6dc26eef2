#!/bin/bash
# qemu-img convert writes to stream-optimized disks over NBD, out of order and
# with many requests at once, with and without zeroes as data: they are
# canonical and hold what was written.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires qemu-img --version

make_tmpdir
cd "$tmpdir"
export PYTHONPATH=$abs_srcdir

"$PYTHON" "$abs_srcdir/make-raw.py" raw $((64 << 20)) 41
qemu-img convert -O qcow2 -c raw raw.qcow2

# convert FORMAT SOURCE OPTIONS [PARAMETER...]: into d.vmdk, a fresh one if
# parameters create it.
convert ()
{
    local format=$1 source=$2 options=$3
    shift 3
    echo "qemu-img convert $options of $source: $*"
    # shellcheck disable=SC2086
    nbdkit -U - vmdk d.vmdk "$@" \
           --run "qemu-img convert -n $options -f $format -O raw \
                  $source \"\$uri\""
    qemu-img compare -f "$format" -F vmdk "$source" d.vmdk
    qemu-img check -q -f vmdk d.vmdk
}

# fresh FORMAT SOURCE OPTIONS SIZE
fresh ()
{
    rm -f d.vmdk
    convert "$1" "$2" "$3" create=true create-type=stream-optimized \
            create-size="$4"
    "$PYTHON" -m vmdkgen.conform d.vmdk --created
}

for options in "" "-W -m 16" "-W -m 16 -S 0" "-m 8 -S 4096"; do
    fresh raw raw "$options" 64M
done
reference=$(stat -c %s d.vmdk)
fresh qcow2 raw.qcow2 "-W -m 16" 64M
[ "$(stat -c %s d.vmdk)" -eq "$reference" ] ||
    fail "the same content takes another space"

# Odd sizes: 512 bytes, one sector less than a grain, one more than a table.
for size in 512 65024 33554944 20972032; do
    "$PYTHON" "$abs_srcdir/make-raw.py" odd $size 42
    fresh raw odd "-W -m 16" $size
done

# Over what is there already: ours, and qemu's own kind of stream.  What is
# closed fast need not be canonical.
"$PYTHON" "$abs_srcdir/make-raw.py" other 20972032 43
qemu-img resize -q -f raw other 21037056
convert raw other "-W -m 16"
"$PYTHON" -m vmdkgen.conform d.vmdk --created
qemu-img convert -f raw -O vmdk -o subformat=streamOptimized odd d.vmdk
truncate -s 20972032 other
for options in "-W -m 16" "-S 0"; do
    convert raw other "$options" stream-close=canonical
    "$PYTHON" -m vmdkgen.conform d.vmdk
    convert raw odd "$options" stream-close=fast
    "$PYTHON" -m vmdkgen.conform d.vmdk --loose
done
