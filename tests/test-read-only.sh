#!/bin/bash
# This version does not write: the export says so with and without -r,
# writes of all kinds are refused, and the files of the disk do not change
# in any way, times included.
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
assert not (h.can_trim() or h.can_zero() or h.can_fast_zero()
            or h.can_fua() or h.can_flush())
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

for disk in disks/{monolithicSparse,streamOptimized,monolithicFlat,child}.vmdk \
            disks/twoGbMaxExtentSparse.vmdk; do
    for option in "" -r; do
        # shellcheck disable=SC2086
        start_nbdkit $option vmdk $disk
        nbdinfo --is read-only "$uri"
        "$PYTHON" write.py "$uri"
        nbdinfo --map "$uri" > /dev/null
        nbdcopy "$uri" copy
        same raw copy
        stop_nbdkit
    done
done
state > after
diff before after

# Nor does it need the right to write.
chmod -R a-w disks
start_nbdkit vmdk disks/child.vmdk
nbdcopy "$uri" copy
same raw copy
stop_nbdkit
chmod -R u+w disks
