# SPDX-License-Identifier: BSD-3-Clause
"""Stream-optimized disks that were written to are canonical when they are
closed; with stream-close=fast they can at least be walked.  Compressed
grains move as they are.  A session that changes nothing changes no byte."""

import os
import subprocess

from vmdkgen import check, conform, content, disk, model, refusal, written
from vmdkgen.verify import Difference


GRAIN = 16                              # qemu's has 128
STEP = GRAIN * 512
SIZE = 2 * 512 * GRAIN + 70 * GRAIN - 51        # three tables, an odd end
LAST = SIZE // GRAIN
DATA = content.scattered(SIZE, GRAIN, [0, 1, 2, 9, 600, 1030, LAST], 95)
CANONICAL, FAST = ["stream-close=canonical"], ["stream-close=fast"]


def by_qemu(sub, data):
    raw, path = sub.path("raw"), sub.path("d.vmdk")
    with open(raw, "wb") as f:
        f.write(data)
    subprocess.run(["qemu-img", "convert", "-O", "vmdk", "-o",
                    "subformat=streamOptimized", raw, path], check=True)
    os.unlink(raw)
    return path


MAKERS = {
    "a": {}, "b": {"layout": "B"}, "hybrid": {"layout": "hybrid"},
    "reversed": {"reverse": True}, "level-9": {"level": 9},
    "short-last": {"layout": "B", "full": False}, "qemu": None,
}


def make_disk(sub, label):
    """The path, and the bytes of the disk."""
    data = DATA.base().read(0, SIZE * 512)
    if MAKERS[label] is None:
        return by_qemu(sub, data), data
    return disk.streamed(sub, "d.vmdk", DATA, grain=GRAIN,
                         **MAKERS[label]).path, data


