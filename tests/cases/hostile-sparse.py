# SPDX-License-Identifier: BSD-3-Clause
"""Hostile headers of hosted sparse extents: the rows of vmdk-format.md 11.2
about file length, capacity, grainSize, numGTEsPerGT, the descriptor's place,
gdOffset and rgdOffset, version and flags, compressAlgorithm, uncleanShutdown
and overHead.

The rows of 11.2 about GDE, GTE and redundant tables are in
hostile-tables.py.
"""

import os

from vmdkgen import content, disk, wording

HOSTILE = True
SIZE = 20480
DATA = content.pattern(SIZE, 128, "D.D", 730)
VERSION = "1, 2 or 3"
CAPACITY = "less than 2^54 sectors"
TABLES = "no more than 67108864 grain tables' worth"
GRAIN = "a power of two from 1 to 65536 sectors"
GTES = "a power of two from 128 to 65536"
TEXT = "a place inside the file for the whole descriptor"
TEXT_FIRST = "a place before the grains (overHead) for the whole descriptor"
TEXT_SIZE = "1 to 32768 sectors"
GD = ("a place inside the file, behind header and descriptor, for the whole "
      "grain directory")
OVERHEAD = "a place inside the file"
INCOMPATIBLE = "no bit above 17"
BOTH = "bits 16 and 17 both set or both clear"
NOT_PACKED = "0 (none), since flag bit 16 is clear"
PACKED = "1 (deflate), since flag bit 16 is set"
ONES = (1 << 64) - 1

