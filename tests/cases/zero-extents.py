# SPDX-License-Identifier: BSD-3-Clause
"""ZERO extents, with and without a name, alone, between others, in
children."""

from vmdkgen import content, disk


def make(d):
    data = content.pattern(1024, 128, "DD.DD.DD", 55)
    for label, name in (("nameless", None), ("empty-name", ""),
                        ("named", "no-such-file.vmdk")):
        sub = d.sub(label)
        yield sub.serve(disk.link(sub, "d.vmdk", [disk.zero(99999, name)],
                                  create_type="custom"))
        sub = d.sub("between-" + label)
        parts = [disk.sparse(sub, "a.vmdk", data), disk.zero(3001, name),
                 disk.flat(sub, "b.raw", data), disk.zero(1, name)]
        yield sub.serve(disk.link(sub, "d.vmdk", parts,
                                  create_type="custom"))

    sub = d.sub("huge")
    yield sub.serve(disk.link(sub, "d.vmdk", [disk.zero(62 << 31)],
                              create_type="custom"))

    sub = d.sub("hides-the-parent")
    base = disk.mono(sub, "b.vmdk", content.full(4096, 56), cid="0000abcd")
    parts = [disk.sparse(sub, "a.vmdk", data), disk.zero(2048),
             disk.sparse(sub, "c.vmdk", data)]
    yield sub.serve(disk.link(sub, "t.vmdk", parts, parent=base))
