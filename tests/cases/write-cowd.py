# SPDX-License-Identifier: BSD-3-Clause
"""COWD: the first write to a fresh extent, where no table exists, leaves the
header alone but for freeSector; a freeSector that another writer left behind
is put right before anything is allocated (qemu: b4)."""

from vmdkgen import content, disk, model, written


SIZE = 3 * 4096 + 77            # four tables at the default grain


def header(path):
    """The header without what a writer may change."""
    with open(path, "rb") as f:
        block = bytearray(f.read(2048))
    block[28:32] = bytes(4)             # freeSector
    return bytes(block)


def fresh(sub, parent=None, **options):
    part = disk.cowd(sub, "d-delta.vmdk", content.empty(SIZE), **options)
    return disk.link(sub, "d.vmdk", [part], parent=parent)


def stale(sub, parent=None):
    """As qemu leaves it: grains far behind freeSector."""
    data = content.scattered(SIZE, 1, range(0, SIZE, 9), 61)
    part = disk.cowd(sub, "d-delta.vmdk", data, fields={"freeSector": 5})
    return disk.link(sub, "d.vmdk", [part], parent=parent)


def unwritten(sub, parent=None):
    """An unwritten extent whose file ends at freeSector."""
    link = fresh(sub, parent)
    image = link.parts[0].image
    image.truncate(image.file_size() - 512)
    return link


def write(link):
    """One byte in every table, then more; returns the model."""
    now = model.Model(link.expected().read(0, SIZE * 512))
    places = [(4096 * 512 * i + 1234, 1) for i in range(3)]
    places += [(SIZE * 512 - 1, 1), (4096 * 512 - 700, 1400), (0, 700000)]
    with written.connected(link.path) as client:
        for at, length in places:
            op = model.Op("write", at, length, 0,
                          model.POOL[at % 999:][:length])
            for one, error in client.run([op]):
                model.judge(one, error)
            now.done(op)
            client.read_all(now, "after " + str(op))
    return now


def make(d):
    for label, maker, child, options in (
            ("fresh", fresh, False, {}), ("fresh-child", fresh, True, {}),
            ("fresh-grain-8", fresh, True, {"grain": 8}),
            ("directory-elsewhere", fresh, False, {"gd_offset": 40}),
            ("stale", stale, False, {}), ("stale-child", stale, True, {}),
            ("ends-at-free-sector", unwritten, False, {})):
        sub = d.sub(label)
        parent = disk.mono(sub, "p.vmdk", content.full(SIZE, 60)) \
            if child else None
        link = maker(sub, parent, **options)
        before = header(link.parts[0].image.path)
        now = write(link)
        if header(link.parts[0].image.path) != before:
            raise written.Difference("%s: the header has changed" % label)
        written.check_files(link.path, now.data)
        written.check_by_qemu(link.path, now.data)
        yield sub.serve(link, written.Left(now.data))
