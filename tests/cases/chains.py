# SPDX-License-Identifier: BSD-3-Clause
"""Chains of two to five links, of mixed kinds and mixed grain sizes."""

import random

from vmdkgen import content, disk


SIZE = 40 * 256
KINDS = ("mono", "streamed", "cowd", "sesparse", "split")


def child(sub, kind, i, parent, rng):
    """A link of the wanted kind over parent."""
    grain = {"sesparse": 8, "cowd": rng.choice((1, 4, 64))}.get(
        kind, rng.choice((8, 16, 128, 256)))
    letters = "D....Z" if kind != "cowd" else "D...."
    if kind == "cowd" and grain == 1:
        letters = "D" + "." * 9
    data = content.mixture(SIZE, grain, rng, 200 + i, letters)
    keys = {"parent": parent, "cid": "%08x" % (0x100 + i)}
    name = "link%d.vmdk" % i
    if kind in ("mono", "streamed"):
        return getattr(disk, kind)(sub, name, data, grain=grain, **keys)
    if kind == "split":
        return split(sub, name, data, grain, keys)
    options = {} if kind == "sesparse" else {"grain": grain}
    part = getattr(disk, kind)(sub, "x%d.vmdk" % i, data, **options)
    return disk.link(sub, name, [part], **keys)


def split(sub, name, data, grain, keys):
    """Three extents of different sizes."""
    cuts = (0, 2048, 7168, SIZE)
    parts = [disk.sparse(sub, "%s-s%d.vmdk" % (name, j),
                         data.slice(low, high - low), grain=grain)
             for j, (low, high) in enumerate(zip(cuts, cuts[1:]))]
    return disk.link(sub, name, parts, **keys)


def flat_base(sub, rng):
    data = content.mixture(SIZE, 1024, rng, 199, "DD.")
    part = disk.flat(sub, "base-flat.vmdk", data)
    return disk.link(sub, "base.vmdk", [part], cid="000000ff")


def make(d):
    rng = random.Random(201)
    for count in (2, 3, 4, 5):
        for turn in range(5):
            kinds = [KINDS[(turn + i * turn + i) % 5]
                     for i in range(count - 1)]
            sub = d.sub("%d-%s" % (count, "-".join(kinds)))
            top = flat_base(sub, rng)
            for i, kind in enumerate(kinds):
                top = child(sub, kind, i, top, rng)
            yield sub.serve(top, peers=["qemu"])
