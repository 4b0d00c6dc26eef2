# SPDX-License-Identifier: BSD-3-Clause
"""Hostile grain directories and grain tables of hosted sparse extents: the
rows of vmdk-format.md 11.2 about GDE, GTE, GTE near 2^32 and redundant
tables, each for reading (EIO there, and only there) and for writing (the
disk can only be read, and why).

That a GDE of 0 gets a table when it is written to is in
write-absent-tables.py.  The rows of 11.2 about headers are in
hostile-sparse.py.
"""

from vmdkgen import content, disk, wording
from vmdkgen.wording import (ALONE, BEYOND, IN_FRONT, IN_HEADER, IN_TABLE,
                             NO_TABLE, OUTSIDE, TABLE_TWICE, TWICE)

HOSTILE = True
GRAIN = 4
GTES = 512
SIZE = 3 * GTES * GRAIN         # three grain tables, of four sectors each
DATA = content.pattern(SIZE, GRAIN, "D" * 3 * GTES, 740)
ONES = (1 << 32) - 1
INSTEAD = ("; the redundant copy of grain table %d is used instead: copy the "
           "disk while it can be read")
ONE_TABLE = "grain table %d and its redundant copy are one"
DIFFERENT = ("entry %d of grain table %d is %d, and %d in the redundant copy "
             "of that table")


def both(image, grain, value):
    """The same entry in both copies of the table."""
    image.set_gte(grain, value)
    if image.rtables:
        image.set_gte(grain, value, redundant=True)


