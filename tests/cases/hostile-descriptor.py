# SPDX-License-Identifier: BSD-3-Clause
"""Hostile text in a descriptor: the rows of vmdk-format.md 11.1 about the
whole file, version, CID, keys in comments and values, duplicate keys, extent
count, createType, changeTrackPath and ddb.* paths, geometry and encoding.

The rows of 11.1 about extent names and FLAT offsets are in
hostile-extents.py, those about parents in hostile-parents.py.
"""

import os

from vmdkgen import content, descriptor, disk, wording

HOSTILE = True
SIZE = 2048
DATA = content.pattern(SIZE, 128, "D.DDB" * 4, 700)
FLAT = 'RW 2048 FLAT "d.raw" 0'
MAX = (1 << 54) - 1             # sectors: bytes fit in 63 bits
TOO_LARGE = ("<disk>: expected a VMDK descriptor of at most 16 MiB, found %d "
             "bytes; if this is the data of a flat disk, name the descriptor "
             "that belongs to it")
NO_VMDK = ("<disk>: expected a VMDK, found neither a descriptor nor the "
           "signature of an extent; if this is the data of a flat disk "
           "(-flat.vmdk), name the descriptor that belongs to it, or serve "
           "it with the file plugin")
VERSION = "1, 2 or 3"
DIGITS = "1 to 8 hexadecimal digits"
COUNT = "expected a number of sectors below 2^54 after the access keyword"
CONFLICT = ("its descriptor sets a key twice, to different values: remove "
            "one of the two lines")
ALL_READ_ONLY = ("all of its extents are marked as read-only in the "
                 "descriptor")
TRACKED = ("its changes are tracked (CBT: version=3 or changeTrackPath in "
           "the descriptor), and the next incremental backup would miss what "
           "is written now: drop-cbt=true ends the tracking and writes")
FILTERED = ("I/O filters of vSphere have state about it in other files "
            "(ddb.iofilters, ddb.sidecars), which would become wrong: remove "
            "the filters in vSphere first")


def flat(sub, **words):
    """A good flat disk, but for these words."""
    return disk.link(sub, "d.vmdk", [disk.flat(sub, "d.raw", DATA)], **words)


def lines(sub, extents, **words):
    """A descriptor with these extent lines, from line 7 on."""
    disk.raw_file(sub.path("d.raw"), DATA)
    parts = [disk.Part(line, content.empty(1)) for line in extents]
    words.setdefault("create_type", "custom")
    return disk.link(sub, "d.vmdk", parts, **words)


def whole_file(d):
    """Gigabytes of text without a newline, in files that are mostly hole."""
    for label, text, size in (
            ("three-gib-of-one-line", b"# Disk DescriptorFile", 3 << 30),
            ("three-gib-after-a-descriptor",
             descriptor.build([FLAT]) + b"\0# ", 3 << 30),
            ("sixteen-mib-and-one-byte", b"version=1\n", (16 << 20) + 1)):
        sub = d.sub(label)
        os.truncate(sub.write("d.vmdk", text), size)
        yield sub.refuse("d.vmdk", exact=TOO_LARGE % size)
    sub = d.sub("three-gib-of-nul")
    os.truncate(sub.write("d.vmdk", b""), 3 << 30)
    yield sub.refuse("d.vmdk", exact=NO_VMDK)
    sub = d.sub("sixteen-mib-of-one-line")
    sub.write("d.vmdk", b"x" * (16 << 20))
    yield sub.refuse("d.vmdk", exact=wording.line(
        1, "expected a line of at most 64 KiB", "x" * 40))
    # Legal, and as long as it may be: lines that nobody understands, of
    # which a few are told.
    sub = d.sub("two-million-odd-lines")
    text = descriptor.build([disk.flat(sub, "d.raw", DATA).line],
                            create_type="custom")
    count = ((16 << 20) - len(text)) // 8
    sub.write("d.vmdk", text + b"odd one\n" * count)
    first = text.count(b"\n") + 1
    yield sub.serve("d.vmdk", DATA.base(), warns=[
        wording.odd_line(first + i, "ignored, not understood", "odd one")
        for i in range(8)])


def nul_inside(d):
    sub = d.sub("text-after-nul-is-not-seen")
    link = flat(sub, pad=1)
    with open(link.path, "ab") as f:
        f.write(b'RW 8 FLAT "/etc/passwd" 0\nparentCID=1\n')
    yield sub.serve(link)
    sub = d.sub("nul-in-name")
    link = lines(sub, ['RW 2048 FLAT "d.raw\0.vmdk" 0'])
    yield sub.refuse(link, exact=wording.line(
        8, "expected a closing quote behind the name",
        'RW 2048 FLAT "d.raw'))
    sub = d.sub("nul-before-the-extents")
    sub.write("d.vmdk", descriptor.build([FLAT]).replace(b"# Ext", b"\0# Ext"))
    yield sub.refuse("d.vmdk", exact=(
        '<disk>: expected at least one extent line such as RW 2048 FLAT '
        '"disk-flat.vmdk" 0 in the descriptor, found none'))


