# SPDX-License-Identifier: BSD-3-Clause
"""Random chains of random links: every kind and option against each other.

The seed is fixed; VMDK_SEED=N tries other disks.
"""

import os
import random

from vmdkgen import content, disk


DISKS = 14


def cuts(size, rng, unit):
    """Sizes of one to four extents, multiples of unit but the last."""
    count = rng.randint(1, 4)
    at = sorted({rng.randrange(1, max(2, size // unit)) * unit
                 for _ in range(count - 1)})
    ends = [end for end in at if end < size] + [size]
    return [b - a for a, b in zip([0] + ends, ends)]


def sparse(sub, name, size, seed, rng):
    grain = rng.choice((1, 2, 8, 16, 128, 256))
    data = mixture(size, grain, rng, seed, "D..ZR")
    return disk.sparse(
        sub, name, data, grain=grain, gtes=rng.choice((128, 512, 2048)),
        redundant=rng.random() < 0.5, tables=rng.choice(("all", "used")),
        order=rng.choice((None, "shuffle", "reverse")),
        align=rng.choice((None, 1)), gap=rng.choice((0, 0, 1)),
        short=rng.random() < 0.5)


def stream(sub, name, size, seed, rng):
    grain = rng.choice((8, 16, 128, 256))
    data = mixture(size, grain, rng, seed, "D..ZR")
    return disk.stream(
        sub, name, data, grain=grain, gtes=rng.choice((128, 512, 1024)),
        layout=rng.choice(("A", "B", "hybrid")),
        reverse=rng.random() < 0.3, full=rng.random() < 0.5,
        level=rng.choice((1, 6, 9)), trailing=rng.choice((b"", bytes(300))))


def cowd(sub, name, size, seed, rng):
    grain = rng.choice((1, 3, 8, 100))
    data = mixture(size, grain, rng, seed, "D..R")
    return disk.cowd(sub, name, data, grain=grain,
                     gd_offset=rng.choice((4, 9)),
                     order=rng.choice((None, "shuffle")))


def sesparse(sub, name, size, seed, rng):
    data = mixture(size, 8, rng, seed, "D..ZR")
    return disk.sesparse(sub, name, data, indexes=lambda i, g: g)


def flat(sub, name, size, seed, rng):
    data = content.mixture(size, 64, rng, seed, "DD.")
    return disk.flat(sub, name, data, offset=rng.choice((0, 64, 8)) * 8)


def zero(sub, name, size, seed, rng):
    return disk.zero(size)


def mixture(size, grain, rng, seed, letters):
    """Long and short runs of equal grains."""
    text = ""
    while len(text) * grain < size:
        text += rng.choice(letters) * rng.choice((1, 1, 2, 9, 40))
    return content.pattern(size, grain, text, seed)


def link(sub, i, size, parent, rng):
    """One link; flat extents only at the base."""
    kinds = [sparse, sparse, stream, cowd, sesparse, zero]
    if parent is None:
        kinds += [flat, flat]
    parts = []
    for j, count in enumerate(cuts(size, rng, 8)):
        name = "l%d-%d.vmdk" % (i, j)
        seed = rng.randrange(1, 1 << 30)
        parts.append(rng.choice(kinds)(sub, name, count, seed, rng))
    return disk.link(sub, "l%d.vmdk" % i, parts, parent=parent,
                     cid="%08x" % rng.randrange(1, 1 << 31),
                     create_type="custom")


def make(d):
    seed = int(os.environ.get("VMDK_SEED", "1"))
    for number in range(DISKS):
        rng = random.Random(seed * 1000 + number)
        sub = d.sub("seed-%d" % (seed * 1000 + number))
        size = rng.randrange(100, 4000)
        top = None
        for i in range(rng.randint(1, 4)):
            top = link(sub, i, size, top, rng)
        yield sub.serve(top)
