# SPDX-License-Identifier: BSD-3-Clause
"""A disk that is filled, trimmed and filled again, ten times, is no larger
in the end than 1.1 times its data, in length and in blocks, whether it is
flushed in between or not."""

import os

from vmdkgen import check, content, disk, model, writable, written
from vmdkgen.verify import Difference


MIB = 1 << 20
SIZE = 64 * MIB
TURNS = 10


def sparse(sub):
    return disk.mono(sub, "d.vmdk", content.empty(SIZE // 512))


def child(sub):
    base = disk.mono(sub, "p.vmdk", content.scattered(
        SIZE // 512, 128, range(0, 1024, 3), 74))
    return disk.mono(sub, "d.vmdk", content.empty(SIZE // 512), parent=base)


def redo(sub):
    part = disk.cowd(sub, "d-delta.vmdk", content.empty(SIZE // 512),
                     grain=8)
    return disk.link(sub, "d.vmdk", [part])


def piece(turn, at):
    """A MiB of data, another in each turn."""
    start = (turn * 131071 + at // MIB * 8191) % (len(model.POOL) - MIB)
    return model.POOL[start:start + MIB]


def fill(client, turn):
    for at in range(0, SIZE, 8 * MIB):
        ops = [model.Op("write", x, MIB, 0, piece(turn, x))
               for x in range(at, at + 8 * MIB, MIB)]
        for one, error in client.run(ops):
            model.judge(one, error)


def trim(client, whole):
    step = SIZE if whole else MIB * 3 // 2 + 512
    for at in range(0, SIZE, step):
        client.handles[0].trim(min(step, SIZE - at), at)


def flush(client, wanted):
    if wanted:
        client.handles[0].flush()


def must_fit(label, link):
    for name in check.files(link.path):
        info = os.stat(name)
        if max(info.st_size, info.st_blocks * 512) > SIZE * 11 // 10:
            raise Difference("%s: %d MiB of data take %d bytes, %d in blocks"
                             % (label, SIZE // MIB, info.st_size,
                                info.st_blocks * 512))


def make(d):
    for maker, flushed in ((sparse, True), (sparse, False),
                           (child, False), (redo, True)):
        label = maker.__name__ + ("-flushed" if flushed else "")
        sub = d.sub(label)
        link = maker(sub)
        kept = written.Untouched(writable.Target(link))
        with written.connected(link.path, count=2) as client:
            for turn in range(TURNS):
                fill(client, turn)
                flush(client, flushed)
                if turn < TURNS - 1:
                    trim(client, turn % 2)
                    flush(client, flushed)
        must_fit(label, link)
        want = b"".join(piece(TURNS - 1, at) for at in range(0, SIZE, MIB))
        kept.check()
        written.check_files(link.path, want)
        yield sub.serve(link, written.Left(want), label=label)
        for name in check.files(link.path):
            os.unlink(name)
