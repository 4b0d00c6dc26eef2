# SPDX-License-Identifier: BSD-3-Clause
"""COWD extents: every grain size, any place of directory and tables."""

import random

from vmdkgen import content, disk


PEERS = ("qemu", "libvmdk")


def make(d):
    rng = random.Random(34)
    for grain in (1, 2, 3, 8, 128, 1000, 2048):
        sub = d.sub("grain-%d" % grain)
        count = 9000 if grain < 100 else 200 if grain < 1000 else 12
        size = count * grain - grain // 2
        picks = set(rng.sample(range(count), min(count - 1, 90)))
        picks.add(count - 1)
        data = content.scattered(size, grain, picks, grain)
        part = disk.cowd(sub, "d-delta.vmdk", data, grain=grain)
        yield sub.serve(disk.link(sub, "d.vmdk", [part]), peers=PEERS)

    data = content.pattern(12000, 4, "DD.R.D" * 500, 35)
    for label, options in (
            ("directory-elsewhere", {"gd_offset": 77}),
            ("shuffled", {"order": "shuffle"}),
            ("reversed", {"order": "reverse", "gap": 5}),
            ("all-tables", {"tables": "all"}),
            ("free-sector-stale", {"fields": {"freeSector": 5}}),
            ("unclean", {"fields": {"uncleanShutdown": 1,
                                    "savedGeneration": 9}}),
            ("more-directory-entries", {"fields": {"numGDEntries": 100}})):
        sub = d.sub(label)
        part = disk.cowd(sub, "d-delta.vmdk", data, grain=4, **options)
        warns = ["not closed cleanly"] if label == "unclean" else []
        yield sub.serve(disk.link(sub, "d.vmdk", [part]), peers=PEERS,
                        warns=warns)

    sub = d.sub("empty-2-tib")
    part = disk.cowd(sub, "d-delta.vmdk", content.empty(0xffffffff))
    yield sub.serve(disk.link(sub, "d.vmdk", [part]))

    sub = d.sub("zeroed-grain-over-parent")
    base = disk.mono(sub, "b.vmdk", content.full(640, 36))
    data = content.pattern(640, 16, "D.Z" * 13, 37)
    part = disk.cowd(sub, "t-delta.vmdk", data, grain=16)
    yield sub.serve(disk.link(sub, "t.vmdk", [part], parent=base),
                    warns=["zero"])