# label: (words, the key, what is expected of it, what is found)
KEYS = {
    "version-0": ({"version": "0"}, "version", VERSION, "0"),
    "version-4": ({"version": "4"}, "version", VERSION, "4"),
    "version-2-32": ({"version": 1 << 32 | 1}, "version", VERSION,
                     str(1 << 32 | 1)),
    "version-2-64": ({"version": 1 << 64 | 1}, "version", VERSION,
                     str(1 << 64 | 1)),
    "version-of-900-digits": ({"version": "1" * 900}, "version", VERSION,
                              "1" * 900),
    "version-negative": ({"version": "-1"}, "version", VERSION, "-1"),
    "version-hex": ({"version": "0x1"}, "version", VERSION, "0x1"),
    "version-plus": ({"version": "+1"}, "version", VERSION, "+1"),
    "version-fraction": ({"version": "1.0"}, "version", VERSION, "1.0"),
    "version-blank": ({"version": ""}, "version", VERSION, ""),
    "version-escape": ({"version": "\x1b[2J1"}, "version", VERSION,
                       "\x1b[2J1"),
    "cid-of-nine-digits": ({"cid": "10172e8a4"}, "CID", DIGITS, "10172e8a4"),
    "cid-of-a-megabyte-less": ({"cid": "0" * 60000}, "CID", DIGITS,
                               "0" * 60000),
    "cid-0x": ({"cid": "0x172e8a4"}, "CID", DIGITS, "0x172e8a4"),
    "cid-blank": ({"cid": ""}, "CID", DIGITS, ""),
    "cid-negative": ({"cid": "-1"}, "CID", DIGITS, "-1"),
    "cid-two-words": ({"cid": "01 02"}, "CID", DIGITS, "01 02"),
    "parent-cid-of-nine-digits": ({"parent_cid": "fffffffff"}, "parentCID",
                                  DIGITS, "fffffffff"),
    "parent-cid-0x": ({"parent_cid": "0xffffff"}, "parentCID", DIGITS,
                      "0xffffff"),
    "parent-cid-blank": ({"parent_cid": ""}, "parentCID", DIGITS, ""),
}


def keys(d):
    for label, (words, key, expected, found) in KEYS.items():
        sub = d.sub(label)
        yield sub.refuse(flat(sub, **words),
                         exact=wording.key(key, expected, found))
    sub = d.sub("cid-ffffffff")
    yield sub.serve(flat(sub, cid="ffffffff"), warns=[
        "<disk>: CID=ffffffff is no content ID: a child of this disk would "
        "seem to have no parent"])
    for label, extra in (
            ("hint-in-comment", '# parentFileNameHint="/etc/shadow"'),
            ("parent-cid-in-comment", "#parentCID=00000001"),
            ("hint-in-value", 'x="parentFileNameHint=/etc/shadow"'),
            ("parent-cid-in-value", "some.key = parentCID=00000001"),
            ("hint-in-longer-key", 'xparentFileNameHint="/etc/shadow"'),
            ("cid-in-longer-key", "grandparentCID=00000001"),
            ("extent-in-comment", '# RW 8 FLAT "/etc/shadow" 0'),
            ("extent-in-value", 'x="RW 8 FLAT /etc/shadow 0"')):
        sub = d.sub(label)
        yield sub.serve(flat(sub, extra=[extra]))


def duplicates(d):
    """The first wins, for whoever asks; nothing is written then."""
    for label, second in (
            ("cid", "CID=99999999"), ("parent-cid", "parentCID=00000001"),
            ("create-type", 'createType="vmfsRawDeviceMap"'),
            ("version", "version=3"),
            ("native", 'isNativeSnapshot="yes"')):
        sub = d.sub("duplicate-" + label)
        native = "no" if label == "native" else None
        link = flat(sub, extra=[second], native=native)
        number = 7 if native else 6
        yield sub.serve(link, reason=CONFLICT, warns=[wording.odd_line(
            number, "the key was set before; this value is ignored",
            second)])
    sub = d.sub("duplicate-that-agrees")
    yield sub.serve(flat(sub, extra=["parentCID=ffffffff"]))


# label: (extent lines, line number, problem); that line is what is found
COUNTS = {
    "count-2-54": (["RW %d ZERO" % (1 << 54)], 8, COUNT),
    "count-2-63": (["RW %d ZERO" % (1 << 63)], 8, COUNT),
    "count-2-64": (["RW %d ZERO" % ((1 << 64) + 8)], 8, COUNT),
    "count-of-300-digits": (["RW %s ZERO" % ("9" * 300)], 8, COUNT),
    "count-negative": (["RW -8 ZERO"], 8, COUNT),
    "count-hex": (['RW 0x800 FLAT "d.raw" 0'], 8, COUNT),
    "sum-2-54": (["RW %d ZERO" % MAX, "RW 1 ZERO"], 9,
                 "expected extents of less than 2^54 sectors in all"),
    "sum-2-64": (["RW %d ZERO" % MAX] * 1024, 9,
                 "expected extents of less than 2^54 sectors in all"),
    "count-70000-zero": (["RW 1 ZERO"] * 70000, 8 + 65536,
                         "expected at most 65536 extents"),
    "count-70000-flat": (['RW 1 FLAT "d%d.raw" 0' % i for i in range(70000)],
                         8 + 65536, "expected at most 65536 extents"),
}


