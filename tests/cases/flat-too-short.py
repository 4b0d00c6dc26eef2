# SPDX-License-Identifier: BSD-3-Clause
"""A flat file shorter than its line says is refused."""

from vmdkgen import content, disk


def make(d):
    for label, count, offset in (("count", 2001, 0), ("offset", 2000, 1),
                                 ("far-offset", 10, 1 << 40)):
        sub = d.sub(label)
        disk.raw_file(sub.path("f.raw"), content.full(2000, 53))
        line = disk.extent_line(count, "FLAT", "f.raw", offset)
        link = disk.link(sub, "d.vmdk", [disk.Part(line,
                                                   content.empty(count))])
        yield sub.refuse(link, "f.raw")

    sub = d.sub("one-byte")
    disk.raw_file(sub.path("f.raw"), content.full(2000, 53), 2000 * 512 - 1)
    line = disk.extent_line(2000, "FLAT", "f.raw", 0)
    link = disk.link(sub, "d.vmdk", [disk.Part(line, content.empty(2000))])
    yield sub.refuse(link, "f.raw")
