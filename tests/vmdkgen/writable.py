# SPDX-License-Identifier: BSD-3-Clause
"""Disks to write to: every kind that can be written, over every parent.

KINDS is name -> function (directory, rng) that makes a Target.  Sizes are
small, so that all of a disk can be compared often, but several grain
tables long; they are no multiples of the grain.
"""

from . import content, disk

SIZE = 9001                     # sectors; about 4.4 MiB


class Target:
    """A link to write to.

    readonly: byte ranges where writes must fail with EPERM.  zero: byte
    ranges of ZERO extents, which are not written to at all.  qemu: does
    qemu read this kind right?  params: for the plugin.  loose: what it
    leaves need not be canonical.
    """

    def __init__(self, link, readonly=(), zero=(), qemu=True, params=(),
                 loose=False):
        self.link = link
        self.path = link.path
        self.readonly = [(a * 512, b * 512) for a, b in readonly]
        self.zero = [(a * 512, b * 512) for a, b in zero]
        self.qemu = qemu
        self.params = list(params)
        self.loose = loose

    @property
    def size(self):
        return self.link.layer.size * 512

    def bytes(self):
        """What the disk holds at first."""
        return bytearray(self.link.expected().read(0, self.size))

    def below(self):
        """What the parent holds, or None at a base."""
        parent = self.link.parent
        return parent.expected() if parent else None


def some(size, grain, rng, letters="D..ZR"):
    """Long and short runs of equal grains."""
    text = ""
    while len(text) * grain < size:
        text += rng.choice(letters) * rng.choice((1, 1, 2, 9, 40))
    return content.pattern(size, grain, text, rng.randrange(1, 1 << 30))


def flat(d, rng):
    part = disk.flat(d, "d-flat.vmdk", some(SIZE, 16, rng, "D."), offset=3,
                     after=9)
    return Target(disk.link(d, "d.vmdk", [part]))


def flat_pieces(d, rng):
    parts = [disk.flat(d, "d-f%03d.vmdk" % i, some(count, 8, rng, "D."),
                       offset=offset)
             for i, (count, offset) in enumerate((
                 (4096, 0), (2049, 7), (1, 0), (511, 0), (2345, 128)), 1)]
    return Target(disk.link(d, "d.vmdk", parts,
                            create_type="twoGbMaxExtentFlat"))


def vmfs(d, rng):
    part = disk.vmfs(d, "d-flat.vmdk", some(SIZE, 64, rng, "D.."))
    return Target(disk.link(d, "d.vmdk", [part]))


def mono(grain, **options):
    """A monolithic sparse disk."""
    letters = options.pop("letters", "D..R")
    params = options.pop("params", ())

    def make(d, rng):
        data = some(SIZE, grain, rng, letters)
        return Target(disk.mono(d, "d.vmdk", data, grain=grain, **options),
                      qemu=options.get("gtes", 512) <= 512, params=params)
    return make


ODD = (1031, 4099, 777, SIZE - 1031 - 4099 - 777)
EVEN = (1024, 4096, 768, SIZE - 1024 - 4096 - 768)


def pieces(d, rng, name, grains, parent=None, counts=ODD):
    """Several extents that make SIZE together.  (qemu reads too far in one
    whose size is no multiple of its grain, unless it is the last.)"""
    parts = [disk.sparse(d, "%s-s%03d.vmdk" % (name, i),
                         some(count, grain, rng, "D..."), grain=grain,
                         gtes=128)
             for i, (count, grain) in enumerate(zip(counts, grains), 1)]
    return disk.link(d, name + ".vmdk", parts, parent=parent,
                     cid="%08x" % rng.randrange(1, 1 << 31))


def split(d, rng):
    return Target(pieces(d, rng, "d", (128, 8, 16, 128)), qemu=False)


def split_even(d, rng):
    return Target(pieces(d, rng, "d", (128, 8, 16, 128), counts=EVEN))


def cowd(grain, letters="D...", **options):
    """A COWD link at the bottom."""
    def make(d, rng):
        part = disk.cowd(d, "d-delta.vmdk", some(SIZE, grain, rng, letters),
                         grain=grain, **options)
        return Target(disk.link(d, "d.vmdk", [part]))
    return make


def mixed(d, rng):
    """Every kind of extent, two that must not change among them."""
    parts = [disk.flat(d, "a.raw", some(1003, 8, rng, "D.")),
             disk.sparse(d, "b.vmdk", some(2500, 16, rng), grain=16),
             disk.zero(1001),
             disk.flat(d, "c.raw", some(1500, 8, rng, "D."),
                       access="RDONLY"),
             disk.cowd(d, "e.vmdk", some(1200, 4, rng, "D.."), grain=4),
             disk.sparse(d, "f.vmdk", some(1796, 128, rng), grain=128)]
    ends = [0]
    for part in parts:
        ends.append(ends[-1] + part.content.size)
    link = disk.link(d, "d.vmdk", parts, create_type="custom")
    return Target(link, readonly=[(ends[3], ends[4])],
                  zero=[(ends[2], ends[3])], qemu=False)


