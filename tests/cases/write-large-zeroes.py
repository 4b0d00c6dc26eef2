# SPDX-License-Identifier: BSD-3-Clause
"""Zero requests of 128 MiB and of 3 GiB over data never fail, and leave
zeroes in their range and everything else as it was.  (nbdkit's own fallback
for a plugin that refuses such a request forgets parts of it.)"""

import nbd

from vmdkgen import content, disk, model, writable, written
from vmdkgen.verify import Difference


GIB = 1 << 30
SIZE = 4 * GIB // 512 - 77
GRAINS = [0, 1, 511, 2048, 2049, 30000, 49151, 49152, 60000]
NO_HOLE, FUA = nbd.CMD_FLAG_NO_HOLE, nbd.CMD_FLAG_FUA
# Length, offset (none at a grain), flags; each on a disk of its own.
ZEROES = ((128 << 20, 64 * 1024 + 700, 0),
          (128 << 20, 1 + (128 << 20), NO_HOLE),
          (3 * GIB, 1000, FUA), (3 * GIB, 1000, 0),
          (3 * GIB, 1000, nbd.CMD_FLAG_FAST_ZERO))


def data():
    return content.scattered(SIZE, 128, GRAINS, 71)


def sparse(sub):
    return disk.mono(sub, "d.vmdk", data())


def flat(sub):
    return disk.link(sub, "d.vmdk", [disk.flat(sub, "d-flat.vmdk", data())])


def child(sub):
    parent = disk.mono(sub, "p.vmdk", data())
    upper = content.scattered(SIZE, 128, [1, 2, 3000], 72)
    return disk.mono(sub, "d.vmdk", upper, parent=parent)


def child_without(sub):
    return child(sub)


def redo(sub):
    parent = disk.mono(sub, "p.vmdk", data())
    upper = content.scattered(SIZE, 16, [9, 2000], 73)
    part = disk.cowd(sub, "d-delta.vmdk", upper, grain=16)
    return disk.link(sub, "d.vmdk", [part], parent=parent)


def expected(link, start, end):
    """The content of the disk when [start, end) is zero: each byte of a
    sector at an edge by itself."""
    whole = link.expected()

    def read(offset, length):
        out = bytearray(whole.read(offset, length))
        low, high = max(start, offset), min(end, offset + length)
        if low < high:
            out[low - offset:high - offset] = bytes(high - low)
        return bytes(out)
    return read


def places(start, end):
    """Where to look: every grain with data, and both edges."""
    windows = [(g * 65536, 65536) for g in GRAINS + [2, 3, 250, 3000]]
    windows += [(max(0, at - 70000), 140000) for at in (start, end)]
    windows.append((SIZE * 512 - 4096, 4096))
    return windows


def zero(label, link, params, status, length, offset, flags):
    """One request.  status: it must leave nothing but holes."""
    with written.connected(link.path, params) as client:
        op = model.Op("zero", offset, length, flags)
        (_, error), = client.run([op])
        done = model.judge(op, error)
        start, end = (offset, offset + length) if done else (0, 0)
        read = expected(link, start, end)
        for at, count in places(offset, offset + length):
            found = client.handles[0].pread(count, at)
            if found != read(at, count):
                raise Difference("%s: %s: wrong bytes in %d+%d"
                                 % (label, op, at, count))
        if status and not flags & NO_HOLE:
            written.check_zero_status(client.handles[0], start, end)


def make(d):
    for maker, params in ((sparse, []), (flat, []), (child, []),
                          (child_without, ["zeroed-grains=off"]),
                          (redo, [])):
        for number, request in enumerate(ZEROES):
            label = "%s-%d" % (maker.__name__, number)
            sub = d.sub(label)
            link = maker(sub)
            kept = written.Untouched(writable.Target(link))
            status = maker in (sparse, flat, child)
            zero(label, link, params, status, *request)
            kept.check()
            written.check_files(link.path, None)
    sub = d.sub("as-it-was")
    yield sub.serve(sparse(sub))
