# SPDX-License-Identifier: BSD-3-Clause
"""Grain tables of 128 to 65536 entries."""

import random

from vmdkgen import content, disk


def make(d):
    rng = random.Random(3)
    for gtes in (128, 256, 512, 1024, 4096, 65536):
        sub = d.sub("gtes-%d" % gtes)
        size = 3 * gtes * 16 + 17
        data = content.scattered(size, 16, picks(gtes, rng), gtes)
        link = disk.mono(sub, "d.vmdk", data, grain=16, gtes=gtes)
        qemu = ["qemu"] if gtes <= 512 else []
        yield sub.serve(link, peers=["libvmdk"] + qemu)


def picks(gtes, rng):
    """Grains at both ends of every table, and some between."""
    ends = [0, gtes - 1, gtes, 2 * gtes - 1, 2 * gtes, 3 * gtes]
    return set(ends + rng.sample(range(3 * gtes), 60))
