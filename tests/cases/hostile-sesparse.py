# SPDX-License-Identifier: BSD-3-Clause
"""Hostile SESparse extents: the rows of vmdk-format.md 11.4 about their areas
and about the numbers of tables and grains.

Such extents are only read, whatever is in them, so one reason against
writing is all that there is.  The rows about COWD are in hostile-cowd.py.
"""

from vmdkgen import content, disk, sesparse, wording

HOSTILE = True
GTES = 4096
SIZE = 3 * GTES * 8             # three tables of 4096 grains of 8 sectors
DATA = content.scattered(SIZE, 8, range(0, 3 * GTES, 56), 760)
NAME = wording.extent("s.vmdk")
ONES = (1 << 64) - 1
TOP = (1 << 64) - 8
PLACE = "a place behind the header"
OWN = "a place of its own"
CAPACITY = "1 to 2^54-1 sectors"
DIRECTORY = "an area inside the file for the whole grain directory"
GRAINS = "room for the whole capacity"
TABLES = "no more than 67108864 grain tables' worth"
READ_ONLY = ("it is space-efficient (SESparse), whose rules for writing are "
             "not public: make a child link with create-parent, and write to "
             "that")
JOURNAL = ("%s: the journal of this space-efficient extent has not been "
           "replayed, so that its tables cannot be trusted: let ESXi open and "
           "close the disk once (power the virtual machine on and off, or "
           "vmkfstools --fix check), then copy it again" % NAME)
NO_ENTRY = ("%s: grain %d: entry %d of grain table %d is 0x%x, which is no "
            "entry of such an extent: the file is damaged")

# label: (fields, the field that is refused, its value, what is expected)
BAD = {
    "version-3": ({"version": 3 << 32 | 1}, "version", 3 << 32 | 1,
                  "2.1 (0x200000001)"),
    "capacity-0": ({"capacity": 0}, "capacity", 0, CAPACITY),
    "capacity-2-54": ({"capacity": 1 << 54}, "capacity", 1 << 54, CAPACITY),
    "capacity-all-ones": ({"capacity": ONES}, "capacity", ONES, CAPACITY),
    "capacity-of-too-many-tables": (
        {"capacity": 1 << 42}, "capacity", 1 << 42, TABLES),
    "capacity-beyond-the-directory": (
        {"capacity": 1 << 40}, "grainDirSize", 2048, DIRECTORY),
    "capacity-beyond-the-grains": (
        {"capacity": SIZE + 1}, "grainsSize", SIZE, GRAINS),
    "grain-0": ({"grainSize": 0}, "grainSize", 0, "8 sectors"),
    "grain-2-60": ({"grainSize": 1 << 60}, "grainSize", 1 << 60,
                   "8 sectors"),
    "table-0": ({"grainTableSize": 0}, "grainTableSize", 0, "64 sectors"),
    "table-2-60": ({"grainTableSize": 1 << 60}, "grainTableSize", 1 << 60,
                   "64 sectors"),
    "flags": ({"flags": 1 << 63}, "flags", 1 << 63, "0"),
    "reserved": ({"reserved3": 7}, "reserved fields", 1, "zeroes"),
    "volatile-magic": ({"volatileMagic": 0xcafebabe}, "volatile magic",
                       0xcafebabe, "0xcafecafe"),
    "volatile-in-header": ({"volatileHeaderOffset": 0},
                           "volatile header area", 0, PLACE),
    "volatile-2-60": ({"volatileHeaderOffset": 1 << 60},
                      "volatile header area", 1 << 60, PLACE),
    "volatile-size-2": ({"volatileHeaderOffset": 2047,
                         "volatileHeaderSize": 0}, "volatile header size", 0,
                        "1 sector"),
    "journal-over-volatile": ({"journalHeaderOffset": 1},
                              "journal header area", 1, OWN),
    "directory-in-header": ({"grainDirOffset": 0}, "grain directory area", 0,
                            PLACE),
    "directory-wraps": ({"grainDirOffset": TOP}, "grain directory area", TOP,
                        PLACE),
    "directory-over-journal": ({"grainDirOffset": 4095},
                               "grain directory area", 4095, OWN),
    "directory-past-end": ({"grainDirOffset": 1 << 40}, "grainDirSize", 2048,
                           DIRECTORY),
    "directory-size-0": ({"grainDirSize": 0}, "grainDirSize", 0, DIRECTORY),
    "directory-size-2-60": ({"grainDirSize": 1 << 60},
                            "grain directory area", 4096, PLACE),
    "tables-over-directory": ({"grainTablesOffset": 4096},
                              "grain table area", 4096, OWN),
    "tables-wrap": ({"grainTablesOffset": TOP}, "grain table area", TOP,
                    PLACE),
    "bitmap-over-tables": ({"freeBitmapOffset": 6144}, "free bitmap area",
                           6144, OWN),
    "backmap-wraps": ({"backMapOffset": ONES}, "back map area", ONES, PLACE),
    "grains-over-directory": ({"grainsOffset": 4100}, "grain area", 4100,
                              OWN),
    "grains-wrap": ({"grainsOffset": TOP}, "grain area", TOP, PLACE),
    "grains-size-8": ({"grainsSize": 8}, "grainsSize", 8, GRAINS),
    "grains-size-all-ones": ({"grainsSize": ONES}, "grain area", 12288,
                             PLACE),
}


