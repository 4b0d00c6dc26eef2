#!/bin/bash
# 7-Zip and libvmdk, each with code of its own for the format, find in the
# same files what we serve; where they cannot read a kind, it is not here.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires qemu-img --version
requires nbdcopy --version
requires nbdinfo --version
requires vmdkinfo -V
requires "$PYTHON" -c 'import pyvmdk'
if 7z i > /dev/null 2>&1; then
    zip=7z
else
    zip=7zz
fi
requires $zip i

make_tmpdir
cd "$tmpdir"
# libvmdk counts in 64 KiB, or it leaves out the end of some kinds.
size=50331648
"$PYTHON" "$abs_srcdir/make-raw.py" raw $size 12
chain=$abs_srcdir/raw-chain.py

# For 7-Zip: all but qemu's streams, whose tables are in front, and links
# that have a parent.
seven=()
# For libvmdk, which reads chains when it is given the parents, base first.
lib=()
for kind in monolithicSparse monolithicFlat twoGbMaxExtentSparse \
            twoGbMaxExtentFlat streamOptimized; do
    qemu-img convert -f raw -O vmdk -o subformat=$kind raw $kind.vmdk
    lib+=($kind.vmdk)
    [ $kind = streamOptimized ] || seven+=($kind.vmdk)
done
"$PYTHON" "$chain" raw stream stream
seven+=(stream/link0.vmdk "$abs_top_srcdir/examples/appliance.vmdk")
lib+=(stream/link0.vmdk "$abs_top_srcdir/examples/appliance.vmdk")
"$PYTHON" "$chain" raw cowd cowd=1
lib+=(cowd/link0.vmdk)
"$PYTHON" "$chain" raw grain16 hosted=16
seven+=(grain16/link0.vmdk)
lib+=(grain16/link0.vmdk)
"$PYTHON" "$chain" raw chain hosted=64 stream hosted
lib+=("chain/link0.vmdk chain/link1.vmdk chain/link2.vmdk")

cat > libvmdk.py <<'END'
import sys
import pyvmdk

# The base first; each is the parent of the next.
handles = []
for path in sys.argv[2:]:
    handle = pyvmdk.handle()
    handle.open(path)
    handle.open_extent_data_files()
    if handles:
        handle.set_parent(handles[-1])
    handles.append(handle)
top = handles[-1]
size = top.get_media_size()
with open(sys.argv[1], "wb") as f:
    at = 0
    while at < size:
        data = top.read_buffer_at_offset(min(1 << 20, size - at), at)
        assert data, at
        f.write(data)
        at += len(data)
END

# served DISK: what we say.
served ()
{
    start_nbdkit -r vmdk "$1"
    nbdcopy "$uri" ours
    bytes=$(nbdinfo --size "$uri")
    stop_nbdkit
}

for disk in "${seven[@]}"; do
    served "$disk"
    $zip x -y -bd -so -tvmdk "$disk" > theirs
    same theirs ours
done
for links in "${lib[@]}"; do
    disk=${links##* }
    served "$disk"
    # shellcheck disable=SC2086
    "$PYTHON" libvmdk.py theirs $links
    same theirs ours
    vmdkinfo "$disk" | grep -F "Media size:" | grep -F "($bytes bytes)"
done
