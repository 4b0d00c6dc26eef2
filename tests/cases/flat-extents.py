# SPDX-License-Identifier: BSD-3-Clause
"""Flat extents: offsets, several lines over one file, holes, VMFS with
offset."""

import random

from vmdkgen import content, disk


def make(d):
    rng = random.Random(51)
    data = content.mixture(16 * 1024, 1024, rng, 51, "D.DB")

    sub = d.sub("whole-file")
    part = disk.flat(sub, "d-flat.vmdk", data)
    yield sub.serve(disk.link(sub, "d.vmdk", [part]), peers=["qemu"])

    for offset in (1, 63, 2048):
        sub = d.sub("offset-%d" % offset)
        part = disk.flat(sub, "d-flat.vmdk", content.full(5000, 52),
                         offset=offset, after=200)
        yield sub.serve(disk.link(sub, "d.vmdk", [part]), peers=["7z"])

    sub = d.sub("offset-over-holes")
    part = disk.flat(sub, "d-flat.vmdk", data, offset=2048, after=64)
    yield sub.serve(disk.link(sub, "d.vmdk", [part]), peers=["7z"])

    sub = d.sub("several-lines-one-file")
    disk.raw_file(sub.path("raw"), data)
    parts = [disk.Part(disk.extent_line(count, "FLAT", "raw", at),
                       data.slice(at, count).base())
             for at, count in ((8192, 1000), (0, 4096), (3000, 777),
                               (16000, 384))]
    yield sub.serve(disk.link(sub, "d.vmdk", parts, create_type="custom"),
                    peers=["7z"])

    sub = d.sub("vmfs")
    part = disk.vmfs(sub, "d-flat.vmdk", data)
    yield sub.serve(disk.link(sub, "d.vmdk", [part]), peers=["qemu"])

    sub = d.sub("vmfs-with-offset")
    part = disk.vmfs(sub, "d-flat.vmdk", data, offset=128)
    yield sub.serve(disk.link(sub, "d.vmdk", [part]))

    sub = d.sub("no-offset")
    part = disk.flat(sub, "d-flat.vmdk", data,
                     line='RW 16384 FLAT "d-flat.vmdk"')
    yield sub.serve(disk.link(sub, "d.vmdk", [part]))

    sub = d.sub("device-line")
    part = disk.flat(sub, "d.raw", data, line='RW 16384 FLAT "d.raw" 0 '
                     'partitionUUID 4b1c-77 deviceId "x y"')
    yield sub.serve(disk.link(sub, "d.vmdk", [part],
                              create_type="fullDevice"))

    sub = d.sub("longer-file")
    part = disk.flat(sub, "d-flat.vmdk", data.slice(0, 4096), after=999)
    yield sub.serve(disk.link(sub, "d.vmdk", [part]))

    sub = d.sub("sub-directory")
    sub.sub("data")
    part = disk.flat(sub, "data/d-flat.vmdk", data)
    yield sub.serve(disk.link(sub, "d.vmdk", [part]))
