#!/bin/bash
# File systems on served disks are what they were when they were made: the
# real libguestfs appliance mounts an ext4 and an NTFS file system out of
# disks of eight kinds, all in one virtual machine, and checksums the files.
#
# SPDX-License-Identifier: BSD-3-Clause
#
# Needs guestfish, ntfs-3g (in the appliance and for mkntfs and ntfscp),
# e2fsprogs, sfdisk, qemu-img, and a kernel that the user can read, which
# setup-guestfs.sh unpacks when the machine has none.  No KVM, no mount, no
# root.

source ./functions.sh
set -eu

PATH=$PATH:/usr/sbin:/sbin
requires_run
requires guestfish --version
requires qemu-img --version
requires mke2fs -V
requires mkntfs --version
requires ntfscp --version
requires sfdisk --version
kernel=${SUPERMIN_KERNEL:-$(ls /boot/vmlinu[xz]-* 2>/dev/null | tail -n 1)}
[ -r "$kernel" ] || skip "no kernel; run quickstart check or setup-guestfs.sh"
unset LIBGUESTFS_DEBUG LIBGUESTFS_TRACE

make_tmpdir
cd "$tmpdir"

# The files: small and large, text and noise, empty, in directories.
mkdir -p files/deep/er
"$PYTHON" - files <<'END'
import os, random, sys
os.chdir(sys.argv[1])
rng = random.Random(1)
def write(name, data):
    with open(name, "wb") as f:
        f.write(data)
write("empty", b"")
write("one", b"1")
write("text", b"".join(b"line %d of the text\n" % n for n in range(150000)))
write("noise", rng.randbytes(5000001))
for n in range(40):
    write("deep/er/%d" % n, rng.randbytes(rng.randrange(9000)))
END
# ntfscp copies into the root directory only, unless others exist.
mkdir flat
for f in empty one text noise deep/er/7; do
    cp "files/$f" flat/
done

# Two file systems in partitions of a disk of 5 GiB, the second beyond the
# first two pieces of a split disk.
mke2fs -q -F -t ext4 -d files ext4 40M
truncate -s 32M ntfs
mkntfs -q -Q -F ntfs 2>/dev/null
for f in flat/*; do
    ntfscp -q -f ntfs "$f" "${f#flat/}"
done
truncate -s 5G raw
second=$((9 * 512 * 2048))      # sectors; 4.5 GiB
sfdisk -q raw <<END
label: gpt
start=2048, size=$((40 * 2048)), type=L
start=$second, size=$((32 * 2048)), type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7
END
dd if=ext4 of=raw bs=1M seek=1 conv=notrunc,sparse status=none
dd if=ntfs of=raw bs=1M seek=$((second / 2048)) conv=notrunc,sparse \
   status=none

# The disks.
disks=()
for kind in monolithicSparse streamOptimized twoGbMaxExtentSparse \
            monolithicFlat twoGbMaxExtentFlat; do
    mkdir $kind
    qemu-img convert -f raw -O vmdk -o subformat=$kind raw $kind/disk.vmdk
    disks+=($kind/disk.vmdk)
done
# A child of qemu's, empty, over the stream.
mkdir child
cp streamOptimized/disk.vmdk child/base.vmdk
(cd child && qemu-img create -q -f vmdk -F vmdk -b base.vmdk disk.vmdk)
disks+=(child/disk.vmdk)
# ESX's kinds, each with a part of the data.
disks+=("$("$PYTHON" "$abs_srcdir/raw-chain.py" raw esx5 hosted cowd=1)")
disks+=("$("$PYTHON" "$abs_srcdir/raw-chain.py" raw esx6 \
                     stream cowd=16 sesparse)")

# One server each.
sockets=()
for disk in "${disks[@]}"; do
    start_nbdkit vmdk "$disk"
    sockets+=("$sock")
done

# One appliance for all of them.
letters=abcdefghijklmnop
{
    for i in "${!disks[@]}"; do
        echo "add '' format:raw readonly:true protocol:nbd" \
             "server:unix:${sockets[i]}"
    done
    echo run
    for i in "${!disks[@]}"; do
        device=/dev/sd${letters:i:1}
        echo "mount-ro ${device}1 /"
        echo "checksums-out sha256 / $tmpdir/ext4.$i"
        echo "umount /"
        echo "mount-ro ${device}2 /"
        echo "checksums-out sha256 / $tmpdir/ntfs.$i"
        echo "umount /"
    done
    echo shutdown
} > script
cat script
start=$SECONDS
guestfish -f script
echo "the appliance took $((SECONDS - start)) seconds"

# sums DIRECTORY: what guestfish must have found.
sums ()
{
    (cd "$1" && find . -type f -print0 | xargs -0 sha256sum | sort -k 2)
}
sums files > ext4.expected
sums flat > ntfs.expected
status=0
for i in "${!disks[@]}"; do
    for fs in ext4 ntfs; do
        sort -k 2 $fs.$i > found
        if diff $fs.expected found; then
            echo "ok ${disks[i]}: $fs, $(wc -l < found) files"
        else
            echo "FAILED ${disks[i]}: $fs"
            status=1
        fi
    done
done
stop_nbdkit
exit $status
