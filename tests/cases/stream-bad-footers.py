# SPDX-License-Identifier: BSD-3-Clause
"""Streams whose footer is missing or wrong are refused."""

from vmdkgen import content, disk


WRONG = {
    "capacity": {"capacity": 1 << 20},
    "grain-size": {"grainSize": 64},
    "table-size": {"numGTEsPerGT": 1024},
    "version": {"version": 1},
    "flags": {"flags": 0x30005},
    "directory-at-end": {"gdOffset": 0xffffffffffffffff},
    "directory-0": {"gdOffset": 0},
    "directory-past-end": {"gdOffset": 1 << 40},
}


def make(d):
    data = content.pattern(40 * 128, 128, "DD.R" * 10, 33)
    for label, fields in WRONG.items():
        sub = d.sub(label)
        link = disk.streamed(sub, "d.vmdk", data, footer_fields=fields)
        yield sub.refuse(link, "d.vmdk")

    sub = d.sub("no-footer")
    link = disk.streamed(sub, "d.vmdk", data, footer=False)
    yield sub.refuse(link, "d.vmdk", "footer", ("truncated", "incomplete"))

    sub = d.sub("download-cut")
    link = disk.streamed(sub, "d.vmdk", data)
    link.image.truncate(link.image.file_size() // 2)
    yield sub.refuse(link, "d.vmdk", "footer", ("truncated", "incomplete"))

    sub = d.sub("footer-too-far")
    link = disk.streamed(sub, "d.vmdk", data, trailing=bytes(80000))
    yield sub.refuse(link, "d.vmdk", "footer")
