# SPDX-License-Identifier: BSD-3-Clause
"""The extents of a link, read from their files for check.py.

Each extent knows how to complain about its metadata (problems) and how to
read itself (fill).  Sectors are the unit of everything in the files; fill
takes bytes.
"""

import errno
import os
import struct

from . import cowd, hosted


class Damage(Exception):
    """The metadata cannot even be read."""


class Zero:
    """An extent without a file."""

    def __init__(self, count):
        self.count = count

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def problems(self, _rules):
        return []

    def fill(self, out, start, end, _below):
        out += bytes(end - start)


class Stored(Zero):
    """An extent with a file; sectors is how many there are, rounded up."""

    def __init__(self, path, count):
        super().__init__(count)
        self.name = os.path.basename(path)
        self.fd = os.open(path, os.O_RDONLY)
        self.size = os.fstat(self.fd).st_size
        self.sectors = -(-self.size // 512)

    def __exit__(self, *_):
        os.close(self.fd)

    def pread(self, sector, count):
        """Whole sectors that must be in the file."""
        data = os.pread(self.fd, count * 512, sector * 512)
        if len(data) != count * 512:
            raise Damage("%s: sectors %d+%d are not in the file"
                         % (self.name, sector, count))
        return data

    def say(self, text, *values):
        return "%s: %s" % (self.name, text % values)


class Flat(Stored):
    """Raw data from a sector of a file on."""

    def __init__(self, path, count, offset):
        super().__init__(path, count)
        self.offset = offset

    def problems(self, _rules):
        end = (self.offset + self.count) * 512
        if self.size < end:
            return [self.say("has %d bytes, the descriptor needs %d",
                             self.size, end)]
        return []

    def fill(self, out, start, end, _below):
        out += os.pread(self.fd, end - start, self.offset * 512 + start)


class Grains(Stored):
    """What hosted sparse and COWD extents have in common.

    Set by the formats: capacity, grain, gtes (entries of a table), gd and
    directory (where it is, its entries), tables (index -> entries), areas
    (what is metadata: (first sector, end, name)).
    """

    table_sectors = 0

    def load(self, gd, name):
        """One directory with its tables: (entries, index -> entries)."""
        ngrain = -(-self.capacity // self.grain)
        count = -(-ngrain // self.gtes)
        length = -(-count * 4 // 512)
        data = self.pread(gd, length)
        directory = struct.unpack_from("<%dI" % count, data)
        self.areas.append((gd, gd + length, name))
        tables = {}
        for i, at in enumerate(directory):
            if at == 0:
                continue
            self.areas.append((at, at + self.table_sectors,
                               "table %d of the %s" % (i, name)))
            block = self.pread(at, self.table_sectors)
            tables[i] = struct.unpack_from("<%dI" % self.gtes, block)
        return directory, tables

    def rows(self, tables):
        """(grain, entry) of all entries that are not 0."""
        for index, table in tables.items():
            if any(table):
                for slot, value in enumerate(table):
                    if value:
                        yield index * self.gtes + slot, value

    def entries(self):
        """grain -> its sector in the file, of the primary tables."""
        return {g: at for g, at in self.rows(self.tables) if at > 1}

    def used(self, g):
        """How many sectors of a grain are inside the extent."""
        return min(self.grain, self.capacity - g * self.grain)

    def owners(self, tables):
        """Everything that has sectors, in the order of the file."""
        out = [area + (None,) for area in self.areas]
        out += [(at, at + self.grain, "grain %d" % g, g)
                for g, at in self.rows(tables) if at > 1]
        return sorted(out, key=lambda one: one[:2])

    def map_problems(self, tables, what):
        """Entries out of bounds, and two owners of one sector."""
        found = []
        ngrain = -(-self.capacity // self.grain)
        for g, at in self.rows(tables):
            if g >= ngrain:
                found.append(self.say("%s: entry %d is behind the last grain"
                                      " %d", what, g, ngrain - 1))
            elif at > 1 and (at + self.used(g)) * 512 > self.size:
                found.append(self.say("%s: grain %d at sector %d is not in "
                                      "the file", what, g, at))
        for a, b, name, _ in self.areas_outside():
            found.append(self.say("%s at %d-%d is not in the file",
                                  name, a, b))
        last = (0, 0, "nothing")
        for owner in self.owners(tables):
            if owner[0] < last[1]:
                found.append(self.say("%s: %s at %d-%d overlaps %s at %d-%d",
                                      what, last[2], last[0], last[1],
                                      owner[2], owner[0], owner[1]))
            last = max(last, owner[:3], key=lambda one: one[1])
        return found

    def areas_outside(self):
        return [area + (None,) for area in self.areas
                if area[1] > self.sectors]

    def aligned_problems(self, rules):
        known = rules.known.get(self.name, ())
        return [self.say("grain %d is at sector %d, not a multiple of %d",
                         g, at, self.grain)
                for g, at in self.entries().items()
                if rules.aligned and at % self.grain and at not in known]

    def end(self, tables):
        """The sector behind everything that is used."""
        return max(owner[1] for owner in self.owners(tables))

    def leak_problems(self, first, end):
        """Data in [first, end) that belongs to nothing."""
        found = []
        at = first
        for low, high, _, _ in self.owners(self.tables) + [
                (end, end, "", None)]:
            if low > at and self.holds_data(at, low):
                found.append(self.say("sectors %d-%d hold data, but belong "
                                      "to nothing", at, low))
            at = max(at, high)
        return found

    def holds_data(self, first, end):
        """Is a byte in these sectors not zero?"""
        at, end = first * 512, min(end * 512, self.size)
        while at < end:
            try:
                at = os.lseek(self.fd, at, os.SEEK_DATA)
            except OSError as e:
                if e.errno != errno.ENXIO:
                    raise
                return False
            data = os.pread(self.fd, max(0, min(1 << 20, end - at)), at)
            if data.count(0) != len(data):
                return True
            at += max(len(data), 1)
        return False

    def fill(self, out, start, end, below):
        """Append the bytes [start, end); below (start, end) gives what is
        absent here."""
        size = self.grain * 512
        while start < end:
            g = start // size
            stop = min(end, (g + 1) * size)
            table = self.tables.get(g // self.gtes)
            entry = table[g % self.gtes] if table else 0
            if entry == 0:
                out += below(start, stop)
            elif entry == 1:
                out += bytes(stop - start)
            else:
                data = os.pread(self.fd, stop - start,
                                entry * 512 + start - g * size)
                out += data + bytes(stop - start - len(data))
            start = stop


class Hosted(Grains):
    """A hosted sparse extent."""

    def __init__(self, path, count):
        super().__init__(path, count)
        block = self.pread(0, 1)
        for name, (offset, form) in hosted.FIELDS.items():
            setattr(self, name, struct.unpack_from(form, block, offset)[0])
        self.grain, self.gtes = self.grainSize, self.numGTEsPerGT
        self.areas = [(0, 1, "the header")]
        if self.descriptorOffset and self.descriptorSize:
            end = self.descriptorOffset + self.descriptorSize
            self.areas.append((self.descriptorOffset, end,
                               "the descriptor"))
        wrong = self.header_problems()
        if wrong:
            raise Damage("; ".join(wrong))
        self.table_sectors = -(-self.gtes * 4 // 512)
        self.directory, self.tables = self.load(self.gdOffset, "directory")
        self.rdirectory, self.rtables = None, {}
        if self.flags & hosted.REDUNDANT and self.rgdOffset:
            self.rdirectory, self.rtables = self.load(
                self.rgdOffset, "redundant directory")

    def header_problems(self):
        """What makes the tables impossible to find."""
        tests = (
            (self.magic == hosted.MAGIC, "magic"),
            (self.version in (1, 2), "version"),
            (self.flags & ~7 == 0, "flags"),
            (self.count <= self.capacity < 1 << 40, "capacity"),
            (self.grain in [1 << n for n in range(17)], "grainSize"),
            (self.gtes in [1 << n for n in range(7, 17)], "numGTEsPerGT"),
            (0 < self.gdOffset < self.sectors, "gdOffset"),
            (self.rgdOffset < self.sectors, "rgdOffset"),
            (self.compressAlgorithm == 0, "compressAlgorithm"),
            (self.overHead <= self.sectors, "overHead"),
            ((self.singleEndLineChar, self.nonEndLineChar,
              self.doubleEndLineChar1, self.doubleEndLineChar2)
             == (10, 32, 13, 10), "singleEndLineChar"))
        return [self.say("%s is %d", name, getattr(self, name))
                for good, name in tests if not good]

    def problems(self, rules):
        found = self.map_problems(self.tables, "tables")
        found += self.aligned_problems(rules)
        found += self.flag_problems(rules)
        if self.rdirectory is not None:
            found += self.map_problems(self.rtables, "redundant tables")
            found += self.copy_problems(rules)
        end = max(self.end(self.tables), self.end(self.rtables),
                  self.overHead)
        end = -(-end // self.grain) * self.grain
        if not rules.tail and self.size > end * 512:
            found.append(self.say("the file has %d bytes, but ends at %d",
                                  self.size, end * 512))
        if not rules.leaks:
            found += self.leak_problems(self.overHead, self.sectors)
        return found

    def flag_problems(self, rules):
        found = []
        if self.uncleanShutdown and not rules.unclean:
            found.append(self.say("it is marked as not closed cleanly"))
        zeroed = any(at == 1 for tables in (self.tables, self.rtables)
                     for _, at in self.rows(tables))
        if zeroed and (self.version < 2 or not self.flags & 4):
            found.append(self.say("there are zeroed grains, but version is "
                                  "%d and flags are %d", self.version,
                                  self.flags))
        return found

    def copy_problems(self, rules):
        """Where the redundant copy says something else."""
        found = []
        for i, (at, rat) in enumerate(zip(self.directory, self.rdirectory)):
            if (at == 0) != (rat == 0) and not rules.unclean:
                found.append(self.say("table %d is at %d, its copy at %d",
                                      i, at, rat))
            a, b = self.tables.get(i), self.rtables.get(i)
            if a is None or b is None or a == b:
                continue
            for slot, (x, y) in enumerate(zip(a, b)):
                if x != y and not (rules.unclean and min(x, y) < 2):
                    found.append(self.say(
                        "grain %d: the table says %d, its copy %d",
                        i * self.gtes + slot, x, y))
        return found


class Cowd(Grains):
    """A COWD extent."""

    table_sectors = 32

    def __init__(self, path, count):
        super().__init__(path, count)
        block = self.pread(0, 4)
        for name, (offset, form) in cowd.FIELDS.items():
            setattr(self, name, struct.unpack_from(form, block, offset)[0])
        self.capacity, self.grain = self.numSectors, self.grainSize
        self.gtes = cowd.GTES
        tests = ((self.magic == cowd.MAGIC, "magic"),
                 (self.version == 1, "version"), (self.flags == 3, "flags"),
                 (self.count <= self.capacity, "numSectors"),
                 (1 <= self.grain <= 2048, "grainSize"),
                 (4 <= self.gdOffset < self.sectors, "gdOffset"))
        wrong = [self.say("%s is %d", name, getattr(self, name))
                 for good, name in tests if not good]
        if wrong:
            raise Damage("; ".join(wrong))
        self.areas = [(0, 4, "the header")]
        self.directory, self.tables = self.load(self.gdOffset, "directory")

    def problems(self, rules):
        found = self.map_problems(self.tables, "tables")
        found += [self.say("grain %d has the entry 1", g)
                  for g, at in self.rows(self.tables) if at == 1]
        end = self.end(self.tables)
        if self.freeSector < end:
            found.append(self.say("freeSector is %d, but %d is in use",
                                  self.freeSector, end - 1))
        if (self.freeSector >= self.sectors and self.tables
                and not rules.unclean):
            found.append(self.say("freeSector is %d, the file has %d",
                                  self.freeSector, self.sectors))
        if self.uncleanShutdown and not rules.unclean:
            found.append(self.say("it is marked as not closed cleanly"))
        if not rules.tail and self.sectors > self.freeSector + 2049:
            found.append(self.say("the file has %d sectors, freeSector is "
                                  "%d", self.sectors, self.freeSector))
        if not rules.leaks:
            found += self.leak_problems(4, self.sectors)
        return found
