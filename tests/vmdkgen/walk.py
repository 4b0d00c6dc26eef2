# SPDX-License-Identifier: BSD-3-Clause
"""Going through a stream-optimized file from block to block, for conform.py.

Owns what each block looks like by itself: the header, the place of the
descriptor, markers, compressed grains.
"""

import hashlib
import os
import re
import struct
import zlib
from typing import NamedTuple

from . import hosted
from .image import ceil

COMPRESSED, MARKERS = 0x10000, 0x20000
EOS, GT, GD, FOOTER, SKIPPED = 0, 1, 2, 3, 4
NAMES = {EOS: "end-of-stream", GT: "grain table", GD: "grain directory",
         FOOTER: "footer", SKIPPED: "type 4"}
NEWLINES = b"\n \r\n"
DIRECTORY_FIELD = slice(56, 64)         # gdOffset in the header
PADDING = slice(79, 512)                # of the header
NOTE = slice(256 - 79, 300 - 79)        # in it: how much of a file that was
GAPS = b"NBDKGAP1"                      # closed in a hurry nothing names


class NotConform(Exception):
    """The file is not as it must be."""


class Rules(NamedTuple):
    """What is accepted.

    grain, gtes: in sectors and entries, of a strict file.  created: by
    create=true, without a parent, so the rules for VMware's importers hold
    too.  external: the descriptor is a file of its own.  walk: of a loose
    file, that one can also go from block to block, as 4.9 of the format
    document says, and meets all that the tables name.
    """
    grain: int = 128
    gtes: int = 512
    created: bool = False
    external: bool = False
    walk: bool = False


class Grain(NamedTuple):
    """A grain that was walked over.  problem: why it is not to be read."""
    sector: int
    count: int
    lba: int
    digest: str
    problem: str


class Input:
    """The file, sector after sector."""

    def __init__(self, f, name):
        self.f = f
        self.name = name
        self.at = 0
        self.sectors = os.fstat(f.fileno()).st_size // 512

    def bad(self, text, *values, at=None):
        where = self.at if at is None else at
        return NotConform("%s: sector %d: %s" % (self.name, where,
                                                 text % values))

    def seek(self, sector):
        """Not for strict files."""
        self.f.seek(sector * 512)
        self.at = sector

    def take(self, count, what):
        """The next sectors, which must be there."""
        data = self.f.read(count * 512)
        if len(data) != count * 512:
            raise self.bad("the file ends inside %s, %d bytes are missing",
                           what, count * 512 - len(data))
        self.at += count
        return data

    def rest(self):
        """How many bytes are left, and whether one is not zero."""
        count, zero = 0, True
        while data := self.f.read(1 << 20):
            count += len(data)
            zero = zero and data.count(0) == len(data)
        return count, zero


class Header:
    """The fields of a header or footer."""

    def __init__(self, block):
        self.block = block
        for name, (offset, form) in hosted.FIELDS.items():
            setattr(self, name, struct.unpack_from(form, block, offset)[0])

    def unlike(self, other):
        """The first byte that differs from another, but for gdOffset."""
        a, b = bytearray(self.block), bytearray(other.block)
        a[DIRECTORY_FIELD] = b[DIRECTORY_FIELD] = bytes(8)
        return next((i for i in range(512) if a[i] != b[i]), None)


def is_power(n):
    return n > 0 and n & (n - 1) == 0


