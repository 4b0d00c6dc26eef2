# SPDX-License-Identifier: BSD-3-Clause
"""Grains anywhere in the file: shuffled, unaligned, with gaps, contiguous."""

import random

from vmdkgen import content, disk


CHOICES = {
    "contiguous": {},
    "reversed": {"order": "reverse"},
    "shuffled": {"order": "shuffle"},
    "unaligned": {"align": 1, "gap": 3, "order": "shuffle"},
    "gaps": {"gap": 256},
    "below-overhead": {"fields": {"overHead": 640}},
    "tables-later": {"first": 333},
    "high-first-table": {"first": 64, "redundant": False},
}


def make(d):
    rng = random.Random(15)
    for label, options in CHOICES.items():
        sub = d.sub(label)
        data = content.mixture(300 * 16, 16, rng, 15, "DDDR.Z")
        link = disk.mono(sub, "d.vmdk", data, grain=16, **options)
        yield sub.serve(link, peers=["qemu", "libvmdk"])

    # Two entries name one grain: both read it.
    sub = d.sub("shared-grain")
    data = content.pattern(40 * 16, 16, "D" * 40, 16)
    link = disk.mono(sub, "d.vmdk", data, grain=16)
    link.image.set_gte(30, link.image.grains[7])
    link.layer = data.mark(30 * 16, 16, content.DATA, 16, 7 * 16)
    yield sub.serve(link, peers=["qemu", "libvmdk"])