# label: (fields, the field that is refused, what is expected of it)
BAD = {
    "version-0": ({"version": 0}, "version", VERSION),
    "version-4": ({"version": 4}, "version", VERSION),
    "version-2-31": ({"version": 1 << 31}, "version", VERSION),
    "version-all-ones": ({"version": (1 << 32) - 1}, "version", VERSION),
    "flag-18": ({"flags": 1 << 18 | 3}, "flags", INCOMPATIBLE),
    "flag-31": ({"flags": 1 << 31 | 3}, "flags", INCOMPATIBLE),
    "flags-all-ones": ({"flags": (1 << 32) - 1}, "flags", INCOMPATIBLE),
    "markers-only": ({"flags": 1 << 17 | 3}, "flags", BOTH),
    "compressed-without-markers": (
        {"flags": 1 << 16 | 3, "compressAlgorithm": 1}, "flags", BOTH),
    "algorithm-without-flag": ({"compressAlgorithm": 1},
                               "compressAlgorithm", NOT_PACKED),
    "flag-without-algorithm": ({"flags": 3 << 16 | 3, "compressAlgorithm": 0},
                               "compressAlgorithm", PACKED),
    "algorithm-2": ({"flags": 3 << 16 | 3, "compressAlgorithm": 2},
                    "compressAlgorithm", PACKED),
    "algorithm-65535": ({"compressAlgorithm": 65535}, "compressAlgorithm",
                        NOT_PACKED),
    "capacity-2-54": ({"capacity": 1 << 54}, "capacity", CAPACITY),
    "capacity-2-63": ({"capacity": 1 << 63}, "capacity", CAPACITY),
    "capacity-all-ones": ({"capacity": ONES}, "capacity", CAPACITY),
    "capacity-of-too-many-tables": ({"capacity": (1 << 42) + 1}, "capacity",
                                    TABLES),
    "grain-0": ({"grainSize": 0}, "grainSize", GRAIN),
    "grain-3": ({"grainSize": 3}, "grainSize", GRAIN),
    "grain-131072": ({"grainSize": 131072}, "grainSize", GRAIN),
    "grain-2-40": ({"grainSize": 1 << 40}, "grainSize", GRAIN),
    "grain-2-55": ({"grainSize": 1 << 55}, "grainSize", GRAIN),
    "grain-2-63": ({"grainSize": 1 << 63}, "grainSize", GRAIN),
    "grain-all-ones": ({"grainSize": ONES}, "grainSize", GRAIN),
    "gtes-0": ({"numGTEsPerGT": 0}, "numGTEsPerGT", GTES),
    "gtes-64": ({"numGTEsPerGT": 64}, "numGTEsPerGT", GTES),
    "gtes-500": ({"numGTEsPerGT": 500}, "numGTEsPerGT", GTES),
    "gtes-131072": ({"numGTEsPerGT": 131072}, "numGTEsPerGT", GTES),
    "gtes-2-31": ({"numGTEsPerGT": 1 << 31}, "numGTEsPerGT", GTES),
    "gtes-all-ones": ({"numGTEsPerGT": (1 << 32) - 1}, "numGTEsPerGT", GTES),
    "text-past-end": ({"descriptorOffset": 1 << 30}, "descriptorOffset",
                      TEXT),
    "text-2-55": ({"descriptorOffset": 1 << 55}, "descriptorOffset", TEXT),
    "text-2-60": ({"descriptorOffset": 1 << 60}, "descriptorOffset", TEXT),
    "text-all-ones": ({"descriptorOffset": ONES}, "descriptorOffset", TEXT),
    "text-among-grains": ({"descriptorOffset": 140}, "descriptorOffset",
                          TEXT_FIRST),
    "text-size-0": ({"descriptorSize": 0}, "descriptorSize", TEXT_SIZE),
    "text-size-2-23": ({"descriptorSize": 1 << 23}, "descriptorSize",
                       TEXT_SIZE),
    "text-size-2-60": ({"descriptorSize": 1 << 60}, "descriptorSize",
                       TEXT_SIZE),
    "text-over-directories": ({"descriptorSize": 60}, "gdOffset", GD),
    "gd-0": ({"gdOffset": 0}, "gdOffset", GD),
    "gd-in-descriptor": ({"gdOffset": 1}, "gdOffset", GD),
    "gd-end-of-descriptor": ({"gdOffset": 20}, "gdOffset", GD),
    "gd-at-end": ({"gdOffset": ONES}, "gdOffset", GD),
    "gd-past-end": ({"gdOffset": 1 << 30}, "gdOffset", GD),
    "gd-2-55": ({"gdOffset": 1 << 55}, "gdOffset", GD),
    "gd-2-62": ({"gdOffset": 1 << 62}, "gdOffset", GD),
    "overhead-2-32": ({"overHead": 1 << 32}, "overHead", OVERHEAD),
    "overhead-2-55": ({"overHead": 1 << 55}, "overHead", OVERHEAD),
    "overhead-2-63": ({"overHead": 1 << 63}, "overHead", OVERHEAD),
}

CUT_HEADER = ("<disk>: expected a header of 512 bytes, but the file has only "
              "%d: it was truncated, or copied incompletely")
OTHER_COUNT = ("%s: the descriptor expects %d sectors in this extent, but its "
               "header states a capacity of %d: the file is not the one that "
               "belongs here")
LOST = ("<disk>: the header promises a redundant grain directory, but its "
        "place cannot be one: it is not used")
NO_PROMISE = ("its header promises a redundant grain directory in a place "
              "that cannot be one: check the disk first")
UNCLEAN = ("<disk>: the extent was not closed cleanly by the program that "
           "wrote it last")
UNKNOWN_FLAGS = ("its header has flags that are not known, and what depends "
                 "on them could be left wrong")


def headers(d):
    for label, (fields, field, expected) in BAD.items():
        sub = d.sub(label)
        link = disk.mono(sub, "d.vmdk", DATA, fields=fields)
        value = fields.get(field, link.image.gd)
        yield sub.refuse(link, exact=wording.header(field, value, expected))


