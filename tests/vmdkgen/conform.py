# SPDX-License-Identifier: BSD-3-Clause
"""Is a finished stream-optimized file as it must be?

Stated from the format document alone.  check() returns what the grains
hold, or raises NotConform, which says where and what.

Strict is the canonical layout that a finished file must have.  The file is
read from its first to its last sector, once and without seeking, as an
importer reads it from a network.  Loose is for what was closed in a hurry,
and for other people's files: what the tables name is there and whole.

usage: python3 -m vmdkgen.conform FILE [--loose [--walk]] [--created]
       [--grain=N] [--gtes=N] [--external]
"""

import argparse
import os
import re
import struct
import sys

from . import hosted
from .image import ceil
from .walk import (COMPRESSED, EOS, FOOTER, GD, GT, MARKERS, NAMES, SKIPPED,
                   Header, Input, NotConform, Rules, Walk)

AT_END = 0xffffffffffffffff
STRICT_FLAGS = COMPRESSED | MARKERS | hosted.NEWLINE
FAR = 1 << 32                           # no entry can name this sector
GOVMOMI = 512                           # it reads no more of a descriptor

EXTENT = re.compile(rb'^RW (\d+) SPARSE "([^"]+)"$', re.M)
EXTENTS = re.compile(rb"^\s*(?:RW|RDONLY|NOACCESS)\s", re.M)


