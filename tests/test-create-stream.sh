#!/bin/bash
# create=true create-type=stream-optimized makes an empty disk as the format
# document says byte by byte, of whole grains, up to 64 TiB; qemu, 7-Zip and
# libvmdk take it for what it is, and it is served empty.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires nbdinfo --version
requires qemu-img --version

make_tmpdir
mkdir "$tmpdir/d"
cd "$tmpdir/d"

K=1024
M=$((1 << 20))
G=$((1 << 30))
T=$((1 << 40))
tried=0
for peer in vmdkinfo 7z; do
    command -v $peer > /dev/null ||
        echo "not tested: what $peer thinks of it, since there is none"
done

# make BYTES [PARAMETER...]: x.vmdk, at once.
make ()
{
    local bytes=$1
    shift
    rm -f -- *
    timeout 30 nbdkit -U - vmdk create=true create-size="$bytes" \
            create-type=stream-optimized x.vmdk "$@" --run true ||
        fail "nbdkit $bytes $*"
}

# check BYTES [ARGUMENT...]: x.vmdk is as it must be, by two readers, and
# takes no space worth mentioning.
check ()
{
    local bytes=$1
    shift
    "$PYTHON" "$abs_srcdir/created.py" stream-optimized $((bytes / 512)) 6 \
              lsilogic x.vmdk "$@"
    PYTHONPATH=$abs_srcdir "$PYTHON" -m vmdkgen.conform --created x.vmdk
    [ "$(stat -c %b x.vmdk)" -le 64 ] || fail "$(stat -c %b x.vmdk) blocks"
}

# peers BYTES: what other programs make of x.vmdk, which has that size.
peers ()
{
    # qemu looks at every grain: ten seconds at 64 TiB.
    [ "$1" -gt $((3 * T)) ] || qemu-img check -q x.vmdk ||
        fail "qemu-img check"
    qemu-img info x.vmdk > "$tmpdir/info"
    grep -q "^virtual size: .*($1 bytes)" "$tmpdir/info" ||
        fail "qemu: $(cat "$tmpdir/info")"
    grep -q 'create type: streamOptimized' "$tmpdir/info"
    if command -v vmdkinfo > /dev/null; then
        vmdkinfo x.vmdk > "$tmpdir/info" || fail "vmdkinfo"
        grep -q 'Disk type:.*Stream optimized' "$tmpdir/info"
        grep -qE "Media size:.*[( ]$1 bytes" "$tmpdir/info" ||
            fail "$(cat "$tmpdir/info")"
    fi
    tried=$((tried + 1))
    [ "$1" -le $((5 * G)) ] || return 0
    truncate -s "$1" "$tmpdir/zeroes"
    qemu-img convert -O raw x.vmdk "$tmpdir/raw"
    [ "$(stat -c %s "$tmpdir/raw")" = "$1" ] || fail "qemu: the size"
    qemu-img compare -q -f raw -F raw "$tmpdir/zeroes" "$tmpdir/raw" ||
        fail "qemu reads something else than zeroes"
    if command -v 7z > /dev/null; then
        7z t x.vmdk > "$tmpdir/info" || fail "7z: $(cat "$tmpdir/info")"
        grep -q 'Method = "streamOptimized" zlib Marker' "$tmpdir/info"
        grep -qE "^Size: +$1\$" "$tmpdir/info" ||
            fail "7z: $(cat "$tmpdir/info")"
    fi
}

# served BYTES: nbdkit -r, too.
served ()
{
    nbdkit -U - -r vmdk x.vmdk \
           --run 'nbdinfo --size "$uri" && nbdinfo --map "$uri"' \
           > "$tmpdir/map"
    awk 'NR == 1 { print } NR > 1 { print $1, $2, $3 }' "$tmpdir/map" |
        diff - <(echo "$1"; echo 0 "$1" 3) || fail "it is served otherwise"
}

# Sizes at which the number of tables or the directory's length changes;
# odd ones, which become whole grains; and large ones.
for bytes in 512 $((64 * K - 512)) $((64 * K)) $((64 * K + 512)) \
             $((12345 * 512)) $((32 * M - 512)) $((32 * M)) \
             $((32 * M + 512)) $((G - 512)) $((4 * G)) \
             $((4 * G + 512)) $((200 * G)) $((2 * T)) $((2 * T + 512)) \
             $((62 * T)) $((64 * T - 512)) $((64 * T)); do
    whole=$(((bytes + 65535) / 65536 * 65536))
    echo "$bytes"
    make $bytes
    check $bytes
    peers $whole
    served $whole
done
[ $tried -eq 17 ] || fail "$tried sizes were tried"

# Whatever the name, the type and the extent are where those importers see
# them that read no more than 512 bytes of the descriptor.
name=$(printf '%0250d' 7).vmdk
nbdkit -U - vmdk create=true create-size=64T create-type=streamOptimized \
       create-hwversion=esx65 "$name" --run true
