#!/bin/bash
# The disk in examples/ holds what its script says: served by us it equals
# qemu's reading of it, and the files in its file system equal the script's.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

PATH=$PATH:/usr/sbin:/sbin
requires_run
requires nbdcopy --version
requires qemu-img --version
requires debugfs -V
requires sfdisk --version

make_tmpdir
disk=$abs_top_srcdir/examples/appliance.vmdk
[ "$(stat -c %s "$disk")" -lt 1000000 ] || fail "$disk is over 1 MB"

nbdkit -r -U - vmdk "$disk" --run "nbdcopy \"\$uri\" $tmpdir/served"
qemu-img convert -f vmdk -O raw "$disk" "$tmpdir/qemu"
same "$tmpdir/served" "$tmpdir/qemu"

# The partition, found by reading the table, then files without mounting.
sfdisk -d "$tmpdir/served" | tee /dev/stderr |
    grep -q 'start= *2048, size= *126976,'
dd if="$tmpdir/served" of="$tmpdir/ext4" bs=1M skip=1 count=62 status=none
mkdir "$tmpdir/files" "$tmpdir/found"
"$PYTHON" "$abs_top_srcdir/examples/make-example" --files "$tmpdir/files"
debugfs -R "rdump / $tmpdir/found" "$tmpdir/ext4"
rmdir "$tmpdir/found/lost+found"
diff -r "$tmpdir/files" "$tmpdir/found"
(cd "$tmpdir/found" && sha256sum -c SHA256SUMS)
