#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compare a disk that create=true made with what it must be, byte by byte.

usage: created.py TYPE SECTORS HWVERSION ADAPTER DISK [CID HINT [GEOMETRY]]

The descriptor's text and every byte of every extent follow from these.
CID and HINT are for the child of a parent, GEOMETRY (C/H/S) if the
child takes the parent's.  All of it is worked out here from the format
document, not by the plugin's code.
"""

import os
import re
import struct
import sys

# createType, keyword, extent names ("%d" is the number), sectors of a piece.
TYPES = {
    "monolithic-sparse": ("monolithicSparse", "SPARSE", None, None),
    "monolithic-flat": ("monolithicFlat", "FLAT", "-flat", None),
    "split-sparse": ("twoGbMaxExtentSparse", "SPARSE", "-s%03d", 4192256),
    "split-flat": ("twoGbMaxExtentFlat", "FLAT", "-f%03d", 4193792),
    "vmfs-flat": ("vmfs", "VMFS", "-flat", None),
    "vmfs-thin": ("vmfs", "VMFS", "-flat", None),
    "vmfs-sparse": ("vmfsSparse", "VMFSSPARSE", "-delta", None),
}

# (sectors, with descriptor): (directories, end of tables, first grain) of
# files of VMware and qemu.
SEEN = {
    (20480, True): (21, 26, 31, 128),
    (204800, True): (21, 38, 55, 128),
    (2097152, True): (21, 150, 279, 384),
    (4194304, True): (21, 278, 535, 640),
    (10485760, True): (21, 663, 1305, 1408),
    (83886080, True): (21, 5151, 10281, 10368),
    (6442450944, True): (21, 0x60315, None, 0xc0680),
    (20480, False): (1, 6, 11, 128),
    (4192256, False): (1, 258, 515, 640),
    (8323072, False): (1, 510, 1019, 1024),
}


def up(a, b):
    return -(-a // b)


def layout(sectors, embedded):
    """rgd, gd, end of tables, first grain, number of tables."""
    tables = up(sectors, 128 * 512)
    copy = up(tables * 4, 512) + tables * 4
    rgd = 21 if embedded else 1
    gd = rgd + copy
    return rgd, gd, gd + copy, up(gd + copy, 128) * 128, tables


def check_layout():
    for (sectors, embedded), seen in SEEN.items():
        found = layout(sectors, embedded)
        for mine, theirs in zip(found, seen):
            assert theirs is None or mine == theirs, (sectors, found, seen)


def pieces(kind, sectors):
    size = TYPES[kind][3] or sectors
    return [min(size, sectors - at) for at in range(0, sectors, size)]


def names(kind, disk, count):
    """The files of the extents."""
    suffix = TYPES[kind][2]
    base = os.path.basename(disk)
    if suffix is None:
        return [base]
    base = re.sub(r"\.vmdk$", "", base, flags=re.I) + suffix + ".vmdk"
    return [base % (i + 1) if "%" in suffix else base for i in range(count)]


def geometry(adapter, sectors):
    if adapter == "ide":
        return min(sectors // 1008, 16383), 16, 63
    if sectors < 2097152:
        return sectors // 2048, 64, 32
    if sectors < 4194304:
        return sectors // 4096, 128, 32
    return sectors // 16065, 255, 63


def text(kind, sectors, hw, adapter, disk, cid, hint, chs):
    """The descriptor, a regular expression in the place of random digits."""
    create_type, keyword, _, _ = TYPES[kind]
    out = ["# Disk DescriptorFile", "version=1"]
    out += ['encoding="UTF-8"'] if hw >= 7 else []
    out += ["CID=" + (cid or "fffffffe"), "parentCID=" + (cid or "ffffffff")]
    out += ['isNativeSnapshot="no"'] if hw >= 7 else []
    out += ['createType="%s"' % create_type]
    out += ['parentFileNameHint="%s"' % hint] if cid else []
    out += ["", "# Extent description"]
    counts = pieces(kind, sectors)
    for count, name in zip(counts, names(kind, disk, len(counts))):
        out.append('RW %d %s "%s"%s' % (count, keyword, name,
                                        " 0" if keyword == "FLAT" else ""))
    out += ["", "# The Disk Data Base ", "#DDB", ""]
    c, h, s = chs or geometry(adapter, sectors)
    out += ['ddb.virtualHWVersion = "%d"' % hw,
            'ddb.geometry.cylinders = "%d"' % c,
            'ddb.geometry.heads = "%d"' % h,
            'ddb.geometry.sectors = "%d"' % s,
            'ddb.adapterType = "%s"' % adapter]
    out += ['ddb.thinProvisioned = "1"'] if kind == "vmfs-thin" else []
    wanted = re.escape("\n".join(out) + "\n")
    if kind.startswith("vmfs"):
        wanted += 'ddb\\.longContentID = "[0-9a-f]{24}%s"\n' % (
            cid or "fffffffe")
    return wanted.encode()


class Wanted:
    """The bytes that a file must hold; zeroes where none are given."""

    def __init__(self, size):
        self.size = size
        self.parts = []

    def put(self, at, data):
        self.parts.append((at, data))

    def compare(self, path, skip=(0, 0)):
        """With the file, but for the bytes from skip[0] to skip[1]."""
        assert os.path.getsize(path) == self.size, (
            "%s: %d bytes, expected %d" % (path, os.path.getsize(path),
                                           self.size))
        with open(path, "rb", buffering=0) as f:
            for at, data in segments(f, not self.parts):
                want = bytearray(len(data))
                for start, part in self.parts:
                    low = max(start, at)
                    high = min(start + len(part), at + len(data))
                    if low < high:
                        want[low - at:high - at] = part[low - start:
                                                        high - start]
                a, b = max(skip[0], at), min(skip[1], at + len(data))
                if a < b:
                    want[a - at:b - at] = data[a - at:b - at]
                if bytes(want) != data:
                    bad = next(i for i in range(len(data))
                               if want[i] != data[i])
                    raise AssertionError("%s: byte %d is 0x%02x, expected "
                                         "0x%02x" % (path, at + bad,
                                                     data[bad], want[bad]))
            for at, part in self.parts:
                f.seek(at)
                assert f.read(len(part)) == part, (path, at)


def segments(f, flat):
    """The parts of a file that are no holes; of a large flat file, whose
    space is reserved, some of them."""
    size, at = os.fstat(f.fileno()).st_size, 0
    if flat and size > 1 << 28:
        for i in range(33):
            at = (size - (1 << 16)) // 32 * i
            yield at, os.pread(f.fileno(), 1 << 16, at)
        return
    while at < size:
        try:
            at = os.lseek(f.fileno(), at, os.SEEK_DATA)
        except OSError:
            return
        end = os.lseek(f.fileno(), at, os.SEEK_HOLE)
        while at < end:
            data = os.pread(f.fileno(), min(1 << 20, end - at), at)
            yield at, data
            at += len(data)


def hosted(sectors, embedded):
    rgd, gd, _, first, tables = layout(sectors, embedded)
    want = Wanted(first * 512)
    want.put(0, struct.pack(
        "<4sIIQQQQIQQQB4sH433x", b"KDMV", 1, 3, sectors, 128,
        1 if embedded else 0, 20 if embedded else 0, 512, rgd, gd, first,
        0, b"\n \r\n", 0))
    for at in (rgd, gd):
        begin = at + up(tables * 4, 512)
        want.put(at * 512, struct.pack(
            "<%dI" % tables, *range(begin, begin + 4 * tables, 4)))
    return want


def cowd(sectors):
    tables = up(sectors, 4096)
    free = 4 + up(tables * 4, 512)
    want = Wanted((free + 1) * 512)
    want.put(0, struct.pack("<4sIIIIIII", b"COWD", 1, 3, sectors, 1, 4,
                            tables, free))
    return want


def check(kind, sectors, hw, adapter, disk, cid=None, hint=None, chs=None):
    """AssertionError unless the disk is as it must be."""
    check_layout()
    wanted = text(kind, sectors, hw, adapter, disk, cid, hint, chs)
    directory = os.path.dirname(disk) or "."
    counts = pieces(kind, sectors)
    extents = names(kind, disk, len(counts))
    embedded = kind == "monolithic-sparse"
    for name, count in zip(extents, counts):
        if TYPES[kind][1] == "SPARSE":
            want = hosted(count, embedded)
        elif TYPES[kind][1] == "VMFSSPARSE":
            want = cowd(count)
        else:
            want = Wanted(count * 512)
        want.compare(os.path.join(directory, name),
                     (512, 21 * 512) if embedded else (0, 0))
    with open(disk, "rb") as f:
        f.seek(512 if embedded else 0)
        found = f.read(20 * 512) if embedded else f.read()
    if embedded:
        found = found.rstrip(b"\0")
    assert re.fullmatch(wanted, found), (
        "the descriptor is\n%s\nexpected\n%s" % (found.decode(),
                                                 wanted.decode()))
    left = [name for name in os.listdir(directory) if ".tmp" in name]
    assert not left, left


def main():
    kind, sectors, hw, adapter, disk = sys.argv[1:6]
    cid, hint = (sys.argv[6:8] + [None, None])[:2]
    chs = [int(n) for n in sys.argv[8].split("/")] if sys.argv[8:] else None
    check(kind, int(sectors), int(hw), adapter, disk, cid, hint, chs)


if __name__ == "__main__":
    try:
        main()
    except AssertionError as e:
        sys.exit("created.py: %s" % e)
