# SPDX-License-Identifier: BSD-3-Clause
"""The parent's CID is checked at open, unless check-cid=false."""

import os

from vmdkgen import content, disk


UPPER = content.pattern(1024, 128, "D.Z.", 320)
LOWER = content.pattern(1024, 128, "DDDDDDD", 321)


def pair(sub, recorded, actual):
    base = disk.mono(sub, "base.vmdk", LOWER, cid=actual)
    return disk.mono(sub, "top.vmdk", UPPER, parent=base, cid="0000aaaa",
                     words={"parent_cid": recorded})


def make(d):
    sub = d.sub("mismatch")
    yield sub.refuse(pair(sub, "1234abcd", "fedc4321"), "top.vmdk",
                     "base.vmdk", "1234abcd", "fedc4321", "check-cid")

    sub = d.sub("mismatch-allowed")
    yield sub.serve(pair(sub, "1234abcd", "fedc4321"),
                    params=["check-cid=false"],
                    warns=["1234abcd", "fedc4321"])

    sub = d.sub("mismatch-but-single-link")
    link = pair(sub, "1234abcd", "fedc4321")
    link.parent = None
    yield sub.serve(link, params=["single-link=true"])

    for label, recorded, actual in (("case", "ABCDEF12", "abcdef12"),
                                    ("zeroes", "12", "00000012")):
        sub = d.sub("equal-but-for-" + label)
        yield sub.serve(pair(sub, recorded, actual))

    sub = d.sub("mismatch-deeper")
    base = disk.mono(sub, "base.vmdk", LOWER, cid="00000001")
    middle = disk.mono(sub, "middle.vmdk", UPPER, parent=base,
                       cid="00000002", words={"parent_cid": "00000009"})
    top = disk.mono(sub, "top.vmdk", UPPER, parent=middle, cid="00000003")
    yield sub.refuse(top, "middle.vmdk", "base.vmdk", "00000001",
                     "00000009")

    sub = d.sub("capacity-differs")
    base = disk.mono(sub, "base.vmdk", LOWER)
    top = disk.mono(sub, "top.vmdk", content.empty(1025), parent=base)
    yield sub.refuse(top, "top.vmdk", "base.vmdk", "1024", "1025")
    sub = d.sub("child-smaller")
    base = disk.mono(sub, "base.vmdk", LOWER)
    top = disk.mono(sub, "top.vmdk", content.empty(1023), parent=base)
    yield sub.refuse(top, "top.vmdk", "base.vmdk", "1024", "1023")

    sub = d.sub("single-link")
    base = disk.mono(sub, "base.vmdk", LOWER)
    top = disk.mono(sub, "top.vmdk", UPPER, parent=base)
    top.parent = None
    os.unlink(base.path)
    yield sub.serve(top, params=["single-link=true"])

    sub = d.sub("flat-with-parent")
    base = disk.mono(sub, "base.vmdk", LOWER)
    part = disk.flat(sub, "top.raw", LOWER)
    yield sub.refuse(disk.link(sub, "top.vmdk", [part], parent=base),
                     "top.vmdk", "flat")

    sub = d.sub("parent-cid-without-hint")
    link = disk.mono(sub, "top.vmdk", UPPER, words={
        "parent_cid": "00000001"})
    yield sub.refuse(link, "top.vmdk", "parentFileNameHint")
