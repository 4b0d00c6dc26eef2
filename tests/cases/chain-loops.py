# SPDX-License-Identifier: BSD-3-Clause
"""Loops of links, and one file in two links, are refused by identity."""

import os

from vmdkgen import content, disk


DATA = content.pattern(1024, 128, "D.D", 310)


def ring(sub, count, names=None):
    """Links that name each other in a ring."""
    for i in range(count):
        after = "l%d.vmdk" % ((i + 1) % count)
        disk.mono(sub, "l%d.vmdk" % i, DATA, cid="00000005", words={
            "parent_cid": "00000005", "hint": after})
    return "l0.vmdk"


def make(d):
    for count in (1, 2, 3):
        sub = d.sub("ring-of-%d" % count)
        yield sub.refuse(ring(sub, count), "l0.vmdk")

    for label, maker in (("hard-link", os.link), ("symbolic", os.symlink)):
        sub = d.sub("ring-through-" + label)
        disk.mono(sub, "a.vmdk", DATA, cid="00000005", words={
            "parent_cid": "00000005", "hint": "b.vmdk"})
        source = "a.vmdk" if maker is os.symlink else sub.path("a.vmdk")
        maker(source, sub.path("b.vmdk"))
        yield sub.refuse("a.vmdk", "a.vmdk")

    # A child whose extent is the file of its parent.
    sub = d.sub("same-extent-in-two-links")
    part = disk.sparse(sub, "x.vmdk", DATA)
    base = disk.link(sub, "base.vmdk", [part], cid="00000001")
    top = disk.link(sub, "top.vmdk", [part], parent=base)
    yield sub.refuse(top, "x.vmdk")
