# SPDX-License-Identifier: BSD-3-Clause
"""Split disks: many extents, odd sizes, different kinds and grains."""

import random

from vmdkgen import content, disk


def make(d):
    rng = random.Random(57)
    sub = d.sub("sparse-pieces")
    parts = [disk.sparse(sub, "d-s%03d.vmdk" % i, content.mixture(
        1280, 128, rng, 57 + i, "DD.Z")) for i in range(1, 9)]
    yield sub.serve(disk.link(sub, "d.vmdk", parts),
                    peers=["qemu", "libvmdk", "7z"])

    sub = d.sub("flat-pieces")
    parts = [disk.flat(sub, "d-f%03d.vmdk" % i, content.full(count, 70 + i))
             for i, count in enumerate((4096, 2049, 4095, 512, 1), 1)]
    yield sub.serve(disk.link(sub, "d.vmdk", parts,
                              create_type="twoGbMaxExtentFlat"))

    sub = d.sub("different-grains")
    parts = [disk.sparse(sub, "d-s%03d.vmdk" % i, content.mixture(
        997, grain, rng, 80 + i, "DD.Z"), grain=grain, capacity=1024)
        for i, grain in enumerate((1, 16, 128, 8, 512), 1)]
    yield sub.serve(disk.link(sub, "d.vmdk", parts))

    sub = d.sub("every-kind")
    data = content.mixture(1280, 16, rng, 90, "DD..")
    parts = [disk.sparse(sub, "a.vmdk", data, grain=16), disk.zero(777),
             disk.flat(sub, "b.raw", content.full(1001, 91)),
             disk.cowd(sub, "c.vmdk", data, grain=16),
             disk.stream(sub, "e.vmdk", data, grain=16),
             disk.vmfs(sub, "f.raw", content.full(333, 92)),
             disk.sesparse(sub, "g.vmdk", data)]
    yield sub.serve(disk.link(sub, "d.vmdk", parts, create_type="custom"))

    sub = d.sub("embedded-in-first-piece")
    one = content.pattern(640, 128, "D.D.D", 93)
    two = disk.sparse(sub, "d-s002.vmdk", content.pattern(640, 128, "DD", 94))
    link = disk.mono(sub, "d.vmdk", one, words={
        "create_type": "twoGbMaxExtentSparse",
        "lines": ['RW 640 SPARSE "d.vmdk"', two.line]})
    link.layer = content.join([one, two.content])
    yield sub.serve(link)

    sub = d.sub("300-pieces")
    parts = [disk.flat(sub, "f%03d" % i, content.full(8, 100 + i))
             for i in range(300)]
    yield sub.serve(disk.link(sub, "d.vmdk", parts, create_type="custom"),
                    peers=["7z"])
