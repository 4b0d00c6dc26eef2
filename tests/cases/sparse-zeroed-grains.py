# SPDX-License-Identifier: BSD-3-Clause
"""Zeroed grains read as zeroes and hide the parent, with or without flag."""

from vmdkgen import content, disk


SIZE = 12 * 128


def make(d):
    data = content.pattern(SIZE, 128, "DZ.ZDDZZ..ZD", 5)
    sub = d.sub("base")
    yield sub.serve(disk.mono(sub, "d.vmdk", data), peers=["qemu"])
    for label, version, flags in (("flag", 2, 7), ("version-1-flag", 1, 7),
                                  ("no-flag", 1, 3)):
        sub = d.sub("child-" + label)
        base = disk.mono(sub, "base.vmdk", content.full(SIZE, 6),
                         cid="11111111")
        top = disk.mono(sub, "top.vmdk", data, parent=base, version=version,
                        flags=flags)
        peers = ["qemu"] if flags == 7 else []
        warns = ["zeroed grains"] if version == 1 else []
        yield sub.serve(top, peers=peers, warns=warns)
