# SPDX-License-Identifier: BSD-3-Clause
"""Stream-optimized extents, read from their files for check.py.

Whether such a file is sound is what conform.py says; this reads it by its
tables, at random, as everybody but an importer does.
"""

import os
import struct
import zlib

from . import conform, hosted
from .extents import Damage, Stored

COMPRESSED = 0x10000
AT_END = 0xffffffffffffffff


class Packed(Stored):
    """A finished stream-optimized extent."""

    def __init__(self, path, count):
        super().__init__(path, count)
        self.path = path
        self.header(0)
        if self.uncleanShutdown:
            raise Damage(self.say("it is marked as not closed cleanly"))
        if self.gdOffset == AT_END:
            self.header(self.sectors - 2)
        self.grain, self.gtes = self.grainSize, self.numGTEsPerGT
        if self.count > self.capacity:
            raise Damage(self.say("capacity is %d, the descriptor says %d",
                                  self.capacity, self.count))
        self.tables = self.load()

    def header(self, sector):
        """The fields of the header or the footer."""
        block = self.pread(sector, 1)
        for name, (offset, form) in hosted.FIELDS.items():
            setattr(self, name, struct.unpack_from(form, block, offset)[0])
        if self.magic != hosted.MAGIC:
            raise Damage(self.say("sector %d has the magic number 0x%x",
                                  sector, self.magic))

    def load(self):
        count = -(-self.capacity // (self.grain * self.gtes))
        block = self.pread(self.gdOffset, -(-count * 4 // 512))
        length = -(-self.gtes * 4 // 512)
        return {i: struct.unpack_from("<%dI" % self.gtes,
                                      self.pread(at, length))
                for i, at in enumerate(struct.unpack_from("<%dI" % count,
                                                          block)) if at}

    def entries(self):
        """Nothing here is where grains of other kinds have to be."""
        return {}

    def grains(self):
        """grain -> entry, of all entries that are not 0."""
        return {i * self.gtes + slot: entry
                for i, table in self.tables.items()
                for slot, entry in enumerate(table) if entry}

    def packed(self, sector):
        """The compressed bytes of the grain whose marker is there."""
        size, = struct.unpack_from("<I", self.pread(sector, 1), 8)
        return os.pread(self.fd, size, sector * 512 + 12)

    def problems(self, rules):
        options = {"grain": self.grain, "gtes": self.gtes,
                   "external": not self.descriptorOffset}
        try:
            conform.check(self.path, rules.loose, **options)
        except conform.NotConform as e:
            return [str(e)]
        return []

    def fill(self, out, start, end, below):
        """Append the bytes [start, end), as extents.Grains does."""
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
                data = zlib.decompress(self.packed(entry))
                out += data[start - g * size:stop - g * size]
            start = stop
