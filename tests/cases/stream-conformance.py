# SPDX-License-Identifier: BSD-3-Clause
"""The checker of finished stream-optimized files finds what is wrong with
them, and nothing in good ones: each rule is broken once."""

import struct
import subprocess

from vmdkgen import conform, content, disk, stream
from vmdkgen.verify import Difference
from vmdkgen.walk import digest


SIZE = 3 * 65536 - 51                   # three tables, the last grain short
LAST = 3 * 512 - 1
DATA = content.scattered(SIZE, 128, [0, 1, 5, 1024, LAST], 91)
HEADER = {name: offset for name, (offset, _)
          in stream.hosted.FIELDS.items()}


class File:
    """A good file in memory, to be damaged."""

    def __init__(self, sub, data=DATA, parent=None, **options):
        self.link = disk.streamed(sub, "d.vmdk", data, parent=parent,
                                  **options)
        self.image = self.link.image
        with open(self.link.path, "rb") as f:
            self.bytes = bytearray(f.read())

    def put(self, sector, offset, form, *values):
        struct.pack_into(form, self.bytes, sector * 512 + offset, *values)

    def get(self, sector, offset, form):
        return struct.unpack_from(form, self.bytes, sector * 512 + offset)[0]

    def header(self, field, form, value):
        """In the header, and in the footer, so that they agree."""
        self.put(0, HEADER[field], form, value)
        if field != "gdOffset":
            self.put(self.image.footer, HEADER[field], form, value)

    def replace(self, old, new):
        """In the descriptor; the text keeps its length."""
        assert len(old) == len(new) and old in self.bytes
        self.bytes = self.bytes.replace(old, new, 1)

    def insert(self, sector, block):
        """Before a sector; what is behind it moves, and no entry follows."""
        self.bytes[sector * 512:sector * 512] = block

    def cut(self, sector, count):
        del self.bytes[sector * 512:(sector + count) * 512]

    def grain_end(self, g):
        """The sector behind a grain."""
        at = self.image.grains[g]
        return at + -(-(12 + self.get(at, 8, "<I")) // 512)

    def check(self, loose=False, **rules):
        self.link.image.truncate(0)
        self.link.image.append(bytes(self.bytes))
        return conform.check(self.link.path, loose, **rules)


def header_damages():
    """label: (change, words) of what is before the grains."""
    for field, form, value in (
            ("version", "<I", 1), ("flags", "<I", 0x30003),
            ("flags", "<I", 0x10001), ("rgdOffset", "<Q", 21),
            ("gdOffset", "<Q", 21), ("grainSize", "<Q", 64),
            ("numGTEsPerGT", "<I", 256), ("compressAlgorithm", "<H", 0),
            ("uncleanShutdown", "<B", 1), ("descriptorOffset", "<Q", 2)):
        yield ("%s-%x" % (field, value), field + " of the header is",
               lambda f, a=field, b=form, c=value: f.header(a, b, c))
    yield ("zeroed-without-parent", "there is no parent",
           lambda f: f.header("flags", "<I", 0x30005))
    yield ("overhead-129", "no multiple of 128",
           lambda f: f.header("overHead", "<Q", 129))
    yield ("overhead-256", "the descriptor needs 128", large_overhead)
    yield ("newline", "newline bytes",
           lambda f: f.header("nonEndLineChar", "<B", 10))
    yield ("header-padding", "padding of the header",
           lambda f: f.put(0, 300, "<B", 1))
    yield ("create-type", "createType is",
           lambda f: f.replace(b"streamOptimized", b"streamOptimised"))
    yield ("extent-count", "the extent line says 196556",
           lambda f: f.replace(b"RW 196557", b"RW 196556"))
    yield ("extent-name", "the extent line names",
           lambda f: f.replace(b'"d.vmdk"', b'"e.vmdk"'))
    yield ("extent-access", "0 extent lines",
           lambda f: f.replace(b"RW 196557", b"XW 196557"))
    for cid in (b"ffffffff", b"fffffffe", b"0172e8ag"):
        yield ("cid-" + cid.decode(), "CID is",
               lambda f, x=cid: f.replace(b"CID=0172e8a4", b"CID=" + x))
    yield ("first-line", "does not begin",
           lambda f: f.replace(b"# Disk Desc", b"# disk desc"))
    yield ("behind-descriptor", "between descriptor and overhead",
           lambda f: f.put(100, 7, "<B", 1))
    yield ("no-zero-behind-descriptor", "not followed by a zero", no_zero)


def large_overhead(f):
    f.insert(128, bytes(128 * 512))
    f.put(0, HEADER["overHead"], "<Q", 256)


def no_zero(f):
    f.bytes = f.bytes.replace(bytes(20 * 512 - 400), b"#" * (20 * 512 - 400),
                              1)
    for at in range(512, 21 * 512):
        f.bytes[at] = f.bytes[at] or 35


def grain_damages():
    """Of one grain, or of its neighbours."""
    yield ("lba-unaligned", "no grain is at LBA 129",
           lambda f: f.put(f.image.grains[1], 0, "<Q", 129))
    yield ("lba-past-the-end", "no grain is at LBA 262144",
           lambda f: f.put(f.image.grains[LAST], 0, "<Q", 4 * 65536))
    yield ("lba-twice", "the grain at LBA 0 comes after",
           lambda f: f.put(f.image.grains[1], 0, "<Q", 0))
    yield ("grain-size", "the size in the marker",
           lambda f: f.put(f.image.grains[1], 8, "<I", 1 << 30))
    yield ("zlib-header", "no zlib header",
           lambda f: f.put(f.image.grains[1], 12, "<B", 0x79))
    yield ("deflate", "cannot be inflated",
           lambda f: f.put(f.image.grains[1], 14, "<B", 0xff))
    yield ("adler-32", "its Adler-32 is", spoil_sum)
    yield ("behind-a-grain", "in its last sector are not zero",
           lambda f: f.put(f.grain_end(1) - 1, 511, "<B", 1))
    yield ("marker-4", "marker of type 4",
           lambda f: f.insert(f.image.grains[1], stream.marker(4)))
    yield ("marker-9", "marker of type 9",
           lambda f: f.insert(f.image.grains[1], stream.marker(9)))
    yield ("early-table", "comes after its table",
           lambda f: f.insert(f.image.grains[5], early_table(f)))


def early_table(f):
    """The table that names the grains before 5."""
    rows = [f.image.grains[0], f.image.grains[1]] + [0] * 510
    return stream.marker(1, 4) + struct.pack("<512I", *rows)


def spoil_sum(f):
    at = f.image.grains[1]
    end = 12 + f.get(at, 8, "<I") - 1
    f.put(at, end, "<B", f.get(at, end, "<B") ^ 1)


def table_damages():
    """Of tables, the directory and what follows."""
    yield ("table-value", "the grain table marker says 3",
           lambda f: f.put(f.image.tables[0] - 1, 0, "<Q", 3))
    yield ("behind-a-marker", "behind the grain table marker",
           lambda f: f.put(f.image.tables[0] - 1, 16, "<B", 1))
    yield ("entry-missing", "entry 5 of the grain table is 0",
           lambda f: f.put(f.image.tables[0], 20, "<I", 0))
    yield ("entry-added", "entry 7 of the grain table is 1",
           lambda f: f.put(f.image.tables[0], 28, "<I", 1))
    yield ("entry-elsewhere", "entry 1 of the grain table",
           lambda f: f.put(f.image.tables[0], 4, "<I", f.image.grains[0]))
    yield ("table-missing", "comes before table 0",
           lambda f: f.cut(f.image.tables[0] - 1, 5))
    yield ("last-table-missing", "table 2 is missing",
           lambda f: f.cut(f.image.tables[2] - 1, 5))
    yield ("directory-value", "the grain directory marker says 4",
           lambda f: f.put(f.image.gd - 1, 0, "<Q", 4))
    yield ("directory-entry", "entry 0 of the grain directory",
           lambda f: f.put(f.image.gd, 0, "<I", f.image.tables[0] - 1))
    yield ("directory-moved", "is number 2",
           lambda f: f.put(f.image.gd, 4, "<II", f.image.tables[2], 0))
    yield ("directory-lacks-one", "has 1 entries, but there are 2",
           lambda f: f.put(f.image.gd, 8, "<I", 0))
    yield ("behind-the-directory", "bytes behind the grain directory",
           lambda f: f.put(f.image.gd, 12, "<I", 1))
    yield ("directory-missing", "marker of type 3 does not belong",
           lambda f: f.cut(f.image.gd - 1, 2))
    yield ("footer-missing", "no footer marker",
           lambda f: f.cut(f.image.footer - 1, 2))
    yield ("footer-differs", "byte 12 of the footer differs",
           lambda f: f.put(f.image.footer, 12, "<Q", SIZE + 1))
    yield ("footer-padding", "byte 500 of the footer differs",
           lambda f: f.put(f.image.footer, 500, "<B", 1))
    yield ("footer-names-the-marker", "gdOffset of the footer",
           lambda f: f.put(f.image.footer, HEADER["gdOffset"], "<Q",
                           f.image.gd - 1))
    yield ("no-end", "the file ends inside the end-of-stream marker",
           lambda f: f.cut(f.image.footer + 1, 1))
    yield ("end-not-zero", "end-of-stream marker is not zero",
           lambda f: f.put(f.image.footer + 1, 99, "<B", 1))
    yield ("sector-behind", "512 bytes follow",
           lambda f: f.insert(f.image.footer + 2, bytes(512)))
    yield ("byte-behind", "1 bytes follow",
           lambda f: f.insert(f.image.footer + 2, b"\0"))
    yield ("cut-off", "the file ends inside",
           lambda f: f.cut(f.image.grains[5] + 1, 99))
    yield ("half-a-sector", "the file ends inside",
           lambda f: f.bytes.__delitem__(slice(-256, None)))


# Options of the writer that are right elsewhere, but not in strict files.
CHOICES = {
    "layout-b": ("gdOffset of the header", {"layout": "B"}),
    "hybrid": ("gdOffset of the header", {"layout": "hybrid"}),
    "reversed": ("comes after the one at", {"reverse": True}),
    "short-last": ("inflates to 39424 bytes", {"full": False}),
    "raw-deflate": ("no zlib header", {"raw": True}),
    "trailing": ("3 bytes follow its zlib stream",
                 {"packed": {1: lambda p: p + b"abc"}}),
    "cut-stream": ("has no end", {"packed": {1: lambda p: p[:-6]}}),
    "two-grains-in-one": ("more than 65536 bytes",
                          {"packed": {1: lambda p:
                                      stream.deflate(bytes(65537))}}),
    "empty-tables": ("the grain table has no entry",
                     {"empty_tables": True}),
    "marker-values-0": ("marker says 0", {"marker_values": False}),
    "behind-capacity": ("data behind the capacity",
                        {"packed": {LAST: lambda p:
                                    stream.deflate(b"x" * 65536)}}),
    "blank": ("holds only zeroes",
              {"packed": {1: lambda p: stream.deflate(bytes(65536))}}),
    "read-only": ("1 extent lines, not one as it must be",
                  {"words": {"access": "RDONLY"}}),
    "late-keys": ("createType is not in the first",
                  {"words": {"title": "# Disk DescriptorFile\n#"
                             + "x" * 512}}),
}


def expect(file, words, label, loose=False, **rules):
    """The checker must complain in these words."""
    try:
        file.check(loose, **rules)
    except conform.NotConform as e:
        if words not in str(e) or "d.vmdk: sector " not in str(e):
            raise Difference("%s: expected %r, found: %s"
                             % (label, words, e)) from e
        return
    raise Difference("%s was not found" % label)


def good(file, loose=False, **rules):
    """The checker must be content, and see each grain."""
    size = file.image.grain * 512
    data = file.link.layer
    wanted = {}
    for g, state, block in stream.grain_runs(data, file.image.grain):
        block += bytes(size - len(block))
        wanted[g * file.image.grain] = digest(
            block if state == "data" else bytes(size))
    found = file.check(loose, **rules)
    if not loose and found != wanted:
        raise Difference("grains: expected %s, found %s" % (wanted, found))
    if found.keys() != wanted.keys():
        raise Difference("grains: expected %s, found %s"
                         % (wanted.keys(), found.keys()))


def strict(sub):
    count = 0
    for damages in (header_damages, grain_damages, table_damages):
        for label, words, change in damages():
            file = File(sub)
            change(file)
            expect(file, words, label)
            count += 1
    for label, (words, options) in CHOICES.items():
        expect(File(sub, **options), words, label)
        count += 1
    print("   %d changes were found" % count)


def loosely():
    """What only loose accepts, and what it does not: label, options,
    change, words or None."""
    for label, options in (
            ("B", {"layout": "B"}), ("hybrid", {"layout": "hybrid"}),
            ("reversed", {"reverse": True}), ("short", {"full": False}),
            ("no-end", {"layout": "B", "eos": False}),
            ("tail", {"layout": "B", "trailing": bytes(2000)}),
            ("values", {"marker_values": False}),
            ("type-4", {"before": {5: stream.marker(4, 9)[:16] + b"x" * 496}}),
            ("dead", {"before": {5: stream.grain_block(
                128, stream.deflate(bytes(65536)))}})):
        yield label, options, None, None
    yield ("loose-unclean", {}, lambda f: f.header("uncleanShutdown", "<B",
                                                   1), "uncleanShutdown")
    yield ("loose-adler", {"layout": "B"}, spoil_sum, "its Adler-32 is")
    yield ("loose-other-grain", {}, lambda f: f.put(
        f.image.tables[0], 4, "<I", f.image.grains[0]), "a block of LBA 0 and")
    yield ("loose-no-grain", {}, lambda f: f.put(
        f.image.tables[0], 4, "<I", f.image.grains[0] + 1),
        "is here, but the entry of LBA 128 says so")
    yield ("loose-front", {"layout": "B"}, lambda f: f.put(
        f.image.tables[0], 4, "<I", 3), "but the entry of LBA 128")
    yield ("loose-table", {}, lambda f: f.put(
        f.image.gd, 0, "<I", f.image.tables[0] - 1),
        "there is no marker of the grain table 0")
    yield ("loose-overlap", {"layout": "B"}, lambda f: f.put(
        f.image.gd, 4, "<I", f.image.tables[0] + 1), "overlaps")
    yield ("loose-footer", {"layout": "hybrid"}, lambda f: f.put(
        f.image.footer, HEADER["gdOffset"], "<Q", 1),
        "gdOffset of the footer")
    yield ("loose-no-footer", {}, lambda f: f.cut(f.image.footer - 1, 2),
           "there is no footer")
    yield ("loose-end", {}, lambda f: f.cut(f.image.footer + 1, 1),
           "there is no footer")
    yield ("loose-lost-middle", {"layout": "B"}, lambda f: f.put(
        f.image.grains[1], 0, "512x"), "a block of LBA 0 and 0 bytes")
    yield ("loose-behind", {}, lambda f: f.bytes.extend(bytes(512)),
           "there is no footer")


def walked(sub):
    """What can be looked up, but not be met on a walk."""
    for label, change, words in (
            ("stale-end", lambda f: f.insert(f.image.end // 512,
                                             bytes(f.bytes[65536:])),
             "data follows"),
            ("garbage", lambda f: f.insert(f.image.end // 512, b"x" * 512
                                           + bytes(f.bytes[65536:])),
             "data follows")):
        file = File(sub)
        change(file)
        file.check(loose=True)
        expect(file, words, label, loose=True, walk=True)
    # A grain inside a block of a kind that nobody knows.
    count = file.grain_end(1) - file.image.grains[1]
    file = File(sub, before={1: stream.marker(99, count)})
    file.check(loose=True)
    expect(file, "does not meet the grain", "hidden", loose=True, walk=True)


DDB = disk.descriptor.DDB + (
    ("ddb.toolsVersion", "2147483647"),
    ("ddb.longContentID", "00112233445566778899aabb0172e8a4"))
WHOLE = content.scattered(4096, 128, [3, 31], 94)


def for_importers(sub):
    """What a disk that create=true made needs besides."""
    File(sub, WHOLE, words={"ddb": DDB}).check(created=True)
    for label, words, data, ddb in (
            ("part-of-a-grain", "not whole grains", WHOLE.slice(0, 4095),
             DDB),
            ("no-tools", "toolsVersion is missing", WHOLE, DDB[:5]),
            ("no-adapter", "adapterType is missing", WHOLE,
             DDB[:4] + DDB[5:]),
            ("no-long-id", "longContentID is", WHOLE, DDB[:6]),
            ("other-long-id", "longContentID is", WHOLE,
             DDB[:6] + ((DDB[6][0], "0" * 32),))):
        expect(File(sub, data, words={"ddb": ddb}), words, label,
               created=True)
    for cid in ("fffffffe", "172e8a4"):
        file = File(sub, content.empty(4096), cid=cid, words={"ddb": DDB})
        file.check()
        expect(file, "CID is", cid, created=True)
    base = disk.mono(sub, "p.vmdk", content.empty(4096))
    expect(File(sub, WHOLE, parent=base, words={"ddb": DDB}),
           "there is a parent", "parent", created=True)


def by_qemu(sub):
    """qemu's files: never strict, always loose."""
    raw, path = sub.path("raw"), sub.path("d.vmdk")
    with open(raw, "wb") as f:
        f.write(DATA.base().read(0, SIZE * 512))
    subprocess.run(["qemu-img", "convert", "-O", "vmdk", "-o",
                    "subformat=streamOptimized", raw, path], check=True)
    try:
        conform.check(path)
    except conform.NotConform as e:
        if "rgdOffset of the header" not in str(e):
            raise Difference("qemu's file: %s" % e) from e
    else:
        raise Difference("qemu's file is taken for canonical")
    found = sorted(conform.check(path, loose=True, walk=True))
    if found != [g * 128 for g in (0, 1, 5, 1024, LAST)]:
        raise Difference("qemu's file: grains at %s" % found)


def make(d):
    scratch = d.sub("damaged")
    strict(scratch)
    for label, options, change, words in loosely():
        file = File(scratch, **options)
        if change is None:
            good(file, loose=True, walk=True)
        else:
            change(file)
            expect(file, words, label, loose=True)
    walked(scratch)
    by_qemu(d.sub("qemu"))
    external(d.sub("external"))
    for_importers(d.sub("for-importers"))

    files = [("plain", DATA, {}),
             ("empty", content.empty(SIZE), {"cid": "fffffffe"}),
             ("large-descriptor", DATA, {"descriptor_size": 200}),
             ("small-grains", content.scattered(SIZE, 8, [0, 900, 5000], 92),
              {"grain": 8, "gtes": 128})]
    for label, data, options in files:
        sub = d.sub(label)
        file = File(sub, data, **options)
        good(file, grain=file.image.grain, gtes=file.image.gtes)
        yield sub.serve(file.link)

    sub = d.sub("child")
    base = disk.mono(sub, "p.vmdk", content.full(SIZE, 93))
    data = DATA.mark(128 * 700, 128, "zero").mark(128 * 1000, 256, "zero")
    file = File(sub, data.mark(0, 128, "data", content.BLANK), parent=base)
    good(file)
    yield sub.serve(file.link)


def external(sub):
    """Without a descriptor inside."""
    part = disk.stream(sub, "d-s001.vmdk", DATA, descriptor_size=0,
                       overhead=128)
    conform.check(part.image.path, external=True)
    part.image.poke(513, b"x")
    try:
        conform.check(part.image.path, external=True)
    except conform.NotConform:
        return
    raise Difference("a byte before the overhead was not found")
