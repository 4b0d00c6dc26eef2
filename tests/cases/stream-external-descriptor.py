# SPDX-License-Identifier: BSD-3-Clause
"""Streams as extents of an external descriptor, split, read-only or mixed."""

from vmdkgen import content, disk


def make(d):
    sub = d.sub("one")
    data = content.pattern(40 * 128, 128, "DD.R" * 10, 27)
    part = disk.stream(sub, "d-s001.vmdk", data)
    yield sub.serve(disk.link(sub, "d.vmdk", [part],
                              create_type="streamOptimized"))

    sub = d.sub("read-only-line")
    part = disk.stream(sub, "d-s001.vmdk", data, access="RDONLY")
    yield sub.serve(disk.link(sub, "d.vmdk", [part],
                              create_type="streamOptimized"))

    sub = d.sub("three-layouts")
    parts = []
    for i, layout in enumerate(("A", "B", "hybrid")):
        piece = content.pattern(1000 + i, 128, "D.RD.D.D", 28 + i)
        parts.append(disk.stream(sub, "d-s%03d.vmdk" % i, piece,
                                 layout=layout))
    yield sub.serve(disk.link(sub, "d.vmdk", parts))

    sub = d.sub("embedded-ignored")
    inner = disk.streamed(sub, "inner.vmdk", data, words={"name": "x"})
    part = disk.part_of(inner.image, "SPARSE", "inner.vmdk", "RW", None)
    yield sub.serve(disk.link(sub, "d.vmdk", [part]))