def cut_files(d):
    """Files that end in what their header says is there."""
    no_version = (
        '<disk>: expected a VMDK, found a text without a "version=" line, '
        "which every descriptor has: name the descriptor of the disk, or "
        "serve raw data with the file plugin")
    for label, size, exact in (
            ("nothing", 0, "<disk>: expected a VMDK, found an empty file"),
            ("in-magic", 3, no_version),
            ("behind-magic", 4, CUT_HEADER % 4),
            ("in-flags", 9, CUT_HEADER % 9),
            ("behind-fields", 79, CUT_HEADER % 79),
            ("in-header", 511, CUT_HEADER % 511),
            ("behind-header", 512, wording.header("descriptorOffset", 1,
                                                  TEXT)),
            ("in-descriptor", 700, wording.header("descriptorOffset", 1,
                                                  TEXT)),
            ("behind-descriptor", 21 * 512, wording.header("overHead", 128,
                                                           OVERHEAD)),
            ("in-overhead", 128 * 512 - 1, wording.header("overHead", 128,
                                                          OVERHEAD))):
        sub = d.sub("cut-" + label)
        link = disk.mono(sub, "d.vmdk", DATA)
        link.image.truncate(size)
        yield sub.refuse(link, exact=exact)
    sub = d.sub("cut-in-directory")
    link = disk.mono(sub, "d.vmdk", content.empty(1 << 28),
                     fields={"overHead": 0})
    link.image.truncate(link.image.gd * 512 + 100)
    yield sub.refuse(link, exact=wording.header("gdOffset", link.image.gd,
                                                GD))
    sub = d.sub("petabytes-in-a-tiny-file")
    link = disk.mono(sub, "d.vmdk", DATA, fields={"capacity": 1 << 41})
    yield sub.refuse(link, exact=wording.header("gdOffset", link.image.gd,
                                                GD))


def petabytes(d):
    """As many tables as there may be, in a file that is one hole: neither
    the directory nor the tables may be held in memory."""
    size = 1 << 42
    sub = d.sub("two-petabytes-of-nothing")
    text = disk.embedded_text("d.vmdk", size, None, "0172e8a4",
                              "monolithicSparse", {})
    image = disk.hosted_format.write(
        sub.path("d.vmdk"), content.empty(1 << 20), descriptor=text,
        redundant=False, tables="used",
        fields={"capacity": size, "overHead": 1 << 20})
    os.truncate(image.path, 1 << 29)
    yield sub.serve("d.vmdk", content.zeroes(size))


def served(d):
    for label, rgd in (("0", 0), ("same", None), ("2-40", 1 << 40),
                       ("2-55", 1 << 55), ("all-ones", ONES),
                       ("in-descriptor", 3)):
        sub = d.sub("rgd-" + label)
        link = disk.mono(sub, "d.vmdk", DATA)
        link.image.set_header("rgdOffset",
                              link.image.gd if rgd is None else rgd)
        yield sub.serve(link, warns=[LOST], reason=NO_PROMISE)
    for value in (1, 255):
        sub = d.sub("unclean-%d" % value)
        link = disk.mono(sub, "d.vmdk", DATA,
                         fields={"uncleanShutdown": value})
        yield sub.serve(link, warns=[UNCLEAN])
    for bit in (3, 15):
        sub = d.sub("flag-%d" % bit)
        link = disk.mono(sub, "d.vmdk", DATA, flags=3 | 1 << bit)
        yield sub.serve(link, reason=UNKNOWN_FLAGS)
    sub = d.sub("overhead-0")
    yield sub.serve(disk.mono(sub, "d.vmdk", DATA, fields={"overHead": 0}))
    # The text's count is less than the header's capacity: what is behind it
    # does not exist.
    sub = d.sub("count-below-capacity")
    part = disk.sparse(sub, "s.vmdk", DATA, count=1000)
    yield sub.serve(disk.link(sub, "d.vmdk", [part]))
    sub = d.sub("count-above-capacity")
    part = disk.sparse(sub, "s.vmdk", DATA, count=SIZE + 1)
    yield sub.refuse(disk.link(sub, "d.vmdk", [part]), exact=OTHER_COUNT % (
        wording.extent("s.vmdk"), SIZE + 1, SIZE))


def make(d):
    for group in (headers, cut_files, petabytes, served):
        yield from group(d)
