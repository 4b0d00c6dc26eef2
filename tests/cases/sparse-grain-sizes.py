# SPDX-License-Identifier: BSD-3-Clause
"""Every grain size from one sector to 32 MiB."""

import random

from vmdkgen import content, disk


GRAINS = (1, 2, 4, 8, 16, 32, 64, 256, 2048, 65536)


def make(d):
    rng = random.Random(2)
    for grain in GRAINS:
        sub = d.sub("grain-%d" % grain)
        count = 700 if grain < 256 else 12 if grain < 65536 else 3
        letters = "D.DB" if grain < 65536 else "D"
        data = content.mixture(count * grain, grain, rng, grain, letters)
        if grain == 65536:
            data = content.pattern(4 * grain, grain, ".B.B", 7)
            data = edge(data, grain)
        link = disk.mono(sub, "d.vmdk", data, grain=grain)
        more = ["libvmdk", "7z"] if grain >= 16 else []
        yield sub.serve(link, peers=["qemu"] + more)


def edge(data, grain):
    """Large grains hold zeroes, but for their first and last sectors."""
    for g in (1, 3):
        data = data.mark(g * grain, 9, content.DATA, 8)
        data = data.mark((g + 1) * grain - 7, 7, content.DATA, 9)
    return data
