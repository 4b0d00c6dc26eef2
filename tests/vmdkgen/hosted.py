# SPDX-License-Identifier: BSD-3-Clause
"""Hosted sparse extents (magic KDMV, keyword SPARSE), not compressed.

Owns the layout of the header, the grain directory, the grain tables, their
redundant copies and the grains.  Every choice that a writer has is a
keyword; what no writer should do is done by the caller with the hooks of
the Image.
"""

import random
import struct

from .image import Image, ceil, grain_runs, roundup

MAGIC = 0x564d444b

# field: (offset, format)
FIELDS = {
    "magic": (0, "<I"), "version": (4, "<I"), "flags": (8, "<I"),
    "capacity": (12, "<Q"), "grainSize": (20, "<Q"),
    "descriptorOffset": (28, "<Q"), "descriptorSize": (36, "<Q"),
    "numGTEsPerGT": (44, "<I"), "rgdOffset": (48, "<Q"),
    "gdOffset": (56, "<Q"), "overHead": (64, "<Q"),
    "uncleanShutdown": (72, "<B"), "singleEndLineChar": (73, "<B"),
    "nonEndLineChar": (74, "<B"), "doubleEndLineChar1": (75, "<B"),
    "doubleEndLineChar2": (76, "<B"), "compressAlgorithm": (77, "<H"),
}

NEWLINE = 0x1
REDUNDANT = 0x2
ZEROGRAIN = 0x4


def header(values):
    """One sector of header from a dictionary of fields."""
    block = bytearray(512)
    fields = {"magic": MAGIC, "singleEndLineChar": 0x0a,
              "nonEndLineChar": 0x20, "doubleEndLineChar1": 0x0d,
              "doubleEndLineChar2": 0x0a}
    fields.update(values)
    for name, value in fields.items():
        offset, form = FIELDS[name]
        struct.pack_into(form, block, offset, value)
    return bytes(block)


class Layout:
    """Where directories and tables go, in sectors."""

    def __init__(self, capacity, grain, gtes, redundant, first):
        self.ngrain = ceil(capacity, grain)
        self.ngde = ceil(self.ngrain, gtes)
        self.table = ceil(gtes * 4, 512)
        self.directory = ceil(self.ngde * 4, 512)
        self.first = first
        self.redundant = redundant

    def place(self, wanted):
        """Put directories and the wanted tables one after another."""
        at = self.first
        self.rgd, self.rtables = 0, {}
        if self.redundant:
            self.rgd = at
            at, self.rtables = self._copy(at, wanted)
        self.gd = at
        self.end, self.tables = self._copy(at, wanted)

    def _copy(self, at, wanted):
        at += self.directory
        tables = {}
        for index in wanted:
            tables[index] = at
            at += self.table
        return at, tables


def table_indexes(tables, layout, used):
    """Which grain tables exist: 'all', or 'used' only."""
    return range(layout.ngde) if tables == "all" else used


def grain_order(grains, order, seed):
    """The order in which grains lie in the file."""
    grains = list(grains)
    if order == "reverse":
        grains.reverse()
    elif order == "shuffle":
        random.Random(seed).shuffle(grains)
    elif callable(order):
        grains = order(grains)
    return grains


def write_tables(f, directory, tables, entries, gtes):
    """One directory with its tables."""
    for index, at in tables.items():
        f.seek(directory * 512 + index * 4)
        f.write(struct.pack("<I", at))
        rows = entries.get(index)
        if rows:
            block = [0] * gtes
            for slot, value in rows.items():
                block[slot] = value
            f.seek(at * 512)
            f.write(struct.pack("<%dI" % gtes, *block))


def write_grains(f, blocks, at, grain, align, order, short, gap):
    """The grains one after another; returns their sectors and the end."""
    places = {}
    data = [g for g, (state, _) in blocks.items() if state == "data"]
    size = at * 512
    for g in grain_order(data, order, len(data)):
        at = roundup(at, align)
        places[g] = at
        block = blocks[g][1]
        f.seek(at * 512)
        f.write(block)
        size = at * 512 + (len(block) if short else grain * 512)
        at += grain + gap
    return places, size


def write(path, content, grain=128, gtes=512, version=None, flags=None,
          redundant=True, tables="all", descriptor=None, descriptor_size=20,
          descriptor_offset=1, order=None, align=None, short=False, gap=0,
          capacity=None, overhead=None, first=None, fields=None):
    """Write one extent and return its Image.

    tables: 'all' are made at creation, 'used' leaves absent directory
    entries 0.  align: grains start at multiples of it (default the grain).
    short: the file ends with the last sector of the last grain in the file.
    gap: unused sectors between grains.  capacity: of the header, when it
    is not the size of content.  first: sector of the first directory.
    """
    capacity = content.size if capacity is None else capacity
    blocks = {g: (s, b) for g, s, b in grain_runs(content, grain)}
    zeroed = any(state == "zero" for state, _ in blocks.values())
    if first is None:
        first = descriptor_offset + descriptor_size if descriptor else 1
    layout = Layout(capacity, grain, gtes, redundant, first)
    used = sorted({g // gtes for g in blocks})
    layout.place(table_indexes(tables, layout, used))
    data_at = roundup(layout.end, grain) if overhead is None else overhead
    image = Image(path, content, grain, gtes)
    with open(path, "wb") as f:
        places, size = write_grains(f, blocks, data_at, grain,
                                    grain if align is None else align,
                                    order, short, gap)
        entries = table_entries(blocks, places, gtes)
        if redundant:
            write_tables(f, layout.rgd, layout.rtables, entries, gtes)
        write_tables(f, layout.gd, layout.tables, entries, gtes)
        values = {
            "version": version or (2 if zeroed else 1),
            "flags": (NEWLINE | (REDUNDANT if redundant else 0)
                      | (ZEROGRAIN if zeroed else 0))
            if flags is None else flags,
            "capacity": capacity, "grainSize": grain,
            "numGTEsPerGT": gtes, "rgdOffset": layout.rgd,
            "gdOffset": layout.gd, "overHead": data_at}
        if descriptor:
            assert len(descriptor) < descriptor_size * 512
            values["descriptorOffset"] = descriptor_offset
            values["descriptorSize"] = descriptor_size
            f.seek(descriptor_offset * 512)
            f.write(descriptor)
        values.update(fields or {})
        f.seek(0)
        f.write(header(values))
        f.truncate(max(size, data_at * 512))
    image.fields = FIELDS
    image.gd, image.rgd = layout.gd, layout.rgd
    image.tables, image.rtables = layout.tables, layout.rtables
    image.grains = places
    image.overhead = data_at
    image.table_sectors = layout.table
    return image


def table_entries(blocks, places, gtes):
    """Entries of the grain tables: table -> {slot: value}."""
    entries = {}
    for g, (state, _) in blocks.items():
        value = places[g] if state == "data" else 1
        entries.setdefault(g // gtes, {})[g % gtes] = value
    return entries
