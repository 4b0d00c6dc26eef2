# SPDX-License-Identifier: BSD-3-Clause
"""The count of the descriptor wins over a larger capacity in the header."""

from vmdkgen import content, disk


def make(d):
    data = content.pattern(1000, 128, "D.DD.DDD", 11)

    sub = d.sub("rounded-header")
    link = disk.mono(sub, "d.vmdk", data, capacity=1024)
    yield sub.serve(link)

    sub = d.sub("split-rounded")
    parts = []
    for i in range(3):
        piece = content.full(900 + i, 12 + i)
        parts.append(disk.sparse(sub, "d-s%03d.vmdk" % i, piece,
                                 capacity=1024))
    yield sub.serve(disk.link(sub, "d.vmdk", parts))

    sub = d.sub("much-larger-header")
    link = disk.mono(sub, "d.vmdk", data, capacity=1 << 20)
    yield sub.serve(link)

    sub = d.sub("header-too-small")
    link = disk.mono(sub, "d.vmdk", data, capacity=999)
    yield sub.refuse(link, "d.vmdk", "1000", "999")

    sub = d.sub("cowd-header-too-small")
    part = disk.cowd(sub, "c.vmdk", data.slice(0, 640), grain=128,
                     count=641)
    yield sub.refuse(disk.link(sub, "d.vmdk", [part]), "c.vmdk", "640",
                     "641")

    sub = d.sub("cowd-header-larger")
    part = disk.cowd(sub, "c.vmdk", data, grain=128, capacity=4096)
    yield sub.serve(disk.link(sub, "d.vmdk", [part]))

    sub = d.sub("sesparse-header-too-small")
    part = disk.sesparse(sub, "c.vmdk", data, count=1001)
    yield sub.refuse(disk.link(sub, "d.vmdk", [part]), "c.vmdk", "1000",
                     "1001")