head -c 1024 "$name" | tail -c 512 | tr -d '\0' > "$tmpdir/begin"
grep -qxF 'createType="streamOptimized"' "$tmpdir/begin"
grep -qxF "RW 137438953472 SPARSE \"$name\"" "$tmpdir/begin" ||
    fail "$(cat "$tmpdir/begin")"
"$PYTHON" "$abs_srcdir/created.py" stream-optimized $((64 * T / 512)) 13 \
          lsilogic "$name"

# Keys of the disk database, for this type and for others.
tools=(create-toolsversion=10346 create-toolsinstalltype=4)
keys=(ddb.toolsVersion=10346 ddb.toolsInstallType=4)
make 1M "${tools[@]}"
check $M "${keys[@]}"
make 1M create-toolsversion=0 create-toolsinstalltype=2147483647
check $M ddb.toolsVersion=0 ddb.toolsInstallType=2147483647
for type in monolithic-sparse split-flat vmfs-thin; do
    rm -- *
    nbdkit -U - vmdk create=true create-size=1M create-type=$type x.vmdk \
           "${tools[@]}" create-uuid=00112233445566778899aabbccddeeff \
           --run true
    "$PYTHON" "$abs_srcdir/created.py" $type 2048 4 buslogic x.vmdk \
              "${keys[@]}" \
              "ddb.uuid=00 11 22 33 44 55 66 77-88 99 aa bb cc dd ee ff"
done

# UUIDs: VMware's form, whatever was given; the digits stay.
while read -r given && read -r written; do
    make 1M "create-uuid=$given"
    check $M "ddb.uuid=$written"
    peers $M
done <<'END'
60 00 C2 9f e4 0c 87 33-ea 3e c3 1b 2b 43 52 e9
60 00 C2 9f e4 0c 87 33-ea 3e c3 1b 2b 43 52 e9
6000C29f-e40c-8733-ea3e-c31b2b4352e9
60 00 C2 9f e4 0c 87 33-ea 3e c3 1b 2b 43 52 e9
6000c29fe40c8733ea3ec31b2b4352e9
60 00 c2 9f e4 0c 87 33-ea 3e c3 1b 2b 43 52 e9
E9E8E7E6-D5D4-C3C2-B1B0-A9A8A7A6A5A4
E9 E8 E7 E6 D5 D4 C3 C2-B1 B0 A9 A8 A7 A6 A5 A4
END

# With -r the disk is made all the same.
rm -- *
nbdkit -U - -r vmdk create=true create-size=1M x.vmdk \
       create-type=stream-optimized --run 'nbdinfo --is read-only "$uri"' ||
    fail "-r"
check $M

# No two disks have the same content IDs.
for i in {1..8}; do
    make 1M
    tr -d '\0' < x.vmdk | grep -aE '^CID=' >> "$tmpdir/cids"
    tr -d '\0' < x.vmdk | grep -aE 'longContentID' >> "$tmpdir/long"
done
for list in cids long; do
    [ "$(sort -u "$tmpdir/$list" | wc -l)" -eq 8 ] ||
        fail "content IDs: $(cat "$tmpdir/$list")"
done

# A child has its parent's size to the sector, and its CID; it says nothing
# of tools unless it is told to, since its parent may.
rm -- *
nbdkit -U - vmdk create=true create-size=$((12345 * 512)) parent.vmdk \
       --run 'nbdsh -u "$uri" -c "h.pwrite(b\"x\" * 4000, 300000)"'
cid=$(qemu-img info parent.vmdk | sed -n 's/^ *cid: //p')
printf -v cid %08x "$cid"
for more in "" " create-size=$((12345 * 512))"; do
    rm -f x.vmdk
    nbdkit -U - vmdk create=true create-type=streamOptimized x.vmdk \
           create-parent=parent.vmdk $more --run true
    "$PYTHON" "$abs_srcdir/created.py" stream-optimized 12345 4 buslogic \
              x.vmdk "$cid" parent.vmdk
done
qemu-img compare -q -f vmdk -F vmdk x.vmdk parent.vmdk
nbdkit -U - -r vmdk x.vmdk --run 'nbdinfo --size "$uri"' > "$tmpdir/size"
[ "$(cat "$tmpdir/size")" -eq $((12345 * 512)) ]
rm x.vmdk
nbdkit -U - vmdk create=true create-type=stream-optimized x.vmdk \
       create-parent=parent.vmdk "${tools[@]}" --run true
"$PYTHON" "$abs_srcdir/created.py" stream-optimized 12345 4 buslogic \
          x.vmdk "$cid" parent.vmdk "${keys[@]}"
rm x.vmdk

# Another size is refused, and both are named.
refused "6320640 bytes, found 6324224 bytes.*leave create-size out" \
        vmdk create=true create-type=stream-optimized \
        create-parent=parent.vmdk create-size=6324224 x.vmdk
