#!/bin/bash
# With -r, and without it when the disk cannot be written: the export says
# so, writes of all kinds are refused, and the files of the disk do not change
# in any way, times included.  Nor do they when a client that may write to
# them only reads.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires_nbdsh
requires qemu-img --version
requires nbdinfo --version
requires nbdcopy --version

make_tmpdir
cd "$tmpdir"
"$PYTHON" "$abs_srcdir/make-raw.py" raw 30000128 4
mkdir disks
cd disks
for kind in monolithicSparse streamOptimized monolithicFlat \
            twoGbMaxExtentSparse; do
    qemu-img convert -f raw -O vmdk -o subformat=$kind ../raw $kind.vmdk
done
qemu-img create -q -f vmdk -F vmdk -b monolithicSparse.vmdk child.vmdk
cd ..

state ()
{
    find disks -type f -printf '%p %s %m %i %T@ %C@\n' | sort
    find disks -type f | sort | xargs sha256sum
}
state > before

cat > write.py <<'END'
import sys
import nbd

h = nbd.NBD()
h.connect_uri(sys.argv[1])
assert h.is_read_only()
assert not (h.can_trim() or h.can_zero() or h.can_fast_zero())
# Let libnbd send what it knows to be refused.
h.set_strict_mode(0)
old = h.pread(65536, 0)
for write in (lambda: h.pwrite(bytes(512), 0), lambda: h.zero(65536, 0),
              lambda: h.trim(65536, 0), lambda: h.pwrite(b"x", 999999)):
    try:
        write()
    except nbd.Error as e:
        assert e.errno in ("EPERM", "EROFS", "EINVAL"), e
    else:
        sys.exit("a write was not refused")
assert h.pread(65536, 0) == old
h.shutdown()
END

# served READONLY ARGUMENT...: the disk, served like this, reads well.
served ()
{
    local readonly=$1
    shift
    start_nbdkit "$@"
    if [ $readonly = yes ]; then
        nbdinfo --is read-only "$uri"
        "$PYTHON" write.py "$uri"
    elif nbdinfo --is read-only "$uri"; then
        fail "it is read-only"
    fi
    nbdinfo --map "$uri" > /dev/null
    nbdcopy "$uri" copy
    same raw copy
    stop_nbdkit
}

for disk in disks/{monolithicSparse,streamOptimized,monolithicFlat,child}.vmdk \
            disks/twoGbMaxExtentSparse.vmdk; do
    served yes -r vmdk $disk
    served no vmdk $disk
done
state > after
diff before after
