# SPDX-License-Identifier: BSD-3-Clause
"""Grain directory entries that are 0: the whole table is absent."""

from vmdkgen import content, disk


TABLE = 512 * 8


def make(d):
    size = 40 * TABLE
    some = [5, 511, 512 * 7, 512 * 7 + 200, 512 * 39 + 511]
    data = content.scattered(size, 8, some, 7)
    sub = d.sub("base")
    link = disk.mono(sub, "d.vmdk", data, grain=8, tables="used")
    yield sub.serve(link, peers=["qemu"])

    sub = d.sub("child")
    below = content.scattered(size, 8, range(0, 40 * 512, 300), 8)
    base = disk.mono(sub, "b.vmdk", below, grain=8, cid="0000000b")
    top = disk.mono(sub, "t.vmdk", data, parent=base, grain=8,
                    tables="used", redundant=False)
    yield sub.serve(top, peers=["qemu"])

    sub = d.sub("nothing-at-all")
    link = disk.mono(sub, "d.vmdk", content.empty(size), grain=8,
                     tables="used")
    yield sub.serve(link, peers=["qemu"])