def inflate(packed, grain_bytes):
    """(content, problem) of a compressed grain; one of them is None."""
    if len(packed) < 2 or packed[0] & 15 != 8 or packed[0] >> 4 > 7 \
            or (packed[0] << 8 | packed[1]) % 31 or packed[1] & 32:
        return None, "begins with %s, that is no zlib header" % (
            packed[:2].hex(" "))
    codec = zlib.decompressobj(-15)
    try:
        data = codec.decompress(packed[2:], grain_bytes + 1)
    except zlib.error as e:
        return None, "cannot be inflated: %s" % e
    if len(data) > grain_bytes:
        return None, "inflates to more than %d bytes" % grain_bytes
    if not codec.eof or len(codec.unused_data) < 4:
        return None, "its zlib stream has no end"
    found = struct.unpack_from(">I", codec.unused_data)[0]
    if found != zlib.adler32(data):
        return None, "its Adler-32 is %08x, must be %08x" % (
            found, zlib.adler32(data))
    if len(codec.unused_data) > 4:
        return None, "%d bytes follow its zlib stream" % (
            len(codec.unused_data) - 4)
    return data, None


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Walk:
    """What strict and loose have in common: the header, the descriptor, and
    going from block to block."""

    notes = True

    def __init__(self, source, rules):
        self.source = source
        self.rules = rules
        self.bad = source.bad
        self.head = Header(source.take(1, "the header"))
        self.child = rules.external
        self.basic_header()

    def need(self, good, text, *values, at=None):
        if not good:
            raise self.bad(text, *values, at=at)

    def fields(self, wanted):
        for name, good in wanted.items():
            value = getattr(self.head, name)
            self.need(value in good, "%s of the header is %d, not %s", name,
                      value, " or ".join("%d" % one for one in good), at=0)

    def basic_header(self):
        """What no reader can do without."""
        head = self.head
        self.fields({"magic": [hosted.MAGIC], "compressAlgorithm": [1],
                     "uncleanShutdown": [0]})
        padding = bytearray(head.block[PADDING])
        if self.notes and padding[NOTE].startswith(GAPS):
            padding[NOTE] = bytes(NOTE.stop - NOTE.start)
        self.need(not any(padding),
                  "the padding of the header is not zero", at=0)
        self.need(head.block[73:77] == NEWLINES,
                  "the newline bytes of the header are %s",
                  head.block[73:77].hex(" "), at=0)
        self.need(head.capacity > 0 and is_power(head.grainSize)
                  and is_power(head.numGTEsPerGT),
                  "capacity, grainSize, numGTEsPerGT of the header are "
                  "%d, %d, %d", head.capacity, head.grainSize,
                  head.numGTEsPerGT, at=0)
        self.grains = ceil(head.capacity, head.grainSize)
        self.groups = ceil(self.grains, head.numGTEsPerGT)
        self.table_sectors = ceil(head.numGTEsPerGT * 4, 512)
        self.directory_sectors = ceil(self.groups * 4, 512)

    def front(self):
        """Everything before the overhead, the header too."""
        head = self.head
        self.need(0 < head.overHead < 1 << 24, "overHead is %d",
                  head.overHead, at=0)
        front = head.block + self.source.take(head.overHead - 1,
                                              "the overhead")
        if self.rules.external:
            return front
        start = head.descriptorOffset * 512
        end = start + head.descriptorSize * 512
        self.need(512 <= start < end <= len(front),
                  "the descriptor is at %d+%d, before the overhead at %d",
                  head.descriptorOffset, head.descriptorSize, head.overHead,
                  at=0)
        self.text = front[start:end].split(b"\0", 1)[0]
        self.child = self.key("parentCID") not in (None, b"ffffffff")
        return front

    def key(self, name):
        """The value of a key that is in the descriptor once; None if it is
        not."""
        found = re.findall(rb'^%s *= *"?([^"\n]*)"?$' % name.encode(),
                           self.text, re.M)
        self.need(len(found) < 2, "the descriptor has %s %d times", name,
                  len(found), at=1)
        return found[0] if found else None

    def block(self):
        """The next block: (type, value, first sector); a grain's type is
        None, its value the Grain."""
        at = self.source.at
        first = self.source.take(1, "the stream, which has no end")
        value, size, kind = struct.unpack_from("<QII", first)
        if size:
            return None, self.grain(at, value, size, first), at
        return kind, value, at, first

    def grain(self, at, lba, size, first):
        """Walk over a grain and look into it."""
        head = self.head
        full = head.grainSize * 512
        self.need(size <= 2 * full + 1024, "the size in the marker of the "
                  "grain at LBA %d is %d", lba, size, at=at)
        self.need(lba % head.grainSize == 0 and lba < head.capacity,
                  "no grain is at LBA %d", lba, at=at)
        count = ceil(12 + size, 512)
        data = first + self.source.take(count - 1, "the grain at LBA %d"
                                        % lba)
        problem = None
        content, problem = inflate(data[12:12 + size], full)
        if problem is None:
            problem = self.wrong_content(lba, content, full)
        if problem is None and any(data[12 + size:]):
            problem = "the bytes behind it in its last sector are not zero"
        return Grain(at, count, lba, digest(content) if content else "",
                     problem)

    def wrong_content(self, lba, content, full):
        raise NotImplementedError

    def table(self, what, sectors, entries):
        """A block of entries, zero behind them."""
        at = self.source.at
        data = self.source.take(sectors, what)
        self.need(not any(data[entries * 4:]),
                  "the bytes behind the %s are not zero", what, at=at)
        return struct.unpack_from("<%dI" % entries, data)

    def zero_digest(self):
        return digest(bytes(self.head.grainSize * 512))
