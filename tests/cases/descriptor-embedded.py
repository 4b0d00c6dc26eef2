# SPDX-License-Identifier: BSD-3-Clause
"""Embedded descriptors: stale names, other access, shells, empty areas."""

from vmdkgen import content, disk


DATA = content.pattern(2048, 128, "D.DDZ" * 4, 113)


def make(d):
    for label, words in (
            ("stale-name", {"name": "old-name.vmdk"}),
            ("absolute-name", {"name": "/etc/passwd"}),
            ("dots-in-name", {"name": "../../d.vmdk"}),
            ("name-of-other-file", {"name": "other.vmdk"}),
            ("read-only", {"access": "RDONLY"}),
            ("stream-type", {"create_type": "streamOptimized"})):
        sub = d.sub(label)
        disk.mono(sub, "other.vmdk", content.full(2048, 114))
        yield sub.serve(disk.mono(sub, "d.vmdk", DATA, words=words))

    sub = d.sub("stream-stale-name")
    words = {"name": "call-me-stream.vmdk"}
    yield sub.serve(disk.streamed(sub, "d.vmdk", DATA, words=words))

    sub = d.sub("descriptor-later")
    link = disk.mono(sub, "d.vmdk", DATA, descriptor_offset=7,
                     descriptor_size=40)
    yield sub.serve(link)

    sub = d.sub("area-all-nul")
    link = disk.mono(sub, "d.vmdk", DATA)
    link.image.poke(512, bytes(20 * 512))
    yield sub.serve(link, warns=["descriptor"])

    # A header without capacity, whose descriptor names other extents.
    for label, shown in (("shell", "d-flat.raw"), ("shell-of-itself", None)):
        sub = d.sub(label)
        part = disk.flat(sub, "d-flat.raw", DATA)
        line = part.line if shown else 'RW 2048 SPARSE "d.vmdk"'
        link = disk.mono(sub, "d.vmdk", content.empty(128),
                         words={"lines": [line], "create_type": "custom"},
                         fields={"capacity": 0})
        link.layer = DATA
        yield sub.serve(link) if shown else sub.refuse(link, "d.vmdk")

    # Without its descriptor a child would be a disk full of zeroes.
    sub = d.sub("child-with-damaged-text")
    base = disk.mono(sub, "base.vmdk", content.full(1536, 90),
                     cid="11111111")
    part = content.pattern(1536, 128, "D...........", 91)
    top = disk.mono(sub, "d.vmdk", part, parent=base)
    with open(top.path, "r+b") as f:
        f.seek(512)
        f.write(b"\xff")
    yield sub.refuse(top, "d.vmdk", "embedded descriptor")
