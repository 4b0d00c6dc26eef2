# SPDX-License-Identifier: BSD-3-Clause
"""SESparse extents: all entry kinds, permuted indexes, shuffled tables."""

import random

from vmdkgen import content, disk


def link_of(sub, data, parent=None, **options):
    part = disk.sesparse(sub, "d-sesparse.vmdk", data, **options)
    ddb = (("ddb.grain", "8"), ("ddb.longContentID", "0" * 24 + "0172e8a4"))
    return disk.link(sub, "d.vmdk", [part], parent=parent, ddb=ddb)


def make(d):
    rng = random.Random(39)
    sub = d.sub("small")
    data = content.mixture(20480, 8, rng, 39, "DDZ..")
    yield sub.serve(link_of(sub, data), peers=["qemu"])

    sub = d.sub("odd-capacity")
    data = content.mixture(20483, 8, rng, 40, "DDZ..")
    yield sub.serve(link_of(sub, data))

    # Seven tables of 16 MiB, handed out in another order; indexes from
    # all over the area, so that both halves of the permutation matter.
    size = 7 * 32768
    picks = rng.sample(range(size // 8), 200) + [4095, 4096, size // 8 - 1]
    data = content.scattered(size, 8, set(picks), 41)
    free = rng.sample(range(size // 8), 203)
    sub = d.sub("indexes-anywhere")
    link = link_of(sub, data, indexes=lambda i, g: free[i])
    yield sub.serve(link, peers=["qemu"])
    sub = d.sub("indexes-descending")
    link = link_of(sub, data, indexes=lambda i, g: size // 8 - 1 - i)
    yield sub.serve(link, peers=["qemu"])

    sub = d.sub("child")
    base = disk.mono(sub, "base.vmdk", content.full(1600, 42))
    data = content.pattern(1600, 8, "DZ.Z.D" * 30, 43)
    link = link_of(sub, data, parent=base, unmapped=range(0, 200, 3))
    yield sub.serve(link, peers=["qemu"])

    sub = d.sub("huge")
    size = 6 << 31
    grains = {0, 5000, size // 16, size // 8 - 1}
    data = content.scattered(size, 8, grains, 44)
    yield sub.serve(link_of(sub, data, indexes=lambda i, g: i * 5000))

    sub = d.sub("type-in-the-other-spelling")
    data = content.mixture(2048, 8, rng, 45, "DDZ..")
    part = disk.sesparse(sub, "d-sesparse.vmdk", data)
    yield sub.serve(disk.link(sub, "d.vmdk", [part],
                              create_type="vmfsSeSparse"))
