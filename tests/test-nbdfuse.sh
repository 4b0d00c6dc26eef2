#!/bin/bash
# The disk as a file, through nbdfuse: what virt-v2v and other programs that
# want files get.  Reads of the kernel's making, read-ahead included.
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
"$PYTHON" "$abs_srcdir/make-raw.py" raw 50332160 14
qemu-img convert -f raw -O vmdk -o subformat=streamOptimized raw disk.vmdk
mkdir mnt

start_nbdkit vmdk disk.vmdk
nbdfuse -r mnt/disk.img "$uri" &
fuse=$!
unmount ()
{
    fusermount3 -u -z "$tmpdir/mnt"
}
cleanup_fn unmount
for _ in {1..300}; do
    [ -e mnt/disk.img ] && break
    kill -0 $fuse || skip "nbdfuse cannot mount here"
    sleep 0.1
done
[ "$(stat -c %s mnt/disk.img)" = 50332160 ]
same raw mnt/disk.img
cp --sparse=always mnt/disk.img copy
same raw copy
fusermount3 -u mnt
wait $fuse
stop_nbdkit
