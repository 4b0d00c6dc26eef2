# SPDX-License-Identifier: BSD-3-Clause
"""Hostile COWD extents: the rows of vmdk-format.md 11.4 about their
capacity, grain size and directory, freeSector, and the strings in their
header; and files that are only called a disk (-ctk).

The rows of 11.4 about SESparse are in hostile-sesparse.py.  OVF files and
tar members are nothing that this server opens.
"""

from vmdkgen import content, disk, model, verify, wording, written
from vmdkgen.wording import (ALONE, BEYOND, IN_FRONT, IN_HEADER, IN_TABLE,
                             NO_TABLE, OUTSIDE, TABLE_TWICE, TWICE)

HOSTILE = True
SIZE = 12000                    # three tables of 4096 grains of a sector
GTES = 4096
DATA = content.scattered(SIZE, 1, range(0, SIZE, 20), 750)
NAME = wording.extent("c.vmdk")
ONES = (1 << 32) - 1
CAPACITY = "at least 1"
GRAIN = "1 to 2048 sectors"
ENTRIES = "enough entries for the whole capacity"
GD = ("a place inside the file, behind the header, for the whole grain "
      "directory")

# label: (fields, the field that is refused, what is expected of it)
BAD = {
    "version-0": ({"version": 0}, "version", "1"),
    "version-2": ({"version": 2}, "version", "1"),
    "version-all-ones": ({"version": ONES}, "version", "1"),
    "capacity-0": ({"numSectors": 0}, "numSectors", CAPACITY),
    "grain-0": ({"grainSize": 0}, "grainSize", GRAIN),
    "grain-2049": ({"grainSize": 2049}, "grainSize", GRAIN),
    "grain-all-ones": ({"grainSize": ONES}, "grainSize", GRAIN),
    "entries-0": ({"numGDEntries": 0}, "numGDEntries", ENTRIES),
    "entries-2": ({"numGDEntries": 2}, "numGDEntries", ENTRIES),
    "capacity-all-ones": ({"numSectors": ONES}, "numGDEntries", ENTRIES),
    "directory-0": ({"gdOffset": 0}, "gdOffset", GD),
    "directory-in-header": ({"gdOffset": 3}, "gdOffset", GD),
    "directory-past-end": ({"gdOffset": 1 << 31}, "gdOffset", GD),
    "directory-all-ones": ({"gdOffset": ONES}, "gdOffset", GD),
    "directory-larger-than-the-file": (
        {"numSectors": ONES, "numGDEntries": 1 << 20}, "gdOffset", GD),
}


def link_of(sub, **options):
    part = disk.cowd(sub, "c.vmdk", DATA, **options)
    return disk.link(sub, "d.vmdk", [part]), part.image


def headers(d):
    for label, (fields, field, expected) in BAD.items():
        sub = d.sub(label)
        link, _ = link_of(sub, fields=fields)
        value = fields.get(field, 3 if field == "numGDEntries" else 4)
        yield sub.refuse(link, exact=wording.header(field, value, expected,
                                                    NAME))
    for size in (512, 2047):
        sub = d.sub("cut-at-%d" % size)
        link, image = link_of(sub)
        image.truncate(size)
        yield sub.refuse(link, exact=(
            "%s: expected 2048 bytes at offset 0, but the file has only %d: "
            "it was truncated, or copied incompletely" % (NAME, size)))
    sub = d.sub("cut-in-directory")
    link, image = link_of(sub)
    image.truncate(2048 + 8)
    yield sub.refuse(link, exact=wording.header("gdOffset", 4, GD, NAME))
    for flags in (0, 1, 7, ONES):
        sub = d.sub("flags-%d" % flags)
        link, _ = link_of(sub, fields={"flags": flags})
        yield sub.serve(
            link, warns=["%s: expected 3 in the header's flags, found 0x%x"
                         % (NAME, flags)],
            reason="its header has flags that are not known, and what "
                   "depends on them could be left wrong")
    # More entries than the capacity needs, and strings without an end.
    sub = d.sub("more-entries")
    link, _ = link_of(sub, fields={"numGDEntries": 100})
    yield sub.serve(link)
    sub = d.sub("strings-without-an-end")
    link, image = link_of(sub)
    image.poke(32, b"\x1b[2J" * 256 + b"\xff" * 4)
    image.poke(1064, b"\x1b" * 572)
    yield sub.serve(link)


