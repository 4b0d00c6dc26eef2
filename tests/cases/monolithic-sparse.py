# SPDX-License-Identifier: BSD-3-Clause
"""Monolithic sparse disks, whole and odd capacities, read everywhere."""

import random

from vmdkgen import content, disk


SIZES = {"even": 20480, "one-sector": 1, "one-grain": 128, "odd": 20483,
         "table": 65536, "table-and-one": 65537}


def make(d):
    rng = random.Random(1)
    for label, size in SIZES.items():
        sub = d.sub(label)
        data = content.mixture(size, 128, rng, 1, "D..R")
        peers = ["qemu", "libvmdk"]
        yield sub.serve(disk.mono(sub, "d.vmdk", data), peers=peers)