def link_of(sub, **options):
    part = disk.sesparse(sub, "s.vmdk", DATA, **options)
    return disk.link(sub, "d.vmdk", [part]), part.image


def headers(d):
    for label, (fields, field, value, expected) in BAD.items():
        sub = d.sub(label)
        link, _ = link_of(sub, fields=fields)
        yield sub.refuse(link, exact=wording.header(field, value, expected,
                                                    NAME))
    for value in (1, ONES):
        sub = d.sub("journal-%d" % value)
        link, _ = link_of(sub, fields={"replayJournal": value})
        yield sub.refuse(link, exact=JOURNAL)
    sub = d.sub("cut-in-header")
    link, image = link_of(sub)
    image.truncate(300)
    yield sub.refuse(link, exact=(
        "%s: expected a header of 512 bytes, but the file has only 300: it "
        "was truncated, or copied incompletely" % NAME))
    sub = d.sub("cut-behind-header")
    link, image = link_of(sub)
    image.truncate(512)
    yield sub.refuse(link, exact=wording.header("grainDirSize", 2048,
                                                DIRECTORY, NAME))


def entries(d):
    """Entries of the table: a number beyond the area is told as what it is,
    before anything is multiplied with it."""
    for label, value in (
            ("nibble-4", 4 << 60), ("nibble-15", 15 << 60), ("rest-of-0", 1),
            ("rest-of-0-high", 1 << 59),
            ("number-past-area", sesparse.entry(SIZE // 8)),
            ("number-2-48", sesparse.entry(1 << 48)),
            ("number-2-60", sesparse.entry((1 << 60) - 1))):
        sub = d.sub("gte-" + label)
        link, image = link_of(sub)
        image.set_gte(700, value)
        link.layer = image.fail(700).content
        yield sub.serve(link, reason=READ_ONLY,
                        exact=[NO_ENTRY % (NAME, 700, 700, 0, value)])
    sub = d.sub("gte-number-past-file")
    link, image = link_of(sub)
    image.set_gte(5000, sesparse.entry(12000))
    link.layer = image.fail(5000).content
    yield sub.serve(link, reason=READ_ONLY, exact=[wording.grain(
        5000, image.grains_at + 12000 * 8, wording.BEYOND, GTES, NAME)])
    # Two entries for one grain are nothing that a reader has to fear.
    sub = d.sub("gte-number-of-another-grain")
    link, image = link_of(sub)
    image.set_gte(700, sesparse.entry(image.indexes[56]))
    link.layer = DATA.mark(700 * 8, 8, "data", 760, 56 * 8)
    yield sub.serve(link, reason=READ_ONLY)


def directories(d):
    for label, value in (
            ("nibble-0", 5), ("nibble-2", 2 << 60), ("nibble-15", 15 << 60),
            ("high-bits", 1 << 60 | 1 << 32),
            ("number-past-area", 1 << 60 | 5000),
            ("number-2-32", 1 << 60 | (1 << 32) - 1),
            ("all-ones", ONES)):
        sub = d.sub("gde-" + label)
        link, image = link_of(sub)
        image.set_gde(1, value)
        link.layer = image.fail(GTES, GTES).content
        yield sub.serve(link, reason=READ_ONLY, exact=[wording.directory(
            1, value, image.file_size(), GTES, NAME)])


def make(d):
    for group in (headers, entries, directories):
        yield from group(d)
