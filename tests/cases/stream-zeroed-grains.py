# SPDX-License-Identifier: BSD-3-Clause
"""Entries of value 1 in streams are zeroes, also over a parent."""

from vmdkgen import content, disk


def make(d):
    data = content.pattern(20 * 128, 128, "DZ.ZR" * 4, 25)
    for layout in ("A", "B", "hybrid"):
        sub = d.sub("base-" + layout)
        link = disk.streamed(sub, "d.vmdk", data, layout=layout)
        yield sub.serve(link)
        sub = d.sub("child-" + layout)
        base = disk.streamed(sub, "b.vmdk", content.full(20 * 128, 26),
                             cid="00000001")
        top = disk.streamed(sub, "t.vmdk", data, parent=base, layout=layout)
        yield sub.serve(top)
