#!/bin/bash
# Block status keeps to the rules that servers and clients rely on: nothing
# beyond the request, even of 4 GiB - 1 on 8 TiB (servers before 1.44 abort
# on that), one extent when one is asked for, neighbours of different types,
# and answers that do not depend on where the question starts.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires_nbdsh
requires qemu-img --version
requires qemu-io --version
requires nbdinfo --version

make_tmpdir
cd "$tmpdir"

cat > status.py <<'END'
import random, sys
import nbd

uri, step = sys.argv[1], int(sys.argv[2])
rng = random.Random(5)
h = nbd.NBD()
h.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
h.connect_uri(uri)
size = h.get_size()
MAX = (1 << 32) - 1

def ask(offset, count, flags=0):
    """[(offset, length, type)] of one reply."""
    reply = []
    def extent(context, at, entries, error):
        assert context == nbd.CONTEXT_BASE_ALLOCATION and at == offset
        for length, kind in zip(entries[::2], entries[1::2]):
            reply.append((at, length, kind))
            at += length
        return 0
    h.block_status(count, offset, extent, flags)
    assert reply, "no extent for %d +%d" % (offset, count)
    for at, length, kind in reply:
        assert length > 0 and kind in (0, 3), (at, length, kind)
    end = reply[-1][0] + reply[-1][1]
    assert end <= offset + count, \
        "%d +%d answered up to %d" % (offset, count, end)
    for a, b in zip(reply, reply[1:]):
        assert a[2] != b[2], "neighbours alike at %d" % b[0]
    if flags & nbd.CMD_FLAG_REQ_ONE:
        assert len(reply) == 1, reply
    return reply

# The whole disk, in the longest requests there are.
whole, at = [], 0
while at < size:
    for offset, length, kind in ask(at, min(MAX, size - at)):
        if whole and whole[-1][2] == kind:
            whole[-1][1] += length
        else:
            whole.append([offset, length, kind])
        at = offset + length
print("%d extents of %d bytes" % (len(whole), size))
assert {kind for _, _, kind in whole} == {0, 3}

def kind_of(offset):
    return next(k for o, n, k in whole if o <= offset < o + n)

def agrees(reply):
    for at, length, kind in reply:
        for o, n, k in whole:
            if o < at + length and at < o + n:
                assert k == kind, (at, length, kind, o, n, k)

# Any other question gets the same answer.
edges = [o for o, _, _ in whole] + [size]
for n in range(400):
    if n % 2:
        offset = min(max(0, rng.choice(edges) + rng.randint(-700, 700)),
                     size - 1)
    else:
        offset = rng.randrange(size)
    limit = rng.choice((1, 511, 512, 70000, 1 << 25, MAX))
    count = min(rng.randint(1, limit), size - offset)
    flags = nbd.CMD_FLAG_REQ_ONE if n % 3 == 0 else 0
    reply = ask(offset, count, flags)
    agrees(reply)

# From many places, the longest request that is possible there; the first
# extent ends where it really ends.
for n in range(16):
    offset = (size // 16 * n + rng.randrange(512)) // step * step
    count = min(MAX, size - offset)
    for flags in (0, nbd.CMD_FLAG_REQ_ONE):
        reply = ask(offset, count, flags)
        assert kind_of(offset) == reply[0][2]
        agrees(reply)
h.shutdown()
END

for kind in monolithicSparse,zeroed_grain=on twoGbMaxExtentSparse; do
    mkdir disk
    qemu-img create -q -f vmdk -o subformat=$kind disk/d.vmdk 8T
    many_files qemu-io -t unsafe -f vmdk -c 'write -P 1 65536 65536' \
            -c 'write -P 1 196608 200000' -c 'write -P 1 2147418112 131072' \
            -c 'write -z 262144 65536' -c 'write -P 1 4294901760 131072' \
            -c 'write -P 1 5497558138880 1M' \
            -c 'write -P 1 8796093021696 512' disk/d.vmdk > /dev/null
    start_nbdkit vmdk disk/d.vmdk
    "$PYTHON" status.py "$uri" 1
    stop_nbdkit
    rm -r disk
done

# Flat disks: the holes are the host file's.
for kind in monolithicFlat twoGbMaxExtentFlat; do
    mkdir disk
    qemu-img create -q -f vmdk -o subformat=$kind disk/d.vmdk 5G
    qemu-io -t unsafe -f vmdk -c 'write -P 1 65536 65536' \
            -c 'write -P 1 2147418112 131072' -c 'write -P 1 3G 1M' \
            -c 'write -P 1 5368708608 512' disk/d.vmdk > /dev/null
    files=(disk/d-f*.vmdk)
    start_nbdkit vmdk disk/d.vmdk
    "$PYTHON" status.py "$uri" 512
    "$PYTHON" "$abs_srcdir/same-map.py" "$uri" --holes "${files[@]}"
    stop_nbdkit
    rm -r disk
done
