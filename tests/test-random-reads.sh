#!/bin/bash
# Reads of any offset and length, many in flight, the first sixteen of them
# at once on a table that nobody has read yet: each gets its own bytes.  On
# compressed, sparse and chained disks, with one and four connections.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires_nbdsh
requires qemu-img --version
requires qemu-io --version

make_tmpdir
cd "$tmpdir"
"$PYTHON" "$abs_srcdir/make-raw.py" raw 104859136 2
for kind in monolithicSparse streamOptimized; do
    qemu-img convert -f raw -O vmdk -o subformat=$kind raw $kind.vmdk
done
# A child whose grains are every third of the first 24 MiB, and no others.
qemu-img create -q -f vmdk -F vmdk -b streamOptimized.vmdk child.vmdk
for ((n = 0; n < 128; n++)); do
    echo "write -P $((n + 1)) $((n * 3 * 65536 + 100)) 65536"
done | qemu-io -t unsafe -f vmdk child.vmdk > /dev/null
qemu-img convert -f vmdk -O raw child.vmdk child.raw
"$PYTHON" "$abs_srcdir/raw-chain.py" raw mixed hosted=16 cowd=1 sesparse

cat > reads.py <<'END'
import random, sys
import nbd

uri, raw, connections, seed = sys.argv[1:]
rng = random.Random(seed)
content = open(raw, "rb").read()
size = len(content)

def random_range(longest):
    length = rng.randint(1, longest)
    offset = rng.randrange(size - length + 1)
    if rng.random() < 0.2:
        offset = max(0, offset & -65536) - rng.choice((0, 1, 3))
        offset = min(max(offset, 0), size - length)
    return offset, length

def all_at_once(handles, ranges):
    """Every read under way before the first answer is looked at."""
    pending = []
    for n, (offset, length) in enumerate(ranges):
        h, buf = handles[n % len(handles)], nbd.Buffer(length)
        pending.append((h, h.aio_pread(buf, offset), buf, offset, length))
    for h, cookie, buf, offset, length in pending:
        while not h.aio_command_completed(cookie):
            h.poll(-1)
        if buf.to_bytearray() != content[offset:offset + length]:
            sys.exit("wrong bytes: %d at %d" % (length, offset))

handles = []
for _ in range(int(connections)):
    h = nbd.NBD()
    h.connect_uri(uri)
    handles.append(h)
assert all(h.get_size() == size and h.can_multi_conn() for h in handles)
# One table covers 32 MiB; the cache is empty.
all_at_once(handles, [(65536 * n + 7, 4099) for n in range(16)])
all_at_once(handles, [(65536, 65536)] * 64)
all_at_once(handles, [(size - n, n) for n in range(1, 700)])
for _ in range(6):
    all_at_once(handles, [random_range(3000) for _ in range(150)])
    all_at_once(handles, [random_range(400000) for _ in range(40)])
all_at_once(handles, [random_range(16 << 20) for _ in range(8)])
for h in handles:
    h.shutdown()
END

for n in 1 4; do
    for disk in monolithicSparse streamOptimized mixed/link2; do
        start_nbdkit vmdk $disk.vmdk
        "$PYTHON" reads.py "$uri" raw $n $n-$disk
        stop_nbdkit
    done
    start_nbdkit vmdk child.vmdk
    "$PYTHON" reads.py "$uri" child.raw $n $n-child
    stop_nbdkit
done

# The same with a cache that holds almost nothing.
start_nbdkit vmdk streamOptimized.vmdk cache-size=1M
"$PYTHON" reads.py "$uri" raw 4 small-cache
stop_nbdkit
