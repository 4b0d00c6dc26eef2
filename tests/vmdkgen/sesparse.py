# SPDX-License-Identifier: BSD-3-Clause
"""SESparse extents of ESXi (keyword SESPARSE).

Owns the constant and the volatile header, the areas, tagged directory and
table entries, and the permutation of grain indexes.  Tables are handed out
in the order of first use, grains get any index that the test wants.
"""

import random
import struct

from .image import Image, ceil, grain_runs, roundup

CONST_MAGIC = 0x00000000cafebabe
VOLATILE_MAGIC = 0x00000000cafecafe
VERSION = 0x0000000200000001
GRAIN = 8
GTES = 4096
TABLE = 64

UNMAPPED, ZERO, ALLOCATED = 1, 2, 3

NAMES = ("magic", "version", "capacity", "grainSize", "grainTableSize",
         "flags", "reserved1", "reserved2", "reserved3", "reserved4",
         "volatileHeaderOffset", "volatileHeaderSize",
         "journalHeaderOffset", "journalHeaderSize",
         "journalOffset", "journalSize",
         "grainDirOffset", "grainDirSize",
         "grainTablesOffset", "grainTablesSize",
         "freeBitmapOffset", "freeBitmapSize",
         "backMapOffset", "backMapSize", "grainsOffset", "grainsSize")
FIELDS = {name: (i * 8, "<Q") for i, name in enumerate(NAMES)}
FIELDS.update({"volatileMagic": (512, "<Q"), "freeGTNumber": (520, "<Q"),
               "nextTxnSeqNumber": (528, "<Q"),
               "replayJournal": (536, "<Q")})


def entry(index):
    """The table entry of an allocated grain with this index."""
    return ALLOCATED << 60 | (index & 0xfff) << 48 | index >> 12


def tagged(kind, rest=0):
    """An entry with any tag."""
    return kind << 60 | rest


def areas(capacity):
    """Sizes and offsets of the areas, one after another."""
    tables = ceil(capacity, GRAIN * GTES)
    sizes = [("journal", 2048),
             ("grainDir", roundup(ceil(tables * 8, 512), 2048)),
             ("grainTables", roundup(tables * TABLE, 2048)),
             ("freeBitmap", roundup(
                 ceil(ceil(ceil(capacity, 8), 8), 512), 2048)),
             ("backMap", roundup(tables * TABLE, 2048)),
             ("grains", capacity)]
    values = {}
    at = 2048
    for name, size in sizes:
        values[name + "Offset"], values[name + "Size"] = at, size
        at += size
    return values


def choose_indexes(grains, indexes):
    """A grain index for each grain: in order, or as the test says."""
    if indexes is None:
        return {g: i for i, g in enumerate(grains)}
    if callable(indexes):
        return {g: indexes(i, g) for i, g in enumerate(grains)}
    return {g: indexes[g] for g in grains}


def table_order(used, shuffle):
    """Which table index each directory entry gets."""
    used = sorted(used)
    numbers = list(range(len(used)))
    if shuffle:
        random.Random(len(used)).shuffle(numbers)
        if len(numbers) > 1 and numbers == sorted(numbers):
            numbers.reverse()
    return dict(zip(used, numbers))


def write(path, content, indexes=None, shuffle=True, unmapped=(),
          replay=0, fields=None, capacity=None):
    """Write one extent and return its Image.

    Grains that are zero become zero entries, those also listed in unmapped
    become unmapped entries that still name a grain.
    """
    capacity = content.size if capacity is None else capacity
    image = Image(path, content, GRAIN, GTES, "<Q")
    image.fields = FIELDS
    blocks = {g: (s, b) for g, s, b in grain_runs(content, GRAIN)}
    data = [g for g, (state, _) in blocks.items() if state == "data"]
    image.indexes = choose_indexes(data, indexes)
    numbers = table_order({g // GTES for g in blocks}, shuffle)
    values = {"magic": CONST_MAGIC, "version": VERSION,
              "capacity": capacity, "grainSize": GRAIN,
              "grainTableSize": TABLE, "volatileHeaderOffset": 1,
              "volatileHeaderSize": 1, "journalHeaderOffset": 2,
              "journalHeaderSize": 2, "volatileMagic": VOLATILE_MAGIC,
              "freeGTNumber": len(numbers), "nextTxnSeqNumber": 1,
              "replayJournal": replay}
    values.update(areas(capacity))
    image.gd = values["grainDirOffset"]
    image.tables = {t: values["grainTablesOffset"] + i * TABLE
                    for t, i in numbers.items()}
    image.grains_at = values["grainsOffset"]
    with open(path, "wb") as f:
        write_tables(f, image, blocks, numbers, set(unmapped))
        end = image.grains_at * 512
        for g in data:
            at = (image.grains_at + image.indexes[g] * GRAIN) * 512
            f.seek(at)
            f.write(blocks[g][1])
            end = max(end, at + GRAIN * 512)
        values.update(fields or {})
        f.truncate(end)
        for name, value in values.items():
            offset, form = FIELDS[name]
            f.seek(offset)
            f.write(struct.pack(form, value))
    return image


def write_tables(f, image, blocks, numbers, unmapped):
    """Directory and tables."""
    rows = {t: [0] * GTES for t in numbers}
    for g, (state, _) in blocks.items():
        if state == "data":
            value = entry(image.indexes[g])
        elif g in unmapped:
            value = tagged(UNMAPPED, 0x0003000000000000)
        else:
            value = tagged(ZERO)
        rows[g // GTES][g % GTES] = value
    for t, number in numbers.items():
        f.seek(image.gd * 512 + t * 8)
        f.write(struct.pack("<Q", 1 << 60 | number))
        f.seek(image.tables[t] * 512)
        f.write(struct.pack("<%dQ" % GTES, *rows[t]))