# label: (what entry 500 says, what is wrong for readers, and for writers)
GTE = {
    "gte-2": (lambda i: 2, IN_HEADER, IN_FRONT),
    "gte-3": (lambda i: 3, IN_HEADER, IN_FRONT),
    "gte-in-directory": (lambda i: 4, IN_TABLE, TWICE),
    "gte-in-its-table": (lambda i: i.tables[0] + 7, IN_TABLE, TWICE),
    "gte-in-another-table": (lambda i: i.tables[2] + 31, IN_TABLE, TWICE),
    "gte-at-the-end": (lambda i: i.file_size() // 512, BEYOND, OUTSIDE),
    "gte-all-ones": (lambda i: ONES, BEYOND, OUTSIDE),
}
GDE = {
    "gde-in-header": (lambda i: 3, NO_TABLE),
    "gde-in-directory": (lambda i: 4, NO_TABLE),
    "gde-half-past-end": (lambda i: i.file_size() // 512 - 31, NO_TABLE),
    "gde-all-ones": (lambda i: ONES, NO_TABLE),
}


def tables(d):
    for label, (value, reading, writing) in GTE.items():
        sub = d.sub(label)
        link, image = link_of(sub)
        at = value(image)
        image.set_gte(500, at)
        link.layer = image.fail(500).content
        yield sub.serve(
            link, exact=[wording.grain(500, at, reading, GTES, NAME)],
            reason=wording.damaged(wording.fill(
                writing, 500, at, image.file_size()), NAME))
    sub = d.sub("gte-of-another-grain")
    link, image = link_of(sub)
    image.set_gte(500, image.grains[480])
    link.layer = DATA.mark(500, 1, "data", 750, 480)
    yield sub.serve(link, reason=wording.damaged(
        TWICE % (500, image.grains[480]), NAME))
    for label, (value, writing) in GDE.items():
        sub = d.sub(label)
        link, image = link_of(sub)
        at = value(image)
        image.set_gde(1, at)
        link.layer = image.fail(GTES, GTES).content
        yield sub.serve(
            link, exact=[wording.directory(1, at, image.file_size(), GTES,
                                           NAME)],
            reason=wording.damaged(writing % (1, at), NAME))
    sub = d.sub("gde-of-another-table")
    link, image = link_of(sub)
    at = image.tables[0]
    image.set_gde(2, at)
    image.fail(0, GTES)
    link.layer = image.fail(2 * GTES, SIZE - 2 * GTES).content
    yield sub.serve(
        link, reason=wording.damaged(TABLE_TWICE % (2, at), NAME),
        exact=[wording.table(0, GTES, NAME) + ALONE % at,
               wording.table(2, GTES, NAME) + ALONE % at])


def new_places(d):
    """Where new grains would go, if the header were believed: over what is
    there, or far behind it.  A write has to leave all of it alone, and the
    file small."""
    places = [("free-sector", "freeSector", value) for value in (
        0, 2, 4, 5, 40, 1 << 31, ONES)]
    for name, field, value in places + [
            ("entries", "numGDEntries", 1 << 24),
            ("entries", "numGDEntries", ONES)]:
        sub = d.sub("%s-%d" % (name, value))
        link, image = link_of(sub, fields={field: value})
        now = model.Model(link.expected().read(0, SIZE * 512))
        written.write_once(link.path, now, 512, 3000)
        if image.file_size() > 4 << 20:
            raise verify.Difference("%s: the file has grown to %d bytes"
                                    % (sub.dir, image.file_size()))
        written.check_files(link.path, now.data)
        yield sub.serve(link, written.Left(now.data))


def called_disks(d):
    sub = d.sub("change-tracking-file")
    sub.write("d.vmdk", bytes.fromhex("a27219f6") + bytes(4092))
    yield sub.refuse("d.vmdk", exact=(
        "<disk>: expected a VMDK, found a changed block tracking file "
        "(-ctk.vmdk), which holds no data: name the descriptor of the disk"))
    sub = d.sub("change-tracking-file-as-extent")
    sub.write("c.vmdk", bytes.fromhex("a27219f6") + bytes(4092))
    part = disk.Part('RW 8 VMFSSPARSE "c.vmdk"', content.empty(8))
    yield sub.refuse(disk.link(sub, "d.vmdk", [part]), exact=(
        "%s: expected the signature of a VMFSSPARSE extent (KDMV, COWD or "
        "0xcafebabe), found the bytes a2 72 19 f6: the extent is encrypted, "
        "damaged, or not the file that belongs here" % NAME))


def make(d):
    for group in (headers, tables, new_places, called_disks):
        yield from group(d)
