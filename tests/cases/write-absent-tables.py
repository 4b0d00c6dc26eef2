# SPDX-License-Identifier: BSD-3-Clause
"""Grain tables that do not exist.

Where neither copy does, a write makes both (qemu: b14).  Where only the
redundant one is missing, a proper one is made or the disk is not written to
at all (qemu: b12).  The header does not change in either case, but for the
sectors of overhead."""

from vmdkgen import content, disk, hosted, model, written
from vmdkgen.verify import Difference


SIZE = 128 * 8 * 6 + 5          # seven tables


def header(path):
    """The header without overHead."""
    with open(path, "rb") as f:
        block = bytearray(f.read(512))
    at = hosted.FIELDS["overHead"][0]
    block[at:at + 8] = bytes(8)
    return bytes(block)


def write(path, now):
    """Something in every table; False if the disk is read-only."""
    with written.connected(path) as client:
        if client.handles[0].is_read_only():
            return False
        for at, length in ((SIZE * 512 - 9, 9), (3 << 19, 100), (0, 5),
                           (70000, 900000), ((4 << 19) - 3000, 6000),
                           ((1 << 19) + 5, 2 << 20)):
            op = model.Op("write", at, length, 0,
                          model.POOL[at % 7777:][:length])
            for one, error in client.run([op]):
                model.judge(one, error)
            now.done(op)
            client.read_all(now, "after " + str(op))
    return True


def fresh(label, sub):
    """A disk with some tables, or none; a child if the label says so."""
    parent = None
    if "child" in label:
        parent = disk.mono(sub, "p.vmdk", content.full(SIZE, 64))
    data = content.empty(SIZE)
    if "some" in label:
        data = content.scattered(SIZE, 8, [3, 140, 600], 65)
    return disk.mono(sub, "d.vmdk", data, parent=parent, grain=8, gtes=128,
                     tables="used", redundant="one-copy" not in label)


def make(d):
    for label in ("none", "some", "child-none", "child-some",
                  "one-copy-none", "one-copy-some-child"):
        sub = d.sub(label)
        link = fresh(label, sub)
        before = header(link.path)
        now = model.Model(link.expected().read(0, SIZE * 512))
        if not write(link.path, now):
            raise Difference("%s: served read-only" % label)
        if header(link.path) != before:
            raise Difference("%s: the header has changed" % label)
        written.check_files(link.path, now.data)
        written.check_by_qemu(link.path, now.data)
        yield sub.serve(link, written.Left(now.data))

    for label, tables in (("redundant-entry-0", [2]),
                          ("redundant-entries-0", range(7))):
        sub = d.sub(label)
        data = content.scattered(SIZE, 8, [3, 140, 600], 66)
        link = disk.mono(sub, "d.vmdk", data, grain=8, gtes=128)
        for index in tables:
            link.image.set_gde(index, 0, redundant=True)
        whole = link.image.peek(0, link.image.file_size())
        before = header(link.path)
        now = model.Model(link.expected().read(0, SIZE * 512))
        if write(link.path, now):
            written.check_files(link.path, now.data)
            written.check_by_qemu(link.path, now.data)
            if header(link.path) != before:
                raise Difference("%s: the header has changed" % label)
            yield sub.serve(link, written.Left(now.data))
        else:
            if link.image.peek(0, link.image.file_size() + 1) != whole:
                raise Difference("%s: refused, but changed" % label)
            yield sub.serve(link, readonly=True)
