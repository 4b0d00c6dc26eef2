# SPDX-License-Identifier: BSD-3-Clause
"""Header versions 1, 2 and 3 of uncompressed extents, and odd flags."""

from vmdkgen import content, disk


def make(d):
    data = content.pattern(20480, 128, "D..DRD.B" * 8, 4)
    for version in (1, 2, 3):
        sub = d.sub("version-%d" % version)
        link = disk.mono(sub, "d.vmdk", data, version=version)
        yield sub.serve(link, peers=["qemu"])
    # No newline test without bit 0; undefined compatible bits are ignored.
    for label, flags, fields in (
            ("no-newline-flag", 2, {"singleEndLineChar": 0,
                                    "doubleEndLineChar1": 7}),
            ("unknown-low-flag", 0x803, {}),
            ("not-redundant", 1, {}),
            ("unclean", 3, {"uncleanShutdown": 1})):
        sub = d.sub(label)
        link = disk.mono(sub, "d.vmdk", data, flags=flags, fields=fields)
        warns = ["cleanly"] if label == "unclean" else []
        yield sub.serve(link, peers=["qemu"], warns=warns)
