# SPDX-License-Identifier: BSD-3-Clause
"""Files that end, or lie, where few do: not at a sector, in the last grain,
behind 2 TiB; a header that states more than the descriptor; two extents in
one file."""

import errno
import os
import time

from vmdkgen import check, content, disk, model, refusal, written
from vmdkgen.verify import Difference


GRAIN = 8
STEP = GRAIN * 512
SIZE = 300 * GRAIN + 3
SECONDS = 15                    # for a connection, on a busy machine
FAR = (2 << 40) + (1 << 30)     # bytes
LAST_SECTOR = 1 << 32           # the first that no entry can name


def send(client, now, kind, at, length, full=False):
    """One request; with full it may also fail for lack of space.  Returns
    whether it was done."""
    data = model.POOL[at % 7919:][:length] if kind == "write" else b""
    op = model.Op(kind, at, length, 0, data)
    (_, error), = client.run([op])
    if full and error == "ENOSPC":
        client.read_all(now, "after what failed")
        return False
    model.judge(op, error)
    now.done(op)
    client.read_all(now, "after " + str(op))
    return True


def begin(link):
    return model.Model(link.expected().read(0, link.layer.size * 512))


def writable(client):
    if client.handles[0].is_read_only():
        raise Difference("it is served read-only")


def again(link, now):
    """The same after the server was started again."""
    with written.connected(link.path) as client:
        writable(client)
        client.read_all(now, "after another start")


def not_a_sector(sub, **options):
    """Three bytes behind the last sector."""
    link = disk.mono(sub, "d.vmdk",
                     content.pattern(SIZE, GRAIN, "DD.D", 81), grain=GRAIN,
                     **options)
    link.image.append(b"abc")
    now = begin(link)
    known = check.known(link.path)
    with written.connected(link.path) as client:
        writable(client)
        for at in (2 * STEP + 9, 50 * STEP, 299 * STEP + 5, 300 * STEP):
            send(client, now, "write", at, 600)
    again(link, now)
    written.check_files(link.path, now.data, leaks=True, tail=True,
                        known=known)
    written.check_by_qemu(link.path, now.data)
    return link, now


def last_grain_is_cut(sub, child):
    """A COWD file that ends with the capacity inside the last grain, and a
    freeSector from before that grain."""
    parent = disk.mono(sub, "p.vmdk", content.full(SIZE, 82)) if child \
        else None
    last = 300
    data = content.scattered(SIZE, GRAIN, [0, 1, 7, last], 83)
    part = disk.cowd(sub, "d-delta.vmdk", data, grain=GRAIN)
    image = part.image
    image.set_header("freeSector", image.grains[last])
    image.truncate((image.grains[last] + SIZE - last * GRAIN) * 512)
    link = disk.link(sub, "d.vmdk", [part], parent=parent)
    now = begin(link)
    with written.connected(link.path) as client:
        writable(client)
        send(client, now, "write", 100 * STEP, STEP)
        sound(link)
        send(client, now, "trim", last * STEP, SIZE * 512 - last * STEP)
        client.run([model.Op("flush")])
        for g in (20, 21, 30, last, 40):
            send(client, now, "write", g * STEP + 5, 900)
    again(link, now)
    written.check_files(link.path, now.data)
    written.check_by_qemu(link.path, now.data)
    return link, now


def sound(link):
    """No two owners of a place, while the server runs."""
    found = [one for one in check.check(link.path, unclean=True)
             if "overlaps" in one]
    if found:
        raise Difference("; ".join(found))