# What may lie below: each makes a link that is never written to.

def below_flat(d, rng, name, parent=None):
    part = disk.flat(d, name + "-flat.vmdk", some(SIZE, 24, rng, "DD."))
    return disk.link(d, name + ".vmdk", [part], cid=cid(rng))


def below_sparse(d, rng, name, parent=None):
    return disk.mono(d, name + ".vmdk", some(SIZE, 128, rng, "D.Z"),
                     parent=parent, cid=cid(rng))


def below_stream(d, rng, name, parent=None):
    return disk.streamed(d, name + ".vmdk", some(SIZE, 128, rng),
                         parent=parent, cid=cid(rng))


def below_cowd(d, rng, name, parent=None):
    part = disk.cowd(d, name + "-delta.vmdk", some(SIZE, 4, rng, "DD."),
                     grain=4)
    return disk.link(d, name + ".vmdk", [part], parent=parent, cid=cid(rng))


def below_sesparse(d, rng, name, parent=None):
    part = disk.sesparse(d, name + "-sesparse.vmdk", some(SIZE, 8, rng))
    return disk.link(d, name + ".vmdk", [part], parent=parent, cid=cid(rng))


def below_split(d, rng, name, parent=None):
    return pieces(d, rng, name, (8, 128, 8, 16), parent)


def cid(rng):
    return "%08x" % rng.randrange(1, 1 << 31)


def chain(d, rng, makers):
    """Links below the top, the base first."""
    link = None
    for i, maker in enumerate(makers):
        link = maker(d, rng, "p%d" % i, link)
    return link


def child(grain, *makers, params=(), letters="D....", **options):
    """A hosted sparse child over a chain."""
    def make(d, rng):
        parent = chain(d, rng, makers)
        link = disk.mono(d, "d.vmdk", some(SIZE, grain, rng, letters),
                         parent=parent, cid=cid(rng), grain=grain, **options)
        return Target(link, params=params)
    return make


def cowd_child(grain, *makers):
    """A COWD child over a chain."""
    def make(d, rng):
        parent = chain(d, rng, makers)
        part = disk.cowd(d, "d-delta.vmdk", some(SIZE, grain, rng, "D..."),
                         grain=grain)
        link = disk.link(d, "d.vmdk", [part], parent=parent, cid=cid(rng))
        return Target(link, qemu=below_split not in makers)
    return make


def split_child(counts, *makers):
    """A child of several extents (qemu copies from wrong places when it
    writes to such a one, but reads it right)."""
    def make(d, rng):
        link = pieces(d, rng, "d", (16, 128, 8, 64),
                      chain(d, rng, makers), counts)
        return Target(link, qemu=counts is EVEN)
    return make


KINDS = {
    "flat": flat,
    "flat-pieces": flat_pieces,
    "vmfs": vmfs,
    "sparse": mono(128),
    "sparse-small-tables": mono(8, gtes=128, letters="D..ZR"),
    "sparse-absent-tables": mono(8, gtes=128, tables="used", letters="."),
    "sparse-one-copy": mono(16, redundant=False),
    "sparse-large-tables": mono(8, gtes=2048),
    "sparse-large-grains": mono(2048, letters="D.Z"),
    "sparse-unaligned": mono(16, align=1, gap=1, order="shuffle",
                             short=True),
    "sparse-no-zeroed-grains": mono(32, params=["zeroed-grains=off"]),
    "split": split,
    "split-even": split_even,
    "mixed": mixed,
    "cowd-1": cowd(1, "D......"),
    "cowd-empty": cowd(1, "."),
    "cowd-100": cowd(100, order="shuffle"),
    "child-of-flat": child(128, below_flat),
    "child-of-sparse": child(8, below_sparse, gtes=128),
    "child-of-stream": child(16, below_stream),
    "child-of-cowd": child(32, below_cowd, tables="used", gtes=128),
    "child-of-sesparse": child(128, below_sesparse, letters="D..Z"),
    "child-no-zeroed-grains": child(16, below_sparse,
                                    params=["zeroed-grains=off"]),
    "child-of-three": child(64, below_flat, below_cowd, below_sparse),
    "split-child": split_child(ODD, below_flat, below_split),
    "split-child-even": split_child(EVEN, below_flat, below_sparse),
    "cowd-child-of-flat": cowd_child(1, below_flat),
    "cowd-child-of-stream": cowd_child(16, below_stream),
    "cowd-child-of-three": cowd_child(8, below_split, below_sesparse),
}
