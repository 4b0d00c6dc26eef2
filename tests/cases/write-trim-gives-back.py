# SPDX-License-Identifier: BSD-3-Clause
"""What is trimmed takes no space in the host's files any more: after the
next flush already, and the file is shorter after the disk is closed.  What
is not trimmed stays, to the byte."""

import os

from vmdkgen import check, content, disk, model, writable, written
from vmdkgen.verify import Difference


MIB = 1 << 20
SIZE = 32 * MIB + 512 * 9
HEAD, TAIL = MIB + 100, SIZE - 7        # trimmed: what is between


def sparse(sub):
    return disk.mono(sub, "d.vmdk", content.empty(SIZE // 512))


def child(sub):
    base = disk.mono(sub, "p.vmdk", content.full(SIZE // 512, 75))
    return disk.mono(sub, "d.vmdk", content.empty(SIZE // 512), parent=base)


def split(sub):
    parts = [disk.sparse(sub, "s%d.vmdk" % i, content.empty(count))
             for i, count in enumerate((20000, 30000, SIZE // 512 - 50000))]
    return disk.link(sub, "d.vmdk", parts)


def redo(sub):
    part = disk.cowd(sub, "d-delta.vmdk", content.empty(SIZE // 512),
                     grain=16)
    return disk.link(sub, "d.vmdk", [part])


def flat(sub):
    part = disk.flat(sub, "d-flat.vmdk", content.empty(SIZE // 512))
    return disk.link(sub, "d.vmdk", [part])


def space(link):
    """Bytes in blocks, and bytes in length, of the files of the link."""
    infos = [os.stat(name) for name in check.files(link.path)]
    return (sum(info.st_blocks for info in infos) * 512,
            sum(info.st_size for info in infos))


def make(d):
    for maker in (sparse, child, split, redo, flat):
        label = maker.__name__
        sub = d.sub(label)
        link = maker(sub)
        kept = written.Untouched(writable.Target(link))
        now = model.Model(bytes(SIZE))
        with written.connected(link.path) as client:
            handle = client.handles[0]
            for at in range(0, SIZE, 2 * MIB):
                data = model.POOL[at // 99:][:min(2 * MIB, SIZE - at)]
                handle.pwrite(data, at)
                now.data[at:at + len(data)] = data
            handle.flush()
            full = space(link)[0]
            if full < SIZE:
                raise Difference("%s: only %d bytes in blocks"
                                 % (label, full))
            handle.trim(TAIL - HEAD, HEAD)
            now.data[HEAD:TAIL] = bytes(TAIL - HEAD)
            handle.flush()
            left = space(link)[0]
            if left > full - 30 * MIB:
                raise Difference("%s: %d bytes in blocks, then %d"
                                 % (label, full, left))
            client.read_all(now, "after the trim")
        if maker is not flat and space(link)[1] > SIZE * 11 // 10:
            raise Difference("%s: %d bytes long" % (label, space(link)[1]))
        kept.check()
        written.check_files(link.path, now.data)
        yield sub.serve(link, written.Left(now.data))