# label: (what entry 20 says, what is wrong for readers, and for writers)
GTE = {
    "gte-in-descriptor": (lambda i: 2, IN_HEADER, IN_FRONT),
    "gte-end-of-descriptor": (lambda i: 20, IN_HEADER, IN_FRONT),
    "gte-in-directory": (lambda i: i.gd, IN_TABLE, TWICE),
    "gte-before-directory": (lambda i: i.gd - 3, IN_TABLE, TWICE),
    "gte-in-redundant-directory": (lambda i: i.rgd, IN_TABLE, TWICE),
    "gte-in-its-table": (lambda i: i.tables[0], IN_TABLE, TWICE),
    "gte-in-another-table": (lambda i: i.tables[2] + 1, IN_TABLE, TWICE),
    "gte-in-redundant-table": (lambda i: i.rtables[1] + 3, IN_TABLE, TWICE),
    "gte-at-the-end": (lambda i: i.file_size() // 512, BEYOND, OUTSIDE),
    "gte-half-past-end": (lambda i: i.file_size() // 512 - 2, BEYOND,
                          OUTSIDE),
    "gte-2-31": (lambda i: 1 << 31, BEYOND, OUTSIDE),
    "gte-all-ones": (lambda i: ONES, BEYOND, OUTSIDE),
    "gte-wraps-to-0": (lambda i: ONES - GRAIN + 1, BEYOND, OUTSIDE),
    "gte-wraps-to-the-header": (lambda i: ONES - 1, BEYOND, OUTSIDE),
}


def entries(d):
    for label, (value, reading, writing) in GTE.items():
        sub = d.sub(label)
        link = disk.mono(sub, "d.vmdk", DATA, grain=GRAIN)
        at = value(link.image)
        both(link.image, 20, at)
        link.layer = link.image.fail(20).content
        yield sub.serve(
            link, exact=[wording.grain(20, at, reading)],
            reason=wording.damaged(wording.fill(
                writing, 20, at, link.image.file_size())))
    # The first and the last grain, and two that are neighbours.
    sub = d.sub("gte-three-of-them")
    link = disk.mono(sub, "d.vmdk", DATA, grain=GRAIN)
    for grain in (0, 700, 701, 1535):
        both(link.image, grain, ONES)
        link.layer = link.image.fail(grain).content
    yield sub.serve(
        link, exact=[wording.grain(grain, ONES, BEYOND)
                     for grain in (0, 700, 1535)],
        reason=wording.damaged(
            OUTSIDE % (0, ONES, link.image.file_size())))


def shared_grains(d):
    """Two entries for one place: it reads as what is there, but a write to
    one grain would change the other."""
    for label, grain, other, shift, second in (
            ("same", 9, 600, 0, 512), ("half", 9, 600, 2, 512),
            ("neighbour", 600, 601, 0, 601)):
        sub = d.sub("gte-of-another-grain-" + label)
        link = disk.mono(sub, "d.vmdk", DATA, grain=GRAIN)
        both(link.image, grain, link.image.grains[other] + shift)
        link.layer = DATA.mark(grain * GRAIN, GRAIN, "data", 740,
                               other * GRAIN + shift)
        # Found with the run of grains that has the second of the two.
        yield sub.serve(link, reason=wording.damaged(TWICE % (
            second, link.image.grains[second])))


# label: (what entry 1 of the directory says, what is wrong for writers)
GDE = {
    "gde-in-descriptor": (lambda i: 5, NO_TABLE),
    "gde-in-its-directory": (lambda i: i.gd, NO_TABLE),
    "gde-before-directory": (lambda i: i.gd - 3, NO_TABLE),
    "gde-half-past-end": (lambda i: i.file_size() // 512 - 3, NO_TABLE),
    "gde-2-31": (lambda i: 1 << 31, NO_TABLE),
    "gde-all-ones": (lambda i: ONES, NO_TABLE),
    "gde-wraps": (lambda i: ONES - 3, NO_TABLE),
}


def directories(d):
    for label, (value, writing) in GDE.items():
        sub = d.sub(label)
        link = disk.mono(sub, "d.vmdk", DATA, grain=GRAIN, redundant=False)
        at = value(link.image)
        link.image.set_gde(1, at)
        link.layer = link.image.fail(GTES, GTES).content
        size = link.image.file_size()
        yield sub.serve(link, exact=[wording.directory(1, at, size)],
                        reason=wording.damaged(writing % (1, at)))
        # With a good copy everything can be read, which is worth a word.
        sub = d.sub(label + "-with-a-copy")
        link = disk.mono(sub, "d.vmdk", DATA, grain=GRAIN)
        at = value(link.image)
        link.image.set_gde(1, at)
        size = link.image.file_size()
        yield sub.serve(link, reason=wording.damaged(writing % (1, at)),
                        warns=[wording.directory(1, at, size)
                               + INSTEAD % 1])
    sub = d.sub("gde-bad-in-both-directories")
    link = disk.mono(sub, "d.vmdk", DATA, grain=GRAIN)
    link.image.set_gde(2, 1 << 31)
    link.image.set_gde(2, 1 << 30, redundant=True)
    link.layer = link.image.fail(2 * GTES, GTES).content
    yield sub.serve(link, reason=wording.damaged(NO_TABLE % (2, 1 << 31)),
                    exact=[wording.directory(2, 1 << 31,
                                             link.image.file_size())])


def shared_tables(d):
    """Two entries for one table, or for parts of it: both are refused."""
    for label, shift in (("same", 0), ("part", 1)):
        sub = d.sub("gde-of-another-table-" + label)
        link = disk.mono(sub, "d.vmdk", DATA, grain=GRAIN, redundant=False)
        at = link.image.tables[2]
        link.image.set_gde(0, at + shift)
        link.image.fail(0, GTES)
        link.layer = link.image.fail(2 * GTES, GTES).content
        yield sub.serve(
            link, reason=wording.damaged(TABLE_TWICE % (2, at)),
            exact=[wording.table(0) + ALONE % (at + shift),
                   wording.table(2) + ALONE % at])
        sub = d.sub("gde-of-another-table-%s-with-a-copy" % label)
        link = disk.mono(sub, "d.vmdk", DATA, grain=GRAIN)
        at = link.image.tables[2]
        link.image.set_gde(0, at + shift)
        yield sub.serve(
            link, reason=wording.damaged(TABLE_TWICE % (2, at)),
            warns=[wording.table(0) + ALONE % (at + shift) + INSTEAD % 0])
    # A table where a grain is: the guest would write its own entries.
    sub = d.sub("gde-in-a-grain")
    data = DATA.mark(7 * GRAIN, GRAIN, "data", content.BLANK)
    link = disk.mono(sub, "d.vmdk", data, grain=GRAIN, redundant=False)
    at = link.image.grains[7]
    link.image.set_gde(1, at)
    link.layer = link.image.fail(7).content.mark(GTES * GRAIN, GTES * GRAIN,
                                                 "zero")
    yield sub.serve(
        link, exact=[wording.grain(7, at, IN_TABLE)],
        reason=wording.damaged(TWICE % (0, link.image.grains[0])))


def copies(d):
    """The redundant tables say something else than the primary ones."""
    for label, grain, value in (
            ("another-grain", 5, lambda i: i.grains[600]),
            ("nothing", 515, lambda i: 0), ("zeroed", 1535, lambda i: 1),
            ("all-ones", 0, lambda i: ONES)):
        sub = d.sub("rgt-" + label)
        link = disk.mono(sub, "d.vmdk", DATA, grain=GRAIN)
        at = value(link.image)
        link.image.set_gte(grain, at, redundant=True)
        yield sub.serve(link, reason=wording.damaged(DIFFERENT % (
            grain % GTES, grain // GTES, link.image.grains[grain], at)))
    sub = d.sub("rgde-past-end")
    link = disk.mono(sub, "d.vmdk", DATA, grain=GRAIN)
    link.image.set_gde(1, 1 << 30, redundant=True)
    yield sub.serve(link, reason=wording.damaged(NO_TABLE % (1, 1 << 30)))
    sub = d.sub("rgde-is-the-gde")
    link = disk.mono(sub, "d.vmdk", DATA, grain=GRAIN)
    link.image.set_gde(1, link.image.tables[1], redundant=True)
    yield sub.serve(link, reason=wording.damaged(ONE_TABLE % 1))
    sub = d.sub("tables-exchanged")
    link = disk.mono(sub, "d.vmdk", DATA, grain=GRAIN)
    image = link.image
    image.set_gde(0, image.tables[2])
    image.set_gde(2, image.tables[0])
    for start, first in ((0, 2 * GTES), (2 * GTES, 0)):
        link.layer = link.layer.mark(start * GRAIN, GTES * GRAIN, "data",
                                     740, first * GRAIN)
    yield sub.serve(link, reason=wording.damaged(DIFFERENT % (
        0, 0, image.grains[2 * GTES], image.grains[0])))


def make(d):
    for group in (entries, shared_grains, directories, shared_tables,
                  copies):
        yield from group(d)
