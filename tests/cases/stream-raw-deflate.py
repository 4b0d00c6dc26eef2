# SPDX-License-Identifier: BSD-3-Clause
"""Grains without the zlib wrapper, as the old note says, are read too."""

from vmdkgen import content, disk


def make(d):
    data = content.pattern(40 * 128, 128, "DD.R" * 10, 30)
    for layout in "AB":
        sub = d.sub("layout-" + layout)
        link = disk.streamed(sub, "d.vmdk", data, layout=layout, raw=True)
        yield sub.serve(link, warns=["deflate"])