class Strict(Walk):
    """The canonical layout."""

    notes = False

    def run(self):
        self.header()
        self.descriptor(self.front())
        self.last = -1                  # LBA of the last grain
        self.rows = {}                  # slot -> sector since the last table
        self.group = -1                 # of the last grain
        self.tables = []                # (group or None, sector, entries)
        self.seen = {}                  # LBA -> digest
        while self.metadata():
            pass
        self.end()
        if not self.rules.external and (self.seen or self.rules.created):
            self.need(self.key("CID") != b"fffffffe",
                      "CID is fffffffe, as if nobody had written yet", at=1)
        return self.seen

    def header(self):
        head, rules = self.head, self.rules
        self.fields({
            "version": [3], "grainSize": [rules.grain],
            "numGTEsPerGT": [rules.gtes], "rgdOffset": [0],
            "gdOffset": [AT_END],
            "flags": [STRICT_FLAGS, STRICT_FLAGS | hosted.ZEROGRAIN],
            "descriptorOffset": [0 if rules.external else 1]})
        self.need(head.overHead > 0 and head.overHead % 128 == 0,
                  "overHead is %d, no multiple of 128", head.overHead, at=0)
        if rules.external:
            self.fields({"descriptorSize": [0]})
        self.need(not rules.created or head.capacity % head.grainSize == 0,
                  "capacity of the header is %d, not whole grains of %d",
                  head.capacity, head.grainSize, at=0)
        needed = ceil(1 + head.descriptorSize, 128) * 128
        self.need(head.overHead == needed, "overHead is %d, but the "
                  "descriptor needs %d", head.overHead, needed, at=0)

    def descriptor(self, front):
        """Its text, and the zeroes behind it."""
        self.need(self.child or not self.head.flags & hosted.ZEROGRAIN,
                  "flags of the header are 0x%x, but there is no parent",
                  self.head.flags, at=0)
        if self.rules.external:
            self.need(not any(front[512:]),
                      "the bytes before the overhead are not zero", at=1)
            return
        behind = 512 + len(self.text)
        self.need(len(self.text) < self.head.descriptorSize * 512,
                  "the descriptor is not followed by a zero", at=1)
        self.need(not any(front[behind:]),
                  "the bytes between descriptor and overhead are not zero",
                  at=behind // 512)
        self.keys()
        self.extent_line()

    def keys(self):
        self.need(self.text.startswith(b"# Disk DescriptorFile\n"),
                  "the descriptor does not begin with its usual line", at=1)
        self.need(self.key("createType") == b"streamOptimized",
                  "createType is %s", self.key("createType"), at=1)
        self.need(self.text.find(b"createType=") < GOVMOMI,
                  "createType is not in the first %d bytes of the "
                  "descriptor", GOVMOMI, at=1)
        for name in ("CID", "parentCID"):
            value = self.key(name)
            digits = rb"[0-9a-f]{8}" if self.rules.created \
                else rb"[0-9a-f]{1,8}"
            self.need(value and re.fullmatch(digits, value), "%s is %s",
                      name, value, at=1)
        self.need(self.key("CID") != b"ffffffff", "CID is ffffffff", at=1)
        if not self.rules.created:
            return
        self.need(not self.child, "there is a parent", at=1)
        for name in ("ddb.virtualHWVersion", "ddb.toolsVersion",
                     "ddb.adapterType", "ddb.geometry.cylinders",
                     "ddb.geometry.heads", "ddb.geometry.sectors"):
            self.need(self.key(name), "%s is missing", name, at=1)
        long_id = self.key("ddb.longContentID") or b""
        self.need(re.fullmatch(rb"[0-9a-f]{32}", long_id)
                  and long_id.endswith(self.key("CID")),
                  "ddb.longContentID is %s, CID is %s", long_id,
                  self.key("CID"), at=1)

    def extent_line(self):
        line = EXTENT.search(self.text)
        count = len(EXTENTS.findall(self.text))
        self.need(line and count == 1,
                  "the descriptor has %d extent lines, not one as it must be",
                  count, at=1)
        self.need(line.end() <= GOVMOMI, "the extent line is not in the "
                  "first %d bytes of the descriptor", GOVMOMI, at=1)
        self.need(int(line[1]) == self.head.capacity,
                  "the extent line says %d sectors, the header %d",
                  int(line[1]), self.head.capacity, at=1)
        name = os.fsencode(self.source.name)
        self.need(line[2] == name, "the extent line names %s, not %s",
                  line[2], name, at=1)

    def wrong_content(self, lba, content, full):
        left = (self.head.capacity - lba) * 512
        if len(content) != full:
            return "inflates to %d bytes, not to %d" % (len(content), full)
        if left < full and any(content[left:]):
            return "has data behind the capacity"
        if not any(content) and not self.child:
            return "holds only zeroes"
        return None

    def metadata(self):
        """The grains up to the next other block, and that block.  False
        when it was the directory."""
        kind, value, at, *rest = self.block()
        if kind is None:
            self.take_grain(value)
            return True
        self.need(not any(rest[0][16:]),
                  "the bytes behind the %s marker are not zero",
                  NAMES.get(kind, "unknown"), at=at)
        self.need(kind in (GT, GD), "the marker of type %d does not belong "
                  "here", kind, at=at)
        self.need(at + 1 < FAR, "too far for an entry", at=at)
        if kind == GT:
            self.take_table(value, at)
        else:
            self.take_directory(value, at)
        return kind != GD

    def take_grain(self, grain):
        at, lba = grain.sector, grain.lba
        g = lba // self.head.grainSize
        group = g // self.head.numGTEsPerGT
        self.need(at < FAR, "too far for an entry", at=at)
        self.need(lba > self.last, "the grain at LBA %d comes after the one "
                  "at %d", lba, self.last, at=at)
        self.need(not self.rows or group == self.group,
                  "a grain of table %d comes before table %d", group,
                  self.group, at=at)
        self.need(self.rows or group > self.group,
                  "the grain at LBA %d comes after its table", lba, at=at)
        self.need(grain.problem is None, "the grain at LBA %d: %s", lba,
                  grain.problem, at=at)
        self.last, self.group = lba, group
        self.rows[g % self.head.numGTEsPerGT] = at
        self.seen[lba] = grain.digest

    def marker_value(self, kind, value, wanted, at):
        self.need(value == wanted, "the %s marker says %d sectors, not %d",
                  NAMES[kind], value, wanted, at=at)

    def take_table(self, value, at):
        self.marker_value(GT, value, self.table_sectors, at)
        rows = self.table("grain table", self.table_sectors,
                          self.head.numGTEsPerGT)
        ones = self.head.flags & hosted.ZEROGRAIN
        for slot, entry in enumerate(rows):
            want = self.rows.get(slot, 0)
            self.need(entry == want or (ones and entry == 1 and not want),
                      "entry %d of the grain table is %d, not %d", slot,
                      entry, want, at=at + 1)
        self.need(any(rows), "the grain table has no entry", at=at)
        self.tables.append((self.group if self.rows else None, at + 1, rows))
        self.rows = {}

    def take_directory(self, value, at):
        self.need(not self.rows, "table %d is missing", self.group, at=at)
        self.marker_value(GD, value, self.directory_sectors, at)
        rows = self.table("grain directory", self.directory_sectors,
                          self.groups)
        self.directory = at + 1
        found = [(i, row) for i, row in enumerate(rows) if row]
        for (i, row), (group, sector, _) in zip(found, self.tables):
            self.need(row == sector and group in (None, i), "entry %d of "
                      "the grain directory is %d; the table at %d is number "
                      "%s", i, row, sector, group, at=at + 1)
        self.need(len(found) == len(self.tables), "the grain directory has "
                  "%d entries, but there are %d tables", len(found),
                  len(self.tables), at=at + 1)
        for (i, _), (_, sector, entries) in zip(found, self.tables):
            self.zeroed(i, sector, entries)

    def zeroed(self, index, sector, entries):
        """The zeroed grains of a table."""
        for slot, entry in enumerate(entries):
            g = index * self.head.numGTEsPerGT + slot
            if entry == 1:
                self.need(g < self.grains, "entry %d of the grain table is "
                          "behind the last grain", slot, at=sector)
                self.seen[g * self.head.grainSize] = self.zero_digest()

    def end(self):
        """Footer and end of stream."""
        at = self.source.at
        marker = self.source.take(1, "the stream, which has no footer")
        self.need(marker == struct.pack("<QII496x", 1, 0, FOOTER),
                  "there is no footer marker", at=at)
        footer = Header(self.source.take(1, "the footer"))
        self.need(footer.unlike(self.head) is None, "byte %s of the footer "
                  "differs from the header", footer.unlike(self.head),
                  at=at + 1)
        self.need(footer.gdOffset == self.directory,
                  "gdOffset of the footer is %d, the directory is at %d",
                  footer.gdOffset, self.directory, at=at + 1)
        end = self.source.take(1, "the end-of-stream marker")
        self.need(not any(end), "the end-of-stream marker is not zero",
                  at=at + 2)
        count, _ = self.source.rest()
        self.need(count == 0, "%d bytes follow the end-of-stream marker",
                  count)


class Loose(Walk):
    """Whatever can be looked up, and walked over if that is asked for."""

    def run(self):
        self.fields({"version": [1, 2, 3]})
        self.need(self.head.flags & ~7 == COMPRESSED | MARKERS,
                  "flags of the header are 0x%x", self.head.flags, at=0)
        self.front()
        self.met = self.walk() if self.rules.walk else None
        self.find_directory()
        return self.live()

    def wrong_content(self, lba, content, full):
        left = (self.head.capacity - lba) * 512
        if len(content) not in (full, min(left, full)):
            return "inflates to %d bytes, not to %d" % (len(content), full)
        return None

    def walk(self):
        """From the overhead to the end of the stream; returns where blocks
        have begun."""
        met = set()
        while self.source.f.peek(1):
            kind, value, at, *_ = self.block()
            met.add(at)
            if kind == EOS:
                _, zero = self.source.rest()
                self.need(zero, "data follows the end-of-stream marker",
                          at=at)
                return met
            if kind is not None:
                self.skip(kind, value, at)
        self.need(self.head.gdOffset != AT_END, "the stream has no end")
        return met

    def skip(self, kind, value, at):
        """A block that is no grain."""
        wanted = {GT: self.table_sectors, GD: self.directory_sectors,
                  FOOTER: 1, SKIPPED: 0}.get(kind)
        if wanted is None:
            self.need(value < 1 << 20, "a marker of type %d, %d sectors "
                      "long", kind, value, at=at)
            wanted = value
        elif kind != SKIPPED:
            self.need(value in (0, wanted), "the %s marker says %d sectors, "
                      "not %d", NAMES[kind], value, wanted, at=at)
        self.source.take(wanted, "a block of type %d" % kind)

    def find_directory(self):
        """Its sector, by the footer or the header."""
        end = self.source.sectors
        self.source.seek(max(end - 3, 0))
        marker = self.source.take(1, "the footer marker")
        footer = Header(self.source.take(1, "the footer"))
        last = self.source.take(1, "the end-of-stream marker")
        self.gd = self.head.gdOffset
        if marker[8:] != struct.pack("<II496x", 0, FOOTER) \
                or footer.magic != hosted.MAGIC or any(last):
            self.need(self.gd != AT_END, "there is no footer, with an end of "
                      "stream, at the end of the file", at=end)
            return
        self.need(footer.unlike(self.head) is None, "byte %s of the footer "
                  "differs from the header", footer.unlike(self.head),
                  at=end - 2)
        self.need(self.gd in (AT_END, footer.gdOffset),
                  "gdOffset of the footer is %d, that of the header %d",
                  footer.gdOffset, self.gd, at=end - 2)
        self.gd = footer.gdOffset

    def entries(self, sector, sectors, count, kind, what):
        """A table or directory, with its marker unless it is in front."""
        self.source.seek(sector)
        if sector > self.head.overHead:
            self.source.seek(sector - 1)
            marker = struct.unpack_from("<QII", self.source.take(1, what))
            self.need(marker[0] in (0, sectors) and marker[1:] == (0, kind),
                      "there is no marker of the %s at %d", what, sector,
                      at=sector - 1)
            self.met_block(sector - 1, what)
        data = self.source.take(sectors, "the " + what)
        self.areas.append((sector, sector + sectors, what))
        return struct.unpack_from("<%dI" % count, data)

    def met_block(self, at, what):
        self.need(self.met is None or at in self.met, "a walk over the file "
                  "does not meet the %s that is here", what, at=at)

    def map(self, gd):
        """grain -> entry, of a directory and its tables."""
        out = {}
        gtes = self.head.numGTEsPerGT
        directory = self.entries(gd, self.directory_sectors, self.groups,
                                 GD, "grain directory")
        for i, sector in enumerate(directory):
            if not sector:
                continue
            rows = self.entries(sector, self.table_sectors, gtes, GT,
                                "grain table %d" % i)
            out.update((i * gtes + slot, entry)
                       for slot, entry in enumerate(rows) if entry)
        return out

    def live(self):
        """What the tables name: LBA -> digest."""
        head = self.head
        self.areas = [(0, 1, "the header")]
        if head.descriptorOffset:
            self.areas.append((head.descriptorOffset, head.descriptorOffset
                               + head.descriptorSize, "the descriptor"))
        found = self.map(self.gd)
        if head.flags & hosted.REDUNDANT and head.rgdOffset:
            copy = self.map(head.rgdOffset)
            self.need(copy == found, "the redundant grain tables differ",
                      at=head.rgdOffset)
        seen = {g * head.grainSize: self.live_grain(g, entry)
                for g, entry in found.items()}
        self.overlaps()
        return seen

    def live_grain(self, g, entry):
        """The digest of the grain that an entry names."""
        lba = g * self.head.grainSize
        self.need(g < self.grains, "there is an entry of grain %d, behind "
                  "the last", g, at=0)
        if entry == 1:
            self.need(self.head.flags & hosted.ZEROGRAIN, "grain %d is "
                      "zeroed, but flags are 0x%x", g, self.head.flags, at=0)
            return self.zero_digest()
        self.source.seek(entry)
        marker = self.source.take(1, "the grain at LBA %d" % lba)
        found, size = struct.unpack_from("<QI", marker)
        self.need(found == lba and size, "a block of LBA %d and %d bytes is "
                  "here, but the entry of LBA %d says so", found, size, lba,
                  at=entry)
        grain = self.grain(entry, lba, size, marker)
        self.need(grain.problem is None, "the grain at LBA %d: %s", lba,
                  grain.problem, at=entry)
        self.met_block(entry, "grain")
        self.areas.append((entry, entry + grain.count, "grain %d" % g))
        return grain.digest

    def overlaps(self):
        last = (0, 0, "nothing")
        for area in sorted(self.areas):
            self.need(area[0] >= last[1], "%s overlaps %s", area[2], last[2],
                      at=area[0])
            last = area


def check(path, loose=False, **rules):
    """LBA -> SHA-256 of each grain that the file holds (those of zeroed
    entries too).  Raises NotConform."""
    with open(path, "rb") as f:
        source = Input(f, os.path.basename(path))
        return (Loose if loose else Strict)(source, Rules(**rules)).run()


def main():
    parser = argparse.ArgumentParser(prog="vmdkgen.conform")
    parser.add_argument("file")
    parser.add_argument("--loose", action="store_true")
    parser.add_argument("--walk", action="store_true")
    parser.add_argument("--created", action="store_true")
    parser.add_argument("--external", action="store_true")
    parser.add_argument("--grain", type=int, default=128)
    parser.add_argument("--gtes", type=int, default=512)
    options = vars(parser.parse_args())
    try:
        seen = check(options.pop("file"), **options)
    except NotConform as e:
        sys.exit("not conform: %s" % e)
    print("conform: %d grains" % len(seen))


if __name__ == "__main__":
    main()
