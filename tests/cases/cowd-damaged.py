# SPDX-License-Identifier: BSD-3-Clause
"""COWD extents with wrong headers are refused, wrong entries fail alone."""

from vmdkgen import content, disk


BAD = {
    "version-2": ({"version": 2}, ["version", "2"]),
    "grain-0": ({"grainSize": 0}, ["grain"]),
    "grain-2049": ({"grainSize": 2049}, ["grain", "2049"]),
    "grain-all-ones": ({"grainSize": 0xffffffff}, ["grain"]),
    "capacity-0": ({"numSectors": 0}, []),
    "directory-short": ({"numGDEntries": 1}, ["directory"]),
    "directory-past-end": ({"gdOffset": 0x7fffffff}, ["directory"]),
    "directory-in-header": ({"gdOffset": 3}, ["directory"]),
    "directory-0": ({"gdOffset": 0}, ["directory"]),
}


def make(d):
    data = content.scattered(12000, 1, range(0, 12000, 20), 38)
    for label, (fields, says) in BAD.items():
        sub = d.sub(label)
        part = disk.cowd(sub, "c.vmdk", data, fields=fields)
        yield sub.refuse(disk.link(sub, "d.vmdk", [part]), "c.vmdk", *says)
    for label, value in (("in-header-2", 2), ("in-header-3", 3),
                         ("past-end", 0x7fffffff), ("in-directory", 4),
                         ("all-ones", 0xffffffff)):
        sub = d.sub("entry-" + label)
        part = disk.cowd(sub, "c.vmdk", data)
        part.image.set_gte(500, value)
        part.content = part.image.fail(500).content
        yield sub.serve(disk.link(sub, "d.vmdk", [part]), errors=["c.vmdk"])
    for label, value in (("in-header", 2), ("past-end", 0x7fffffff)):
        sub = d.sub("table-" + label)
        part = disk.cowd(sub, "c.vmdk", data)
        part.image.set_gde(1, value)
        part.content = part.image.fail(4096, 4096).content
        yield sub.serve(disk.link(sub, "d.vmdk", [part]), errors=["c.vmdk"])