def behind_2tib(sub, near_the_end):
    """A file that is longer than entries can tell.  near_the_end: there is
    room for two grains before what they can."""
    fields = {"overHead": LAST_SECTOR - 2 * GRAIN} if near_the_end else {}
    link = disk.mono(sub, "d.vmdk",
                     content.pattern(SIZE, GRAIN, "DD.D", 84), grain=GRAIN,
                     fields=fields)
    try:
        os.truncate(link.path, FAR)
    except OSError as e:
        if e.errno not in (errno.EFBIG, errno.EINVAL):
            raise
        print("-- no files of 2 TiB here")
        return None, None
    now = begin(link)
    before = check.known(link.path)["d.vmdk"]
    done = 0
    began = time.monotonic()
    with written.connected(link.path, errors=near_the_end) as client:
        writable(client)
        if time.monotonic() - began > SECONDS:
            raise Difference("a connection takes too long")
        for g in (2, 50, 60, 299, 300):
            done += send(client, now, "write", g * STEP + 5, 900,
                         near_the_end)
    if done < (2 if near_the_end else 5):
        raise Difference("only %d writes were done" % done)
    again(link, now)
    written.check_files(link.path, now.data, tail=True)
    first = fields.get("overHead", 1)
    for at in check.known(link.path)["d.vmdk"] - before:
        if at < first:
            raise Difference("a new grain is at sector %d" % at)
    return link, now


def one_file(sub, lines, seed):
    """A link of FLAT lines (access, count, offset) in one file."""
    whole = content.full(3000, seed)
    disk.raw_file(sub.path("d.raw"), whole)
    parts = [disk.Part(disk.extent_line(count, "FLAT", "d.raw", offset,
                                        access),
                       whole.slice(offset, count))
             for access, count, offset in lines]
    return disk.link(sub, "d.vmdk", parts), whole.read(0, 3000 * 512)


def two_in_one_file(sub):
    """The first RDONLY, the second RW."""
    link, whole = one_file(sub, (("RDONLY", 1000, 0), ("RW", 1500, 1200)),
                           85)
    now = begin(link)
    with written.connected(link.path, errors=True) as client:
        writable(client)
        for kind, at in (("write", 0), ("zero", 512), ("trim", 99 * 512),
                         ("write", 1000 * 512 - 100)):
            op = model.Op(kind, at, 100, 0, model.POOL[:100], "EPERM")
            for one, error in client.run([op]):
                model.judge(one, error)
        for at in (1000 * 512, 1700 * 512 + 3, 2500 * 512 - 300):
            send(client, now, "write", at, 300)
        send(client, now, "zero", 2000 * 512, 7000)
    with open(sub.path("d.raw"), "rb") as f:
        found = f.read()
    if found[:1200 * 512] != whole[:1200 * 512] or \
            found[2700 * 512:] != whole[2700 * 512:]:
        raise Difference("the file has changed outside the second extent")
    if found[1200 * 512:2700 * 512] != now.data[1000 * 512:]:
        raise Difference("the second extent is not in its place")
    return link, now


def make(d):
    for label, options in (("plain", {}),
                           ("short", {"short": True, "order": "shuffle"}),
                           ("unaligned", {"align": 1, "gap": 1})):
        sub = d.sub("three-bytes-more-" + label)
        link, now = not_a_sector(sub, **options)
        yield sub.serve(link, written.Left(now.data))
    for label in ("base", "child"):
        sub = d.sub("cowd-last-grain-is-cut-" + label)
        link, now = last_grain_is_cut(sub, label == "child")
        yield sub.serve(link, written.Left(now.data))
    for label in ("start", "end"):
        sub = d.sub("2tib-" + label)
        link, now = behind_2tib(sub, label == "end")
        if link:
            yield sub.serve(link, written.Left(now.data))

    sub = d.sub("cowd-header-states-twice")
    part = disk.cowd(sub, "d-delta.vmdk",
                     content.pattern(10000, 1, "D.D" * 3000, 86), count=5000)
    link = disk.link(sub, "d.vmdk", [part])
    refusal.check(link.path, "its header states a much larger capacity")
    yield sub.serve(link)

    sub = d.sub("two-in-one-file")
    link, now = two_in_one_file(sub)
    yield sub.serve(link, written.Left(now.data))
    sub = d.sub("two-overlap")
    link, _ = one_file(sub, (("RW", 1000, 0), ("RW", 1000, 999)), 87)
    refusal.check(link.path, "two of its extents share a part of one file")
    yield sub.serve(link)
