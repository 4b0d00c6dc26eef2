# SPDX-License-Identifier: BSD-3-Clause
"""RDONLY is read, NOACCESS fails with EIO, NOACCESS ZERO is zeroes."""

from vmdkgen import content, disk


def make(d):
    data = content.pattern(1024, 128, "DDDDDDDD", 54)

    sub = d.sub("read-only")
    part = disk.flat(sub, "a.raw", data, access="RDONLY")
    yield sub.serve(disk.link(sub, "d.vmdk", [part]))

    sub = d.sub("mixed")
    parts = [disk.flat(sub, "a.raw", data),
             disk.sparse(sub, "b.vmdk", data, access="RDONLY"),
             disk.zero(4000, access="NOACCESS"),
             disk.flat(sub, "c.raw", data, access="RDONLY")]
    yield sub.serve(disk.link(sub, "d.vmdk", parts, create_type="custom"))

    for label, makers in (("flat", disk.flat), ("sparse", disk.sparse)):
        sub = d.sub("no-access-" + label)
        hidden = makers(sub, "b.raw", data, access="NOACCESS")
        hidden.content = content.errors(1024)
        parts = [disk.flat(sub, "a.raw", data), hidden,
                 disk.flat(sub, "c.raw", data)]
        link = disk.link(sub, "d.vmdk", parts, create_type="custom")
        yield sub.serve(link, errors=["NOACCESS"])

    sub = d.sub("device-with-hidden-partitions")
    parts = [disk.flat(sub, "d-pt.vmdk", data.slice(0, 63)),
             disk.zero(961, access="NOACCESS"),
             disk.flat(sub, "part.raw", data, offset=8)]
    yield sub.serve(disk.link(sub, "d.vmdk", parts,
                              create_type="partitionedDevice"))
