# SPDX-License-Identifier: BSD-3-Clause
"""The disks that are measured, made when they are first asked for.

Content is the same on every machine.  What qemu-img can make, it makes.  The
other kinds, and disks that are too large to be filled, are written here:
headers and descriptors by the generator of the tests, tables from arithmetic,
and no grains at all where their place is enough (a hole of the file).
"""

import array
import os
import random
import subprocess
import sys

import programs

sys.path.insert(0, os.path.join(programs.TOP, "tests"))

from vmdkgen import cowd, descriptor, hosted, sesparse  # noqa: E402
from vmdkgen.disk import extent_line                    # noqa: E402

MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40
GRAIN = 128                     # sectors of a hosted grain
GTES = 512
PIECE = 256 << 10               # how far the small grains lie side by side
CID = "0172e8a4"


def u32(values):
    """Numbers as the files have them."""
    out = array.array("I", values)
    assert out.itemsize == 4
    if sys.byteorder == "big":
        out.byteswap()
    return out.tobytes()


def write_raw(path, size, seed=1):
    """Bytes without zeroed sectors, another piece of a pool for each MiB."""
    rng = random.Random(seed)
    pool = rng.randbytes(8 * MIB)
    with open(path, "wb") as file:
        for _ in range(size // MIB):
            at = rng.randrange(len(pool) - MIB)
            file.write(pool[at:at + MIB])


def sparse_text(path, size, kind="monolithicSparse", parent=None, **more):
    """The descriptor of a link in one sparse file."""
    keys = {"create_type": kind, "cid": CID}
    if parent is not None:
        keys.update(parent_cid=CID, hint=os.path.basename(parent))
    keys.update(more)
    return descriptor.build([extent_line(size // 512, "SPARSE",
                                         os.path.basename(path))], **keys)


class Hosted:
    """A hosted sparse file of SIZE bytes, all directories and tables in
    front, grains behind, in the order in which they are added."""

    def __init__(self, path, size, text=b"", redundant=True):
        self.layout = hosted.Layout(size // 512, GRAIN, GTES, redundant, 64)
        self.layout.place(range(self.layout.ngde))
        overhead = -(-self.layout.end // GRAIN) * GRAIN
        self.first = overhead
        self.file = open(path, "w+b")
        values = {"version": 1, "flags": 1 + 2 * redundant,
                  "capacity": size // 512, "grainSize": GRAIN,
                  "numGTEsPerGT": GTES, "rgdOffset": self.layout.rgd,
                  "gdOffset": self.layout.gd, "overHead": overhead}
        if text:
            values.update(descriptorOffset=1, descriptorSize=63)
        self.file.write(hosted.header(values))
        self.file.write(text)
        self.copies = [self.layout.tables]
        self.write_directory(self.layout.gd, self.layout.tables)
        if redundant:
            self.copies.append(self.layout.rtables)
            self.write_directory(self.layout.rgd, self.layout.rtables)
        self.file.truncate(overhead * 512)

    def write_directory(self, at, tables):
        self.file.seek(at * 512)
        self.file.write(u32(tables[n] for n in range(len(tables))))

    def map_all(self, grains=None):
        """Every grain (or the first so many) has its place, in order, and
        no content but a hole."""
        count = grains or self.layout.ngrain
        ahead = 1 << 22
        start = self.first
        for tables in self.copies:
            self.file.seek(tables[0] * 512)
            for n in range(0, count, ahead):
                now = min(ahead, count - n)
                at = start + n * GRAIN
                self.file.write(u32(range(at, at + now * GRAIN, GRAIN)))
        self.file.truncate((start + count * GRAIN) * 512)
        self.file.close()

    def fill_some(self, grains, content):
        """These grains, with CONTENT (n) for each."""
        entries = array.array("I", bytes(4 * self.layout.ngde * GTES))
        at = self.first
        self.file.seek(at * 512)
        for n in grains:
            entries[n] = at
            self.file.write(content(n))
            at += GRAIN
        for tables in self.copies:
            self.file.seek(tables[0] * 512)
            self.file.write(u32(entries))
        self.file.close()


def write_cowd(path, size, data):
    """Grains of a sector; a sector is left out behind every PIECE."""
    grains, step = size // 512, PIECE // 512
    tables = -(-grains // cowd.GTES)
    first = 4 + -(-tables * 4 // 512)
    start = first + tables * 32
    with open(path, "wb") as file:
        file.write(cowd.header({
            "magic": cowd.MAGIC, "version": 1, "flags": 3,
            "numSectors": grains, "grainSize": 1, "gdOffset": 4,
            "numGDEntries": tables,
            "freeSector": start + grains + grains // step}))
        file.write(u32(range(first, start, 32)))
        file.seek(first * 512)
        file.write(u32(start + n + n // step for n in range(grains)))
        with open(data, "rb") as raw:
            for n in range(0, grains, step):
                file.seek((start + n + n // step) * 512)
                file.write(raw.read(PIECE))
        file.truncate((start + grains + grains // step) * 512)


def write_sesparse(path, size, data):
    """Grains of 4 KiB; one is left out behind every PIECE."""
    capacity, step = size // 512, PIECE // 4096
    grains = capacity // sesparse.GRAIN
    tables = -(-grains // sesparse.GTES)
    values = {"magic": sesparse.CONST_MAGIC, "version": sesparse.VERSION,
              "capacity": capacity, "grainSize": sesparse.GRAIN,
              "grainTableSize": sesparse.TABLE, "volatileHeaderOffset": 1,
              "volatileHeaderSize": 1, "journalHeaderOffset": 2,
              "journalHeaderSize": 2,
              "volatileMagic": sesparse.VOLATILE_MAGIC,
              "freeGTNumber": tables, "nextTxnSeqNumber": 1,
              "replayJournal": 0}
    # Room for the grains that are left out.
    values.update(sesparse.areas(capacity + capacity // step))
    entries = array.array("Q", (sesparse.entry(n + n // step)
                                for n in range(grains)))
    numbers = array.array("Q", (1 << 60 | n for n in range(tables)))
    if sys.byteorder == "big":
        entries.byteswap()
        numbers.byteswap()
    with open(path, "wb") as file:
        file.truncate((values["grainsOffset"] + capacity
                       + capacity // step + 8) * 512)
        for name, value in values.items():
            offset, form = sesparse.FIELDS[name]
            file.seek(offset)
            file.write(sesparse.struct.pack(form, value))
        file.seek(values["grainDirOffset"] * 512)
        file.write(numbers.tobytes())
        file.seek(values["grainTablesOffset"] * 512)
        file.write(entries.tobytes())
        with open(data, "rb") as raw:
            for n in range(0, grains, step):
                file.seek(values["grainsOffset"] * 512
                          + (n + n // step) * 4096)
                file.write(raw.read(PIECE))


def write_link(path, size, keyword, name, kind):
    """A descriptor with one extent."""
    with open(path, "wb") as file:
        file.write(descriptor.build(
            [extent_line(size // 512, keyword, name)], create_type=kind))


class Disks:
    """All of them, in the directory WORK; SIZE is that of those with data,
    MIXED that of the compressed ones, both in bytes."""

    def __init__(self, work, size, mixed, say):
        self.work, self.size, self.mixed_size = work, size, mixed
        self.say = say
        self.tables = {}        # of a disk: a file with tables, their bytes

    def path(self, name):
        return os.path.join(self.work, name)

    def make(self, name, maker):
        """The path of NAME, made by MAKER (path) if it is not there."""
        path = self.path(name)
        if not os.path.exists(path):
            self.say("making " + name)
            maker(path)
        programs.warm(path)
        return path

    def convert(self, to, source, subformat):
        subprocess.run(("qemu-img", "convert", "-f", "raw", "-O", "vmdk", "-o",
                        "subformat=" + subformat, source, to), check=True)

    # ---- with data

    def raw(self):
        return self.make("data.raw", lambda p: write_raw(p, self.size))

    def qemus(self, subformat):
        """The same data in a disk of qemu-img's."""
        return self.make(subformat + ".vmdk", lambda p: self.convert(
            p, self.raw(), subformat))

    def cowd(self):
        def make(path):
            write_cowd(self.path("cowd-delta.vmdk"), self.size, self.raw())
            write_link(path, self.size, "VMFSSPARSE", "cowd-delta.vmdk",
                       "vmfsSparse")
        return self.make("cowd.vmdk", make)

    def sesparse(self):
        def make(path):
            write_sesparse(self.path("se-sesparse.vmdk"), self.size,
                           self.raw())
            write_link(path, self.size, "SESPARSE", "se-sesparse.vmdk",
                       "seSparse")
        return self.make("se.vmdk", make)

    def mixed(self):
        """A raw disk that compresses as disks do."""
        def make(path):
            programs.make_disk(path, self.mixed_size, 1)
        return self.make("mixed.raw", make)

    def stream(self):
        return self.make("stream.vmdk", lambda p: self.convert(
            p, self.mixed(), "streamOptimized"))

    def chain(self, depth):
        """DEPTH links: a full base, and children that have a thirtieth of
        all grains each."""
        below = self.make("chain-1.vmdk", lambda p: Hosted(
            p, self.size, sparse_text(p, self.size)).fill_some(
                range(self.size // 65536), self.grain_content))
        for n in range(2, depth + 1):
            below = self.make("chain-%d.vmdk" % n, lambda p, n=n, b=below:
                              self.child(p, n, b))
        return below

    def child(self, path, seed, parent):
        rng = random.Random(seed)
        grains = rng.sample(range(self.size // 65536), self.size // 65536 // 30)
        Hosted(path, self.size, sparse_text(path, self.size, parent=parent)
               ).fill_some(grains, self.grain_content)

    def grain_content(self, n):
        return b"%16d" % n * 4096

    # ---- without data

    def full(self, size, mapped=None):
        """All grains (or those of the first MAPPED bytes) have a place."""
        def make(path):
            disk = Hosted(path, size, sparse_text(path, size))
            disk.map_all(mapped and mapped // 65536)
        name = "full-%d.vmdk" % (size // GIB)
        path = self.make(name, make)
        self.tables[path] = path, (mapped or size) // 65536 * 4
        return path

    def full_extents(self, count, size):
        """COUNT extents of SIZE, all alike."""
        def make(path):
            names = ["ext-%d.vmdk" % n for n in range(1, count + 1)]
            first = self.path(names[0])
            Hosted(first, size, redundant=False).map_all()
            for name in names[1:]:
                subprocess.run(("cp", first, self.path(name)), check=True)
            with open(path, "wb") as file:
                file.write(descriptor.build(
                    [extent_line(size // 512, "SPARSE", name)
                     for name in names], create_type="twoGbMaxExtentSparse"))
            os.sync()
        path = self.make("extents.vmdk", make)
        self.tables[path] = (self.path("ext-1.vmdk"),
                             count * size // 65536 * 4)
        return path

    # ---- new ones, for those who write

    def copy(self, source, name):
        """A fresh copy, to be written to."""
        path = self.path(name)
        programs.settle(path)
        subprocess.run(("cp", "--reflink=never", source, path), check=True)
        os.sync()
        return path

    def new_vmdk(self, name, size=None, parent=None):
        """Empty; of SIZE bytes, or over PARENT."""
        path = self.path(name)
        programs.settle(path)
        command = ["qemu-img", "create", "-q", "-f", "vmdk"]
        if parent:
            command += ["-b", parent, "-F", "vmdk"]
        subprocess.run(command + [path] + [str(size)] * bool(size),
                       check=True)
        return path

    def new_raw(self, name, size):
        path = self.path(name)
        programs.settle(path)
        with open(path, "wb") as file:
            file.truncate(size)
        return path
