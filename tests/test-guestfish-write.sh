#!/bin/bash
# A real Linux makes and fills file systems on served disks: libguestfs's
# appliance partitions, makes ext4, xfs, btrfs and NTFS, copies trees in,
# deletes, trims and writes again, on fresh disks and on children of disks
# that are full of other data.  Afterwards a second appliance reads the files
# of the disks with qemu's own driver; nothing of ours runs then.
#
# SPDX-License-Identifier: BSD-3-Clause
#
# Needs what test-guestfish.sh needs; the same kernel will do.  The appliance
# takes xfsprogs, btrfs-progs and attr from the machine; the first is apart
# from libguestfs in Debian.  Two boots for everything.

source ./functions.sh
set -eu

PATH=$PATH:/usr/sbin:/sbin
requires_run
requires guestfish --version
requires qemu-img --version
requires mke2fs -V
requires ntfsresize --version
requires ntfsinfo --version
requires sfdisk --version
requires mkfs.xfs -V
requires mkfs.btrfs --version
requires setfattr --version
kernel=${SUPERMIN_KERNEL:-$(ls /boot/vmlinu[xz]-* 2>/dev/null | tail -n 1)}
[ -r "$kernel" ] || skip "no kernel; run quickstart check or setup-guestfs.sh"
unset LIBGUESTFS_DEBUG LIBGUESTFS_TRACE

make_tmpdir
cd "$tmpdir"

# What will be in the file systems: 'old' is in the parents from the start,
# 'tree' is copied into each, 'text' is for compression.
mkdir -p files expected
"$PYTHON" - files <<'END'
import os, random, sys
os.chdir(sys.argv[1])
rng = random.Random(3)
def write(name, data):
    os.makedirs(os.path.dirname("./" + name), exist_ok=True)
    with open(name, "wb") as f:
        f.write(data)
write("tree/empty", b"")
write("tree/noise", rng.randbytes(3000001))
for n in range(160):
    write("tree/d%d/e%d/%d" % (n % 7, n % 3, n),
          rng.randbytes(rng.randrange(9000)))
with open("tree/holes", "wb") as f:
    for n in range(5):
        f.seek(n * 1500000)
        f.write(rng.randbytes(5000))
    f.truncate(8000000)
for n in range(60):
    write("old/gone/%d" % n, rng.randbytes(rng.randrange(30000)))
write("old/gone/large", rng.randbytes(6000000))
write("old/kept", rng.randbytes(2000003))
write("old/noise", rng.randbytes(3000000))
write("text", b"".join(b"line %d of the text\n" % n for n in range(100000)))
write("large", rng.randbytes(10 << 20))
write("junk", b"the parent's junk, never to be seen again ".ljust(64) * 16384)
END
tar -C files -S -cf tree.tar tree

# The same commands change the files in the appliance and the ones here that
# say what is expected; both begin in the root of the file system.
notrunc="conv=notrunc status=none"
edit_old="rm -r old/gone && truncate -s 1234567 old/noise &&
 dd if=tree/noise of=old/noise bs=5000 count=9 seek=100 $notrunc"
edit_ntfs="cp text comp/text && cp tree/noise comp/noise &&
 dd if=tree/noise of=comp/text bs=4099 count=50 seek=20 $notrunc &&
 truncate -s 24M sparse &&
 dd if=tree/noise of=sparse bs=64k count=3 seek=100 $notrunc &&
 dd if=tree/noise of=sparse bs=5001 count=2 seek=4000 $notrunc"
edit_all="cp -r --reflink=never tree/d1 again &&
 cat tree/noise tree/d1/e1/1 > again/noise"
