#!/bin/bash
# create=true makes each type of disk, at sizes around every boundary, as
# the format document says byte by byte; qemu and libvmdk open it, and it is
# served empty.
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

# Can space be reserved here without writing?
if fallocate -l 1M probe; then reserves=true; else reserves=false; fi
rm -f probe

all="monolithic-sparse monolithic-flat split-sparse split-flat"
all+=" vmfs-flat vmfs-thin vmfs-sparse"
G=$((1 << 30))

# peers TYPE BYTES: other programs agree about x.vmdk.
peers ()
{
    qemu-img info x.vmdk > info
    grep -q "^virtual size: .*($2 bytes)" info || fail "qemu: $(cat info)"
    rm info
    case $1 in
        *lithic-sparse|split-sparse)
            qemu-img check -q x.vmdk || fail "qemu-img check" ;;
    esac
    command -v vmdkinfo > /dev/null || return 0
    vmdkinfo x.vmdk > info || fail "vmdkinfo"
    grep -E "Media size:.*[( ]$2 bytes" info || fail "$(cat info)"
    rm info
}

# make TYPE BYTES [PARAMETER...]: x.vmdk, which is served empty.
make ()
{
    local type=$1 bytes=$2
    shift 2
    rm -f -- *
    nbdkit -U - vmdk create=true create-size=$bytes create-type=$type \
           x.vmdk "$@" --run 'true' || fail "nbdkit $type $bytes $*"
}

for bytes in 512 $((12345 * 512)) $((10 << 20)) $((G - 512)) $G \
             $((2 * G - 512)) $((2 * G)) $((3 * G + 7 * 512)) $((5 * G)) \
             $((200 * G)) $((8192 * G)); do
    case $bytes in
        $((200 * G)))  types=split-sparse ;;
        $((8192 * G))) types="monolithic-sparse vmfs-thin" ;;
        *)             types=$all ;;
    esac
    for type in $types; do
        echo "$type $bytes"
        make $type $bytes
        "$PYTHON" "$abs_srcdir/created.py" $type $((bytes / 512)) 4 \
                  buslogic x.vmdk
        case $type-$reserves in
            *-flat-true)
                [ "$(stat -c %b ./x-*.vmdk |
                     awk '{ n += $1 } END { printf "%d", 512 * n }')" \
                  -ge $bytes ] ||
                    fail "no space is reserved" ;;
            vmfs-thin-*)
                [ "$(stat -c %b x-flat.vmdk)" -lt 64 ] ||
                    fail "a thin disk takes space" ;;
        esac
        peers $type $bytes
        nbdkit -U - -r vmdk x.vmdk --run 'nbdinfo --size "$uri"' > size
        [ "$(cat size)" = $bytes ] || fail "it is served with $(cat size)"
        [[ $type != *-flat ]] || continue
        nbdkit -U - -r vmdk x.vmdk --run 'nbdinfo --map --totals "$uri"' > map
        grep -q "100.0% *3 *hole,zero" map || fail "it is not empty"
    done
done

# Every size at which something of the layout changes, but one sector.
for tables in 1 2 127 128 129; do
    for more in -1 0 1; do
        sectors=$((tables * 65536 + more))
        make monolithicSparse $((sectors * 512))
        "$PYTHON" "$abs_srcdir/created.py" monolithic-sparse $sectors 4 \
                  buslogic x.vmdk
    done
done

# The largest COWD, and 2 TiB of sparse, the first that 32 bits cannot count.
make vmfsSparse $((2048 * G - 512))
"$PYTHON" "$abs_srcdir/created.py" vmfs-sparse $((0xffffffff)) 4 buslogic x.vmdk
peers vmfs-sparse $((2048 * G - 512))
make MonolithicSparse $((2048 * G))
"$PYTHON" "$abs_srcdir/created.py" monolithic-sparse $((1 << 32)) 4 \
          buslogic x.vmdk

# spelled TYPE NAME: the format's names mean the same.
while read -r type name; do
    make $name 1M
    "$PYTHON" "$abs_srcdir/created.py" $type 2048 4 buslogic x.vmdk
done <<'END'
monolithic-sparse monolithicsparse
monolithic-flat monolithicFlat
split-sparse twoGbMaxExtentSparse
split-flat TWOGBMAXEXTENTFLAT
vmfs-flat vmfs
vmfs-thin vmfsThin
vmfs-sparse VMFSsparse
monolithic-flat Monolithic-Flat
END

# Hardware versions.
while read -r name number; do
    for type in monolithic-sparse vmfs-thin; do
        make $type 1M create-hwversion=$name
        "$PYTHON" "$abs_srcdir/created.py" $type 2048 $number buslogic x.vmdk
    done
done <<'END'
workstation4 3
workstation5 4
workstation6 6
esx30 4
esx4x 7
esx50 8
esx51 9
esx55 10
esx60 11
esx65 13
ESX65 13
1 1
21 21
END

# Adapters and the geometries that go with them.  Numbers that are not ours:
# VMware's own samples and the table of its rules.
while read -r adapter written sectors c h s; do
    make vmfs-thin $((sectors * 512)) create-adapter-type=$adapter
    "$PYTHON" "$abs_srcdir/created.py" vmfs-thin $sectors 4 $written x.vmdk
    for line in "cylinders = \"$c\"" "heads = \"$h\"" "sectors = \"$s\""; do
        grep -qxF "ddb.geometry.$line" x.vmdk || fail "not $line"
    done
done <<'END'
ide ide 204800 203 16 63
ide ide 10485760 10402 16 63
ide ide 6442450944 16383 16 63
scsi-buslogic buslogic 4096 2 64 32
scsi-lsilogic lsilogic 2097151 1023 64 32
scsi-lsilogic lsilogic 2097152 512 128 32
lsilogic lsilogic 4194303 1023 128 32
buslogic buslogic 4194304 261 255 63
lsisas1068 lsilogic 10485760 652 255 63
pvscsi lsilogic 10485760 652 255 63
END

# Names: the extents' follow that of the descriptor.
for name in disk.VMDK disk "my disk.vmdk" .hidden.vmdk "größe.vmdk" \
            a.b.vmdk vmdk; do
    for type in split-sparse monolithic-sparse; do
        rm -f -- * .hidden*
        nbdkit -U - vmdk create=true create-size=3G create-type=$type \
               create-hwversion=esx65 file="$name" --run true
        "$PYTHON" "$abs_srcdir/created.py" $type $((6 << 20)) 13 buslogic \
                  "$name"
    done
done

# Elsewhere, and by other names of the directory.
mkdir sub
ln -s sub link
for path in sub/x.vmdk ./sub/../sub/y.vmdk "$PWD/link/z.vmdk"; do
    nbdkit -U - vmdk create=1 create-size=1M create-type=vmfs-flat \
           "$path" --run true
    "$PYTHON" "$abs_srcdir/created.py" vmfs-flat 2048 4 buslogic "$path"
done
[ "$(ls sub | wc -l)" -eq 6 ] || fail "files in sub: $(ls sub)"

# No two disks have the same long content ID.
[ "$(grep -h longContentID sub/[xyz].vmdk | sort -u | wc -l)" -eq 3 ] ||
    fail "long content IDs: $(grep longContentID sub/[xyz].vmdk)"
