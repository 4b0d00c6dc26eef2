# SPDX-License-Identifier: BSD-3-Clause
"""Stream-optimized extents: compressed grains with markers.

Owns the three layouts met in the field: A (tables at the end, footer), B
(tables in front, no markers for them) and the hybrid (markers, footer and
the real directory in the first header).  What a damaged or odd writer does
to one grain is a dictionary from the grain to the change: see Options.
"""

import struct
import zlib

from . import hosted
from .image import Image, ceil, grain_runs, roundup

COMPRESSED = 0x10000
MARKERS = 0x20000
AT_END = 0xffffffffffffffff

EOS, GT, GD, FOOTER, PROGRESS = 0, 1, 2, 3, 4


def deflate(data, level=6, raw=False):
    """Compress one grain."""
    bits = -15 if raw else 15
    codec = zlib.compressobj(level, zlib.DEFLATED, bits)
    return codec.compress(data) + codec.flush()


def padded(data):
    return data + bytes(-len(data) % 512)


def grain_block(lba, packed, size=None):
    """Marker and compressed data of a grain, padded to sectors."""
    size = len(packed) if size is None else size
    return padded(struct.pack("<QI", lba, size) + packed)


def marker(kind, value=0):
    """A metadata marker, one sector."""
    return padded(struct.pack("<QII", value, 0, kind))


