# SPDX-License-Identifier: BSD-3-Clause
"""A split child over a whole parent, the reverse, and other cuts."""

import random

from vmdkgen import content, disk


SIZE = 4096


def cut(sub, name, data, cuts, **keys):
    """A split link with extents cut at these sectors."""
    parts = []
    for low, high in zip((0,) + cuts, cuts + (SIZE,)):
        part = disk.sparse(sub, "%s-%d.vmdk" % (name, low),
                           data.slice(low, high - low), grain=16)
        parts.append(part)
    return disk.link(sub, name + ".vmdk", parts, **keys)


def make(d):
    rng = random.Random(210)
    lower = content.mixture(SIZE, 16, rng, 211, "DD.Z")
    upper = content.mixture(SIZE, 16, rng, 212, "D..Z")

    sub = d.sub("child-split")
    base = disk.mono(sub, "base.vmdk", lower, grain=16)
    yield sub.serve(cut(sub, "top", upper, (1024, 2048), parent=base))

    sub = d.sub("parent-split")
    base = cut(sub, "base", lower, (1600, 1616, 3200))
    yield sub.serve(disk.mono(sub, "top.vmdk", upper, parent=base,
                              grain=16))

    sub = d.sub("different-cuts")
    base = cut(sub, "base", lower, (16, 32, 2000))
    yield sub.serve(cut(sub, "top", upper, (1600, 1616, 3200), parent=base))

    sub = d.sub("cut-inside-a-grain-of-the-parent")
    base = disk.mono(sub, "base.vmdk", content.full(SIZE, 213), grain=1024)
    yield sub.serve(cut(sub, "top", upper, (208, 912, 2000), parent=base))
