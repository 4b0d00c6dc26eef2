#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compare a disk that create=true made with what it must be, byte by byte.

usage: created.py TYPE SECTORS HWVERSION ADAPTER DISK [CID HINT [GEOMETRY]]
                  [ddb.KEY=VALUE...]

The descriptor's text and every byte of every extent follow from these.
CID and HINT are for the child of a parent, GEOMETRY (C/H/S) if the
child takes the parent's; the keys are those that were asked for.  All of it
is worked out here from the format document, not by the plugin's code.
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
    "stream-optimized": ("streamOptimized", "SPARSE", None, None),
}
EMBEDDED = ("monolithic-sparse", "stream-optimized")

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


def database(kind, cid, keys):
    """The end of the descriptor, a regular expression."""
    if kind == "stream-optimized" and not cid:
        keys = {"ddb.toolsVersion": "2147483647", **keys}
    out = ""
    if kind.startswith("vmfs") or kind == "stream-optimized":
        out += 'ddb\\.longContentID = "[0-9a-f]{24}(?P=cid)"\n'
    for key in sorted(keys):
        out += re.escape('%s = "%s"\n' % (key, keys[key]))
    return out


def text(kind, sectors, hw, adapter, disk, cid, hint, chs, keys):
    """The descriptor, a regular expression in the place of random digits."""
    create_type, keyword, _, _ = TYPES[kind]
    out = ["# Disk DescriptorFile", "version=1"]
    out += ['encoding="UTF-8"'] if hw >= 7 else []
    out += ["CID=@", "parentCID=" + (cid or "ffffffff")]
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
    # Not the CIDs that mean "never written" and "no parent".
    mine = "(?!fffffff[ef])[0-9a-f]{8}" if kind == "stream-optimized" \
        else "fffffffe"
    wanted = wanted.replace("=@", "=(?P<cid>%s)" % (cid or mine), 1)
    return (wanted + database(kind, cid, keys)).encode()


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


def stream(sectors):
    """Header, descriptor, padding; marker and directory, which names no
    tables; marker and footer; end of stream."""
    directory = up(up(sectors, 128 * 512) * 4, 512)
    end = 129 + directory
    want = Wanted((end + 3) * 512)
    for at, gd in ((0, 0xffffffffffffffff), (end + 1, 129)):
        want.put(at * 512, struct.pack(
            "<4sIIQQQQIQQQB4sH433x", b"KDMV", 3, 0x30001, sectors, 128, 1, 20,
            512, 0, gd, 128, 0, b"\n \r\n", 1))
    want.put(128 * 512, struct.pack("<QII496x", directory, 0, 2))
    want.put(end * 512, struct.pack("<QII496x", 1, 0, 3))
    return want


def cowd(sectors):
    tables = up(sectors, 4096)
    free = 4 + up(tables * 4, 512)
    want = Wanted((free + 1) * 512)
    want.put(0, struct.pack("<4sIIIIIII", b"COWD", 1, 3, sectors, 1, 4,
                            tables, free))
    return want


def check(kind, sectors, hw, adapter, disk, cid=None, hint=None, chs=None,
          keys=()):
    """AssertionError unless the disk is as it must be."""
    check_layout()
    if kind == "stream-optimized" and not cid:
        sectors = up(sectors, 128) * 128    # for VMware's importers
    wanted = text(kind, sectors, hw, adapter, disk, cid, hint, chs, dict(keys))
    directory = os.path.dirname(disk) or "."
    counts = pieces(kind, sectors)
    extents = names(kind, disk, len(counts))
    embedded = kind in EMBEDDED
    for name, count in zip(extents, counts):
        if kind == "stream-optimized":
            want = stream(count)
        elif TYPES[kind][1] == "SPARSE":
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
    words = [word for word in sys.argv[1:] if not word.startswith("ddb.")]
    keys = [word.split("=", 1) for word in sys.argv[1:] if word not in words]
    kind, sectors, hw, adapter, disk = words[:5]
    cid, hint = (words[5:7] + [None, None])[:2]
    chs = [int(n) for n in words[7].split("/")] if words[7:] else None
    check(kind, int(sectors), int(hw), adapter, disk, cid, hint, chs, keys)


if __name__ == "__main__":
    try:
        main()
    except AssertionError as e:
        sys.exit("created.py: %s" % e)
