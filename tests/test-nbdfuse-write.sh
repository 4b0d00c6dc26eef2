#!/bin/bash
# The disk as a file that is written, through nbdfuse.  It turns the punching
# of holes into trim, whatever grains the hole begins and ends in: what is
# trimmed must read as zeroes to the last byte, above a parent as well.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires qemu-img --version
requires nbdfuse --version
requires fusermount3 --version
# Containers often lack it; there this is not a question of packages.
requires test -w /dev/fuse

make_tmpdir
cd "$tmpdir"
size=50332160
"$PYTHON" "$abs_srcdir/make-raw.py" base.raw $size 15
"$PYTHON" -c 'import random, sys
sys.stdout.buffer.write(random.Random(16).randbytes(20000000))' > data
qemu-img convert -f raw -O vmdk -o subformat=streamOptimized base.raw \
         base.vmdk
sha256sum base.vmdk > base.sum
qemu-img create -q -f vmdk -F vmdk -b base.vmdk child.vmdk
qemu-img create -q -f vmdk fresh.vmdk $size
truncate -s $size empty.raw
mkdir mnt

# change FILE: what is done to the disk and to the model of it.
change ()
{
    local to="of=$1 conv=notrunc status=none"
    dd if=data bs=1M seek=4 $to
    dd if=data bs=4099 skip=7 count=300 seek=7000 $to
    dd if=data bs=512 count=1 seek=$((size / 512 - 1)) $to
    fallocate --punch-hole -o 1000001 -l 99999 "$1"     # in the base's data
    fallocate --punch-hole -o 5000001 -l 12345678 "$1"  # in what was written
    fallocate --punch-hole -o $((30 << 20)) -l $((1 << 20)) "$1"
    fallocate --punch-hole -o 17345600 -l 1 "$1"
    dd if=data bs=5000 count=100 seek=2000 $to          # into the hole
}

unmount ()
{
    fusermount3 -u -z "$tmpdir/mnt"
}
cleanup_fn unmount

# mount DISK: serve it, and mount that.
mount ()
{
    start_nbdkit vmdk "$1"
    nbdfuse mnt/disk.img "$uri" &
    fuse=$!
    for _ in {1..300}; do
        [ -e mnt/disk.img ] && return 0
        kill -0 $fuse || skip "nbdfuse cannot mount here"
        sleep 0.1
    done
    fail "nbdfuse has not mounted after half a minute"
}

for kind in "child base" "fresh empty"; do
    read -r disk model <<<"$kind"
    mount $disk.vmdk
    cp --sparse=always $model.raw expected
    change expected
    change mnt/disk.img
    same expected mnt/disk.img
    sync mnt/disk.img
    used=$(du -k $disk.vmdk | cut -f 1)
    fallocate --punch-hole -o 20000000 -l 9000000 expected
    fallocate --punch-hole -o 20000000 -l 9000000 mnt/disk.img
    sync mnt/disk.img
    same expected mnt/disk.img
    freed=$((used - $(du -k $disk.vmdk | cut -f 1)))
    fusermount3 -u mnt
    wait $fuse
    stop_nbdkit
    # The data written ends 4 MiB behind where the hole begins.
    [ $freed -ge $((4096 - 2 * 64)) ] || fail "trim freed $freed KiB"
    qemu-img check -f vmdk $disk.vmdk
    qemu-img convert -f vmdk -O raw $disk.vmdk result.raw
    same expected result.raw
done
sha256sum -c base.sum
