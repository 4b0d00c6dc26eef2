# SPDX-License-Identifier: BSD-3-Clause
"""COWD extents, the redo logs of ESX (keyword VMFSSPARSE).

Owns the 2048-byte header, the grain directory, and grain tables of 4096
entries that are made on demand, between the grains.
"""

import struct

from .hosted import grain_order
from .image import Image, ceil, grain_runs

MAGIC = 0x44574f43
GTES = 4096

FIELDS = {
    "magic": (0, "<I"), "version": (4, "<I"), "flags": (8, "<I"),
    "numSectors": (12, "<I"), "grainSize": (16, "<I"),
    "gdOffset": (20, "<I"), "numGDEntries": (24, "<I"),
    "freeSector": (28, "<I"), "generation": (1060, "<I"),
    "savedGeneration": (1636, "<I"), "uncleanShutdown": (1648, "<I"),
}


def header(values):
    """Four sectors of header."""
    block = bytearray(2048)
    for name, value in values.items():
        offset, form = FIELDS[name]
        struct.pack_into(form, block, offset, value)
    return bytes(block)


def write(path, content, grain=1, gd_offset=4, order=None, tables="used",
          gap=0, fields=None, capacity=None):
    """Write one extent and return its Image.

    Tables appear in the file when the first grain that needs them does;
    tables='all' makes them all in front.  Zeroed grains get the entry 1.
    """
    capacity = content.size if capacity is None else capacity
    ngde = ceil(capacity, GTES * grain)
    image = Image(path, content, grain, GTES)
    image.fields, image.gd = FIELDS, gd_offset
    blocks = {g: (s, b) for g, s, b in grain_runs(content, grain)}
    free = gd_offset + ceil(ngde * 4, 512)
    wanted = list(range(ngde)) if tables == "all" else []
    with open(path, "wb") as f:
        for index in wanted:
            image.tables[index] = free
            free += 32
        for g in grain_order(blocks, order, len(blocks)):
            if g // GTES not in image.tables:
                image.tables[g // GTES] = free
                free += 32
            if blocks[g][0] == "zero":
                image.grains[g] = 1
                continue
            image.grains[g] = free
            f.seek(free * 512)
            f.write(blocks[g][1])
            free += grain + gap
        write_tables(f, image)
        values = {"magic": MAGIC, "version": 1, "flags": 3,
                  "numSectors": capacity, "grainSize": grain,
                  "gdOffset": gd_offset, "numGDEntries": ngde,
                  "freeSector": free}
        values.update(fields or {})
        f.seek(0)
        f.write(header(values))
        f.truncate((free + 1) * 512)
    return image


def write_tables(f, image):
    """The directory, then the tables where they were placed."""
    rows = {index: [0] * GTES for index in image.tables}
    for g, at in image.grains.items():
        rows[g // GTES][g % GTES] = at
    for index, at in image.tables.items():
        f.seek(image.gd * 512 + index * 4)
        f.write(struct.pack("<I", at))
        f.seek(at * 512)
        f.write(struct.pack("<%dI" % GTES, *rows[index]))
