# SPDX-License-Identifier: BSD-3-Clause
"""Stream-optimized disks in layout A, layout B and the hybrid."""

import random

from vmdkgen import content, disk


SIZES = {"one-table": 6400, "three-tables": 3 * 65536, "odd": 70003,
         "one-sector": 1}


def make(d):
    rng = random.Random(21)
    for layout in ("A", "B", "hybrid"):
        for label, size in SIZES.items():
            sub = d.sub("%s-%s" % (layout, label))
            data = few(size, rng)
            link = disk.streamed(sub, "d.vmdk", data, layout=layout)
            peers = [] if layout == "B" else ["7z"]
            yield sub.serve(link, peers=peers + ["qemu", "libvmdk"])


def few(size, rng):
    """Data in some grains, the last one among them."""
    count = -(-size // 128)
    grains = {0, count - 1} | set(rng.sample(range(count),
                                             min(count, 30)))
    return content.scattered(size, 128, grains, 21)
