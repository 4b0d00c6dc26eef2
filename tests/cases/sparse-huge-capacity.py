# SPDX-License-Identifier: BSD-3-Clause
"""Huge and nearly empty disks: 8 TiB, 62 TiB, alone and in chains."""

from vmdkgen import content, disk


TIB = 1 << 31                   # sectors


def make(d):
    for label, size, grain, gtes in (("8-tib", 8 * TIB, 128, 512),
                                     ("62-tib", 62 * TIB, 128, 512),
                                     ("62-tib-odd", 62 * TIB + 3, 2048, 4096),
                                     ("empty-62-tib", 62 * TIB, 128, 512)):
        sub = d.sub(label)
        data = few(size, grain, () if label.startswith("empty")
                   else (0, 1, 511, 512))
        link = disk.mono(sub, "d.vmdk", data, grain=grain, gtes=gtes,
                         tables="used")
        yield sub.serve(link)

    size = 62 * TIB
    sub = d.sub("chain-of-62-tib")
    base = disk.mono(sub, "b.vmdk", few(size, 128, (5, 6)), tables="used")
    middle = disk.link(sub, "m.vmdk", [disk.sesparse(
        sub, "m-sesparse.vmdk", few(size, 8, (77, 100000)))], parent=base)
    top = disk.mono(sub, "t.vmdk", few(size, 128, (6, 9)), tables="used",
                    parent=middle, redundant=False)
    yield sub.serve(top)

    sub = d.sub("split-of-64-tib")
    parts = [disk.sparse(sub, "d-s%03d.vmdk" % i,
                         few(2 * TIB, 128, (i, i * 1000)), tables="used")
             for i in range(32)]
    yield sub.serve(disk.link(sub, "d.vmdk", parts))


def few(size, grain, first):
    """Some grains at the start, and as many far behind."""
    count = -(-size // grain)
    grains = set(first)
    if grains:
        grains |= {count // 3, count // 2, count - 1}
    return content.scattered(size, grain, grains, 16)
