# SPDX-License-Identifier: BSD-3-Clause
"""Streams with grains from 1 sector to 1 MiB and other table sizes."""

import random

from vmdkgen import content, disk


def make(d):
    rng = random.Random(23)
    for grain, gtes in ((1, 512), (8, 512), (16, 512), (32, 1024),
                        (64, 128), (128, 128), (128, 1024), (128, 4096),
                        (256, 512), (2048, 512)):
        for layout in "AB":
            sub = d.sub("%s-grain-%d-gtes-%d" % (layout, grain, gtes))
            count = 1300 if grain < 100 else 700 if grain < 200 else 9
            size = count * grain - grain // 3
            picks = set(rng.sample(range(count), min(count - 1, 60)))
            picks.add(count - 1)
            data = content.scattered(size, grain, picks, grain)
            link = disk.streamed(sub, "d.vmdk", data, grain=grain,
                                 gtes=gtes, layout=layout)
            peers = ["qemu"] if gtes <= 512 else []
            peers += ["libvmdk"] if grain >= 16 else []
            yield sub.serve(link, peers=peers)