def counts(d):
    for label, (extents, number, problem) in COUNTS.items():
        sub = d.sub(label)
        yield sub.refuse(lines(sub, extents), exact=wording.line(
            number, problem, extents[number - 8]))
    sub = d.sub("count-0")
    yield sub.refuse(lines(sub, ["RW 0 ZERO"] * 10), exact=(
        '<disk>: expected at least one extent line such as RW 2048 FLAT '
        '"disk-flat.vmdk" 0 in the descriptor, found none'))
    sub = d.sub("count-65536-zero")
    link = lines(sub, ["RW 1 ZERO"] * 65536)
    yield sub.serve(link.path, content.zeroes(65536), reason=ALL_READ_ONLY)
    # One file, opened again for each line: it must stay one descriptor.
    sub = d.sub("count-65536-flat-of-one-file")
    name = "d" * 200 + ".raw"
    os.rename(flat(sub).path[:-len("vmdk")] + "raw", sub.path(name))
    link = lines(sub, ['RDONLY 1 FLAT "%s" 5' % name] * 65536)
    one = DATA.base().slice(5, 1)
    yield sub.serve(link.path, content.join([one] * 65536),
                    reason=ALL_READ_ONLY)


def create_types(d):
    sub = d.sub("flat-type-over-sparse-extent")
    part = disk.sparse(sub, "s.vmdk", DATA)
    yield sub.serve(
        disk.link(sub, "d.vmdk", [part], create_type="monolithicFlat"),
        warns=["<disk>: a disk of createType monolithicFlat has no SPARSE "
               "extents, but this one has; it is read as the extents say"])
    sub = d.sub("sparse-type-over-flat-extent")
    yield sub.serve(
        flat(sub, create_type="monolithicSparse"),
        warns=["<disk>: a disk of createType monolithicSparse has no FLAT "
               "extents, but this one has; it is read as the extents say"])
    # CVE-2022-47951: an allowed type, and an extent that is a host's file.
    sub = d.sub("stream-type-over-a-file-of-the-host")
    link = lines(sub, ['RW 1 FLAT "/etc/passwd" 0'],
                 create_type="streamOptimized")
    yield sub.refuse(
        link, exact=wording.outside("the extent of line 8", "/etc/passwd",
                                    ["<dir>/passwd"]),
        warns=["<disk>: a disk of createType streamOptimized has no FLAT "
               "extents, but this one has; it is read as the extents say"])
    sub = d.sub("type-of-60000-bytes")
    yield sub.serve(flat(sub, create_type="x" * 60000))


def never_opened(d):
    """What is named there is a FIFO: who opened it would wait for ever."""
    for label, reason, words in (
            ("change-track-path", TRACKED, {"change_track": "fifo"}),
            ("change-track-path-outside", TRACKED,
             {"change_track": "/etc/passwd"}),
            ("sidecar", FILTERED, {"ddb": (("ddb.sidecars", "fifo,1;"),)}),
            ("filters", FILTERED, {"ddb": (("ddb.iofilters", "fifo"),)}),
            ("other-ddb", None, {"ddb": (("ddb.deletable", "fifo"),
                                         ("ddb.comment", "/etc/passwd"),
                                         ("ddb.thinProvisioned", "fifo"))})):
        sub = d.sub("never-opened-" + label)
        os.mkfifo(sub.path("fifo"))
        yield sub.serve(flat(sub, **words), reason=reason)


def geometry(d):
    for label, numbers in (("0", ("0", "0", "0")), ("blank", ("", "", "")),
                           ("huge", ("9" * 40, "9" * 40, "9" * 40)),
                           ("negative", ("-1", "-16", "-63"))):
        names = ("cylinders", "heads", "sectors")
        sub = d.sub("geometry-" + label)
        yield sub.serve(flat(sub, ddb=tuple(
            ("ddb.geometry." + name, n) for name, n in zip(names, numbers))))


def encodings(d):
    """A charset that is unknown, or keeps a state, leaves bytes as bytes."""
    for charset in ("no-such-charset", "ISO-2022-JP", "UTF-7", "UTF-16",
                    "UTF-8//TRANSLIT", "../../../tmp/x", "x" * 60000, "%n%s"):
        sub = d.sub("encoding-" + charset[:10].replace("/", "-"))
        disk.flat(sub, "made.raw", DATA)
        os.rename(sub.path("made.raw"), os.fsencode(sub.dir) + b"/\xe9.raw")
        line = disk.extent_line(SIZE, "FLAT", "\xe9.raw", 0)
        yield sub.serve(disk.link(
            sub, "d.vmdk", [disk.Part(line, DATA.base())], charset="cp1252",
            encoding=charset))


def make(d):
    for group in (whole_file, nul_inside, keys, duplicates, counts,
                  create_types, never_opened, geometry, encodings):
        yield from group(d)
