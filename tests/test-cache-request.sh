#!/bin/bash
# NBD_CMD_CACHE is accepted over any range, holes, plain and compressed
# grains alike, and what is read afterwards is right.  For compressed
# grains it does what it promises: they are not unpacked again.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires_nbdsh
requires qemu-img --version

make_tmpdir
cd "$tmpdir"
"$PYTHON" "$abs_srcdir/make-raw.py" raw 104859136 8
for kind in monolithicSparse streamOptimized monolithicFlat; do
    qemu-img convert -f raw -O vmdk -o subformat=$kind raw $kind.vmdk
done
qemu-img create -q -f vmdk -F vmdk -b streamOptimized.vmdk child.vmdk

cat > cache.py <<'END'
import random, sys
import nbd

rng = random.Random(9)
content = open(sys.argv[2], "rb").read()
size = len(content)
h = nbd.NBD()
h.connect_uri(sys.argv[1])
assert h.can_cache()
h.cache(size, 0)
h.cache(1, size - 1)
h.cache(1, 0)
for n in range(100):
    length = rng.randint(1, rng.choice((100, 70000, 5 << 20)))
    offset = rng.randrange(size - length)
    h.cache(length, offset)
    assert h.pread(length, offset) == content[offset:offset + length]
h.shutdown()
END
for disk in monolithicSparse streamOptimized monolithicFlat child; do
    start_nbdkit vmdk $disk.vmdk
    "$PYTHON" cache.py "$uri" raw
    stop_nbdkit
done

# The proof: bytes of a grain that is in the cache are served although the
# file behind it has been wiped since.
cp streamOptimized.vmdk wiped.vmdk
start_nbdkit vmdk wiped.vmdk
"$PYTHON" - "$uri" raw wiped.vmdk <<'END'
import nbd, os, sys
content = open(sys.argv[2], "rb").read()
h = nbd.NBD()
h.connect_uri(sys.argv[1])
h.cache(1 << 20, 65536)
size = os.stat(sys.argv[3]).st_size
with open(sys.argv[3], "r+b") as f:
    f.write(bytes(size))
assert h.pread(1 << 20, 65536) == content[65536:65536 + (1 << 20)]
# Others are not in the cache, and damage is noticed.
try:
    h.pread(4 << 20, 8 << 20)
    sys.exit("read from a file that was wiped")
except nbd.Error as e:
    assert e.errno == "EIO", e
h.shutdown()
END
stop_nbdkit