class Writer:
    """A stream being written; remembers where everything went."""

    def __init__(self, f, image, options):
        self.f = f
        self.image = image
        self.o = options
        self.ngde = ceil(ceil(options.capacity, image.grain), image.gtes)
        self.table = ceil(image.gtes * 4, 512)
        self.directory = ceil(self.ngde * 4, 512)
        self.entries = {}

    def sector(self):
        return self.f.tell() // 512

    def grain(self, g, block):
        """One compressed grain, with the odd things asked for it."""
        o = self.o
        if o.full and len(block) < self.image.grain * 512:
            block += bytes(self.image.grain * 512 - len(block))
        packed = deflate(block, o.level, o.raw)
        packed = o.packed.get(g, lambda p: p)(packed)
        lba = o.lba.get(g, g * self.image.grain)
        if g in o.before:
            self.f.write(o.before[g])
        self.image.grains[g] = self.sector()
        self.entries.setdefault(g // self.image.gtes, {})[
            g % self.image.gtes] = self.sector()
        self.f.write(grain_block(lba, packed, o.sizes.get(g)))

    def table_block(self, index):
        """The bytes of one grain table."""
        rows = [0] * self.image.gtes
        for slot, value in self.entries.get(index, {}).items():
            rows[slot] = value
        return padded(struct.pack("<%dI" % len(rows), *rows))

    def directory_block(self):
        rows = [self.image.tables.get(i, 0) for i in range(self.ngde)]
        return padded(struct.pack("<%dI" % self.ngde, *rows))

    def value(self, count):
        """The sector count of a metadata marker, or 0 as some write."""
        return count if self.o.marker_values else 0

    def groups(self, blocks):
        """Grains by grain table, in the order asked for."""
        groups = {}
        for g in blocks:
            groups.setdefault(g // self.image.gtes, []).append(g)
        for index in sorted(groups):
            grains = sorted(groups[index], reverse=self.o.reverse)
            yield index, grains


class Options:
    """Everything a writer of streams may choose."""

    def __init__(self, capacity, given):
        self.capacity = capacity
        self.layout = "A"
        self.level = 6
        self.raw = False
        self.full = True            # last grain padded to a full grain
        self.reverse = False
        self.empty_tables = False   # layout A: tables without any grain
        self.marker_values = True
        self.eos = True
        self.trailing = b""
        self.descriptor = None
        self.descriptor_size = 20
        self.overhead = None
        self.version = 3
        self.flags = hosted.NEWLINE | COMPRESSED | MARKERS
        self.algorithm = 1
        self.lba = {}               # grain -> wrong address
        self.sizes = {}             # grain -> wrong size in the marker
        self.packed = {}            # grain -> function on its compressed data
        self.before = {}            # grain -> sectors inserted before it
        self.fields = {}            # header fields to override
        self.footer_fields = {}     # the same in the footer only
        self.footer = True
        for name, value in given.items():
            assert hasattr(self, name), name
            setattr(self, name, value)


def header_values(o, image, gd, rgd=0):
    """Fields of the header; the footer differs in gdOffset only."""
    values = {"version": o.version, "flags": o.flags,
              "capacity": o.capacity, "grainSize": image.grain,
              "numGTEsPerGT": image.gtes, "gdOffset": gd, "rgdOffset": rgd,
              "overHead": o.overhead, "compressAlgorithm": o.algorithm}
    if o.descriptor:
        assert len(o.descriptor) <= o.descriptor_size * 512
        values["descriptorOffset"] = 1
        values["descriptorSize"] = o.descriptor_size
    values.update(o.fields)
    return values


def start(f, o):
    """Descriptor and padding up to the overhead."""
    f.seek(512)
    if o.descriptor:
        f.write(o.descriptor)
    f.truncate(o.overhead * 512)
    f.seek(o.overhead * 512)


def note_zero_grains(w, blocks):
    """Zeroed grains have entry 1 and no data."""
    gtes = w.image.gtes
    for g in [g for g, (state, _) in blocks.items() if state == "zero"]:
        w.entries.setdefault(g // gtes, {})[g % gtes] = 1


def write_at_end(f, w, o, blocks):
    """Layout A: each table follows its grains, the directory is last."""
    used = dict(w.groups(blocks))
    for index in range(w.ngde) if o.empty_tables else sorted(used):
        for g in used.get(index, ()):
            if blocks[g][0] == "data":
                w.grain(g, blocks[g][1])
        f.write(marker(GT, w.value(w.table)))
        w.image.tables[index] = w.sector()
        f.write(w.table_block(index))
    f.write(marker(GD, w.value(w.directory)))
    w.image.gd = w.sector()
    f.write(w.directory_block())


def write_footer(f, w, o):
    """Footer marker and footer."""
    f.write(marker(FOOTER, w.value(1)))
    w.image.footer = w.sector()
    values = header_values(o, w.image, w.image.gd)
    values["gdOffset"] = w.image.gd
    values.update(o.footer_fields)
    f.write(hosted.header(values))


def front_layout(w, o):
    """Layout B: where directory and tables lie, before the overhead."""
    at = 1 + (o.descriptor_size if o.descriptor else 0)
    w.image.gd = at
    at += w.directory
    for index in range(w.ngde):
        w.image.tables[index] = at
        at += w.table
    return at


def write_in_front(f, w, o, blocks):
    """Layout B: grains, then the tables into their reserved places."""
    for _, grains in w.groups(blocks):
        for g in grains:
            if blocks[g][0] == "data":
                w.grain(g, blocks[g][1])
    end = f.tell()
    f.seek(w.image.gd * 512)
    f.write(w.directory_block())
    for index, at in w.image.tables.items():
        f.seek(at * 512)
        f.write(w.table_block(index))
    f.seek(end)


def write(path, content, grain=128, gtes=512, **given):
    """Write one stream and return its Image.  See Options."""
    o = Options(given.pop("capacity", content.size), given)
    blocks = {g: (s, b) for g, s, b in grain_runs(content, grain)}
    image = Image(path, content, grain, gtes)
    image.fields = hosted.FIELDS
    if any(state == "zero" for state, _ in blocks.values()):
        o.flags |= hosted.ZEROGRAIN
    with open(path, "w+b") as f:
        w = Writer(f, image, o)
        front = o.layout == "B"
        end = front_layout(w, o) if front else 1 + o.descriptor_size
        if o.overhead is None:
            o.overhead = end if front else roundup(end, 128)
        note_zero_grains(w, blocks)
        start(f, o)
        (write_in_front if front else write_at_end)(f, w, o, blocks)
        if not front and o.footer:
            write_footer(f, w, o)
        if o.eos:
            f.write(marker(EOS))
        image.end = f.tell()
        f.write(o.trailing)
        f.truncate()
        f.seek(0)
        gd = AT_END if o.layout == "A" else image.gd
        f.write(hosted.header(header_values(o, image, gd)))
    return image