edit_old=${edit_old//$'\n'/} edit_ntfs=${edit_ntfs//$'\n'/}
edit_all=${edit_all//$'\n'/}

mkdir expected/{new,old,ntfs}
for kind in new old ntfs; do
    cp -r files/tree expected/$kind/
    (cd expected/$kind && eval "$edit_all")
done
cp -r files/old expected/old/
(cd expected/old && eval "$edit_old")
cp files/text expected/ntfs/
mkdir expected/ntfs/comp
(cd expected/ntfs && eval "$edit_ntfs")
for kind in new old ntfs; do
    (cd expected/$kind && find . -type f -print0 | xargs -0 sha256sum) |
        sort -k 2 > expected/$kind.sums
done

# junk FILE: how many sectors of it begin with the junk of the parents.
junk ()
{
    "$PYTHON" - "$1" <<'END'
import sys
with open(sys.argv[1], "rb") as f:
    print(sum(block[at:at + 10] == b"the parent"
              for block in iter(lambda: f.read(1 << 20), b"")
              for at in range(0, len(block) if block.strip(b"\0") else 0, 512)))
END
}

# Four partitions: where they begin and how long they are, in MiB.  In the
# parents the first holds files, the others junk that must never be seen.
start=(0 1 48 384 520)
length=(0 46 330 130 48)
{
    echo "label: gpt"
    for part in 1 2 3 4; do
        echo "start=$((start[part] * 2048)), size=$((length[part] * 2048))"
    done
} > table
truncate -s 576M raw
sfdisk -q raw < table
mkdir root
mv files/old root/
mke2fs -q -F -t ext4 -d root ext4 ${length[1]}M
dd if=ext4 of=raw bs=1M seek=${start[1]} conv=notrunc,sparse status=none
for ((at = start[2]; at < 568; at += 7)); do
    dd if=files/junk of=raw bs=1M seek=$at conv=notrunc status=none
done

# The disks, each in a directory of its own.
mkdir parents fresh delta cowd split packed
qemu-img create -q -f vmdk fresh/disk.vmdk 576M
qemu-img convert -f raw -O vmdk -o subformat=streamOptimized raw \
         parents/stream.vmdk
(cd delta && qemu-img create -q -f vmdk -F vmdk \
                      -b ../parents/stream.vmdk disk.vmdk)
qemu-img convert -f raw -O vmdk -o subformat=monolithicFlat raw \
         parents/flat.vmdk
nbdkit -U - vmdk create=true create-type=vmfs-sparse \
       create-parent=parents/flat.vmdk cowd/disk.vmdk --run true
nbdkit -U - vmdk create=true create-type=split-sparse create-size=3G \
       split/disk.vmdk --run true
nbdkit -U - vmdk create=true create-type=stream-optimized create-size=576M \
       packed/disk.vmdk --run true
rm raw ext4
[ "$(junk parents/flat-flat.vmdk)" -gt 100000 ] || fail "the parents lack junk"
sha256sum parents/* > parents.sums
disks=(fresh delta cowd split packed)

# Each line: a disk, a partition, its file system and what is in the end in
# it.  Where 'old' is expected, the file system is there already.
cat > systems <<'END'
fresh 1 ext4 new
fresh 2 xfs new
fresh 3 btrfs new
fresh 4 ntfs ntfs
delta 1 ext4 old
delta 2 xfs new
delta 3 btrfs new
delta 4 ntfs ntfs
cowd 1 ext4 old
cowd 4 ntfs ntfs
split 1 xfs new
packed 1 ext4 new
packed 2 btrfs new
packed 4 ntfs ntfs
END

# device DISK PARTITION: how the appliance calls it.
device ()
{
    local i
    for i in "${!disks[@]}"; do
        [ "${disks[i]}" != "$1" ] || echo "/dev/sd$(tr 0-4 a-e <<<$i)$2"
    done
}

# partition DISK FIRST LAST: guestfish commands for one more partition.
partition ()
{
    echo "part-add $(device $1 '') primary $(($2 * 2048)) $(($3 * 2048 - 1))"
}

# usage DISK WHEN: a guestfish command that notes the disk's KiB here.
usage ()
{
    echo "!du -sk $1 | cut -f 1 >> usage.$1.$2"
}

# fill DISK PARTITION FILESYSTEM CONTENT: guestfish commands.  The tree is
# written for good; a large file comes and goes, and its space is used again.
fill ()
{
    local dev
    dev=$(device $1 $2)
    [ $4 = old ] || echo "mkfs $3 $dev"
    if [ $3 = ntfs ]; then
        echo "mount-options compression,streams_interface=xattr $dev /"
    else
        echo "mount $dev /"
    fi
    echo "tar-in tree.tar /"
    echo "upload files/large /large"
    echo "sync"
    usage $1 before
    echo "rm /large"
    echo "sync"
    echo "fstrim /"
    echo "sync"
    usage $1 after
    echo "debug sh \"cd /sysroot && $edit_all\""
    [ $4 != old ] || echo "debug sh \"cd /sysroot && $edit_old\""
    [ $4 != ntfs ] || fill_ntfs
    echo "sync"
    echo "fstrim /"
    echo "umount /"
}

# Files that NTFS compresses, and ones that it leaves out: the blocks say so.
fill_ntfs ()
{
    echo "mkdir /comp"
    echo "debug sh \"setfattr -h -v 0x00000800 -n system.ntfs_attrib_be \
/sysroot/comp\""
    echo "upload files/text /text"
    echo "debug sh \"cd /sysroot && $edit_ntfs\""
    echo "sync"
    echo 'debug sh "test $(stat -c %b /sysroot/comp/text) -lt 2000"'
    echo 'debug sh "test $(stat -c %b /sysroot/sparse) -lt 2000"'
}

# The first appliance, through our servers.
sockets=()
for disk in "${disks[@]}"; do
    start_nbdkit vmdk $disk/disk.vmdk search=parents
    sockets+=("$sock")
done
{
    for i in "${!disks[@]}"; do
        echo "add '' format:raw protocol:nbd server:unix:${sockets[i]}" \
             "discard:enable"
    done
    echo "run"
    # The file system on the split disk lies across the end of a piece.
    echo "part-init $(device split '') gpt"
    partition split 1900 2230
    echo "part-init $(device fresh '') gpt"
    echo "part-init $(device packed '') gpt"
    for part in 1 2 3 4; do
        partition fresh ${start[part]} $((start[part] + length[part]))
        partition packed ${start[part]} $((start[part] + length[part]))
    done
    while read -r line; do
        fill $line
    done < systems
    echo "shutdown"
} > write.script
cat write.script
begun=$SECONDS
guestfish -f write.script
echo "writing took $((SECONDS - begun)) seconds"
stop_nbdkit

# Is the space of the large files given back?  All but what lies in grains
# that other files use as well.  A stream-optimized file gets smaller only when
# it is closed: see below.
for disk in fresh delta cowd split; do
    paste usage.$disk.before usage.$disk.after > usage
    while read -r before after; do
        echo "$disk: $before KiB, after trim $after KiB"
        [ $((before - after)) -ge 8192 ] || fail "$disk: trim freed too little"
    done < usage
done

# The disks by themselves.
sha256sum --quiet -c parents.sums || fail "a parent has changed"
for disk in "${disks[@]}"; do
    qemu-img check -f vmdk $disk/disk.vmdk || fail "$disk: qemu-img check"
done

# What the files hold of noise, and what the file systems take for themselves.
# The large file, three times, would not go into that.
PYTHONPATH=$abs_srcdir "$PYTHON" -m vmdkgen.conform packed/disk.vmdk
[ "$(stat -c %s packed/disk.vmdk)" -lt $((48 << 20)) ] ||
    fail "packed: $(stat -c %s packed/disk.vmdk) bytes"

# sound DISK PARTITION FILESYSTEM...: the host's checkers, on what
# qemu's driver finds in the files.  What no file uses has been trimmed: there
# the parent shines through no more.
sound ()
{
    local part=$tmpdir/part count
    [ $1 != split ] || return 0
    dd if=$1.raw of=$part bs=1M skip=${start[$2]} count=${length[$2]} \
       conv=sparse status=none
    count=$(junk $part)
    [ $count -eq 0 ] || fail "$1: $3: $count sectors of the parent's junk"
    case $3 in
        ext4)
            e2fsck -f -n $part || fail "$1: e2fsck" ;;
        ntfs)
            ntfsresize --info --force --no-progress-bar $part ||
                fail "$1: ntfsresize"
            ntfsinfo -F comp/text $part | grep -q COMPRESSED ||
                fail "$1: nothing is compressed"
            ntfsinfo -F sparse $part | grep -q SPARSE_FILE ||
                fail "$1: nothing is sparse" ;;
    esac
    rm $part
}
for disk in "${disks[@]}"; do
    qemu-img convert -f vmdk -O raw $disk/disk.vmdk $disk.raw
    while read -r line; do
        [ "${line%% *}" != $disk ] || sound $line
    done < systems
    rm $disk.raw
done

# look DISK PARTITION FILESYSTEM: guestfish commands that check the file
# system and leave the checksums of its files here.
look ()
{
    local dev
    dev=$(device $1 $2)
    case $3 in
        xfs)   echo "xfs-repair $dev nomodify:true | cat > repair.$1.$2" ;;
        btrfs) echo "btrfs-fsck $dev" ;;
    esac
    echo "mount-ro $dev /"
    echo "checksums-out sha256 / sums.$1.$2"
    echo "umount /"
}

# The second appliance, without us.
{
    for disk in "${disks[@]}"; do
        echo "add $disk/disk.vmdk format:vmdk readonly:true"
    done
    echo "run"
    while read -r line; do
        look $line
    done < systems
    echo "shutdown"
} > read.script
cat read.script
begun=$SECONDS
guestfish -f read.script
echo "reading took $((SECONDS - begun)) seconds"

status=0
while read -r disk part fs content; do
    name="$disk: $fs in partition $part"
    if [ $fs = xfs ] && [ "$(cat repair.$disk.$part)" != 0 ]; then
        echo "FAILED $name: xfs_repair says $(cat repair.$disk.$part)"
        status=1
    fi
    sort -k 2 sums.$disk.$part > found
    if diff expected/$content.sums found; then
        echo "ok $name, $(wc -l < found) files"
    else
        echo "FAILED $name"
        status=1
    fi
done < systems
sha256sum --quiet -c parents.sums || fail "a parent has changed"
exit $status