def packed(path, ops=()):
    """LBA -> compressed bytes of the grains that no request touches, nor
    are the last."""
    line, = check.descriptor(path).lines
    with check.open_extent(path, line) as extent:
        size = extent.grain * 512
        touched = {g for op in ops
                   for g in range(op.offset // size, (op.end - 1) // size + 1)}
        touched.add((SIZE * 512 - 1) // size)
        return {g * extent.grain: extent.packed(at)
                for g, at in extent.grains().items()
                if at > 1 and g not in touched}


def send(client, now, *ops):
    """Requests that must be done, all at once."""
    for op, error in client.run(list(ops)):
        model.judge(op, error)
        now.done(op)
    client.read_all(now, "after the requests")


def write(at, length):
    return model.Op("write", at, length, 0, model.POOL[at % 99991:][:length])


def session(path, now, ops, params=(), below=None, loose=False):
    """Open, send, close; the file is as it must be, and holds the bytes."""
    with written.connected(path, params, count=2) as client:
        if client.handles[0].is_read_only():
            raise Difference("it is served read-only")
        client.read_all(now, "at the start")
        send(client, now, *ops)
    written.check_files(path, now.data, below, loose=loose)


def idle(path, now, params=()):
    """Open, read, flush, close: no byte and no time changes."""
    directory = os.path.dirname(path)
    before = refusal.state(directory)
    with written.connected(path, params) as client:
        client.read_all(now, "in an idle session")
        client.handles[0].flush()
    if refusal.state(directory) != before:
        raise Difference("%s: an idle session has changed it" % path)


def layouts(d):
    """Every layout becomes canonical, and stays so."""
    for label in MAKERS:
        sub = d.sub("layout-" + label)
        path, data = make_disk(sub, label)
        now = model.Model(data)
        idle(path, now)
        ops = [write(9 * STEP, STEP), write(3 * STEP, 700)]
        before = packed(path, ops)
        if label in ("b", "hybrid", "short-last", "qemu"):
            session(path, now, [], CANONICAL)
        idle(path, now, CANONICAL)
        session(path, now, ops, CANONICAL)
        if len(before) < 2 or packed(path, ops) != before:
            raise Difference("%s: what nobody touched was packed anew" % path)
        written.check_by_qemu(path, now.data)
        idle(path, now)
        session(path, now, [write(700 * STEP + 5, 3 * STEP)])
        idle(path, now, CANONICAL)
        yield sub.serve("d.vmdk", written.Left(now.data))


def fast(d):
    """Closed fast, several times, then canonically."""
    for label in MAKERS:
        sub = d.sub("fast-" + label)
        path, data = make_disk(sub, label)
        now = model.Model(data)
        for turn in range(2):
            session(path, now, [write(turn * 5 * STEP + 9, 2 * STEP),
                                write((900 - turn) * STEP, STEP),
                                model.Op("trim", (600 + turn) * STEP, STEP)],
                    FAST, loose=True)
            idle(path, now)
            idle(path, now, FAST)
        written.check_by_qemu(path, now.data)
        session(path, now, [], CANONICAL)
        session(path, now, [write(5, 5)], CANONICAL)
        written.check_by_qemu(path, now.data)
        yield sub.serve("d.vmdk", written.Left(now.data))


def emptied(d):
    """All zeroed or trimmed: nothing but metadata is left."""
    for kind in ("zero", "trim", "write"):
        sub = d.sub("emptied-by-" + kind)
        path, data = make_disk(sub, "a")
        now = model.Model(data)
        session(path, now, [model.Op(kind, at, min(STEP, SIZE * 512 - at), 0,
                                     bytes(min(STEP, SIZE * 512 - at)))
                            for at in range(0, SIZE * 512, STEP)], CANONICAL)
        if now.data.count(0) != len(now.data):
            raise Difference("the test is wrong")
        wanted = (128 + 2 + 3) * 512
        if os.path.getsize(path) != wanted or packed(path):
            raise Difference("%s: %d bytes long, expected %d"
                             % (path, os.path.getsize(path), wanted))
        yield sub.serve("d.vmdk", written.Left(now.data))


def zeroed_in_a_child(d):
    """Zeroes over a parent's data are entries of 1, announced by a flag; or
    stored grains, if they must not be."""
    for label, params, flags in (("child", [], 0x30005),
                                 ("child-no-zeroed-grains",
                                  ["zeroed-grains=off"], 0x30001)):
        sub = d.sub(label)
        base = disk.mono(sub, "p.vmdk", content.full(SIZE, 96))
        link = disk.streamed(sub, "d.vmdk",
                             content.scattered(SIZE, GRAIN, [3, 4], 97),
                             parent=base, grain=GRAIN)
        now = model.Model(link.expected().read(0, SIZE * 512))
        ops = [model.Op("zero", 3 * STEP, STEP),
               model.Op("trim", 20 * STEP, 2 * STEP),
               model.Op("write", 30 * STEP, STEP, 0, bytes(STEP)),
               write(40 * STEP + 77, 99)]
        session(link.path, now, ops, CANONICAL + params, base.expected())
        line, = check.descriptor(link.path).lines
        with check.open_extent(link.path, line) as extent:
            entries = extent.grains()
            if extent.flags != flags:
                raise Difference("flags are 0x%x" % extent.flags)
        if sorted(entries) != [3, 4, 20, 21, 30, 40]:
            raise Difference("entries: %s" % entries)
        ones = [g for g, entry in entries.items() if entry == 1]
        if bool(params) == bool(ones) or set(ones) - {3, 20, 21, 30}:
            raise Difference("%s: zeroed grains: %s" % (label, ones))
        written.check_by_qemu(link.path, now.data)
        idle(link.path, now)
        yield sub.serve(link, written.Left(now.data))


def created(d):
    """A fresh disk is canonical at once, and after it was written to.  It
    has whole grains, since VMware's importers expect that."""
    for sectors in (1, 128, 65536, 65537, 80000):
        sub = d.sub("created-%d" % sectors)
        path = sub.path("d.vmdk")
        params = ["create=true", "create-size=%d" % (sectors * 512),
                  "create-type=stream-optimized"]
        size = -(-sectors // 128) * 65536
        now = model.Model(bytes(size))
        with written.connected(path, params) as client:
            client.read_all(now, "fresh")
        if conform.check(path, created=True):
            raise Difference("%s is not empty" % path)
        idle(path, now)
        os.unlink(path)
        with written.connected(path, params) as client:
            send(client, now, write(size - 200, 200), write(0, 1))
        if sorted(conform.check(path, created=True)) != sorted(
                {0, size // 512 - 128}):
            raise Difference("%s: wrong grains" % path)
        written.check_files(path, now.data)
        yield sub.serve("d.vmdk", written.Left(now.data),
                        label="created-%d" % sectors)


def created_child(d):
    """A stream-optimized child has the size of its parent, even if odd."""
    for label, maker in (("mono", disk.mono), ("streamed", disk.streamed)):
        sub = d.sub("child-of-" + label)
        base = maker(sub, "p.vmdk", DATA, grain=GRAIN)
        path = sub.path("d.vmdk")
        now = model.Model(base.expected().read(0, SIZE * 512))
        params = ["create=true", "create-parent=" + base.path,
                  "create-type=stream-optimized"]
        with written.connected(path, params) as client:
            client.read_all(now, "fresh")
            send(client, now, write(65536 - 3, 7),
                 model.Op("zero", 75 * 65536, 2 * 65536))
        written.check_files(path, now.data, base.expected())
        found = sorted(conform.check(path))
        if found != [0, 128, 75 * 128]:
            raise Difference("%s: grains at %s" % (path, found))
        written.check_by_qemu(path, now.data)
        yield sub.serve("d.vmdk", written.Left(now.data),
                        label="child-of-" + label)


def make(d):
    for part in (layouts, fast, emptied, zeroed_in_a_child, created,
                 created_child):
        yield from part(d)
