#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Make a disk that no tool makes out of a raw file with any content.

usage: raw-chain.py RAW DIRECTORY KIND...

Each KIND is one link, the base first: hosted, stream, cowd or sesparse,
followed by =GRAIN where its grain size (in sectors) can be chosen.  The
data is dealt out to the links in turn, grain by grain; below data that a
later link holds there is something else, so that a reader who takes the
wrong link sees it.  Prints the path of the top link.
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from vmdkgen import case, disk                          # noqa: E402

SECTOR = 512
UNIT = 2048                     # sectors dealt out at once: whole grains


class Piece:
    """A piece of the raw file, the way the makers of extents see it."""
    state = "data"

    def __init__(self, start, data):
        self.start = start
        self.data = data

    @property
    def count(self):
        return len(self.data) // SECTOR

    @property
    def end(self):
        return self.start + self.count

    def cut(self, start, end):
        low, high = max(start, self.start), min(end, self.end)
        at = (low - self.start) * SECTOR
        return Piece(low, self.data[at:at + (high - low) * SECTOR])

    def bytes(self):
        return self.data


class Pieces:
    """Content of one link: pieces in order, absent between them."""

    def __init__(self, size, runs):
        self.size = size
        self.runs = runs
        self.at = {run.start // UNIT: run for run in runs}

    def within(self, start, end):
        for unit in range(start // UNIT, -(-end // UNIT)):
            run = self.at.get(unit)
            if run is not None and run.start < end and run.end > start:
                yield run.cut(start, end)

    def slice(self, start, count):
        assert (start, count) == (0, self.size)
        return self


def units(f, size):
    """The numbers of the units that are not holes of the raw file."""
    at = 0
    while at < size * SECTOR:
        try:
            at = os.lseek(f.fileno(), at, os.SEEK_DATA)
        except OSError:                 # only a hole is left
            return
        unit = at // (UNIT * SECTOR)
        yield unit
        at = (unit + 1) * UNIT * SECTOR


def pieces(path, size):
    """The units of the raw file that are not all zero."""
    with open(path, "rb", buffering=0) as f:
        for unit in units(f, size):
            length = min(UNIT, size - unit * UNIT) * SECTOR
            data = os.pread(f.fileno(), length, unit * UNIT * SECTOR)
            if data.strip(b"\0"):
                yield Piece(unit * UNIT, data)


def deal(path, size, links):
    """The content of each link."""
    layers = [[] for _ in range(links)]
    for number, piece in enumerate(pieces(path, size)):
        owner = number % links
        layers[owner].append(piece)
        if owner > 0 and number % 2:
            wrong = Piece(piece.start, bytes(b ^ 0xff for b in piece.data))
            layers[owner - 1].append(wrong)
    return [Pieces(size, runs) for runs in layers]


def make(d, kind, number, layer, parent):
    """One link."""
    name, _, grain = kind.partition("=")
    options = {"grain": int(grain)} if grain else {}
    keys = {"parent": parent, "cid": "%08x" % (0x1000 + number)}
    if name == "hosted":
        return disk.mono(d, "link%d.vmdk" % number, layer, **keys, **options)
    if name == "stream":
        return disk.streamed(d, "link%d.vmdk" % number, layer, **keys,
                             **options)
    maker = {"cowd": disk.cowd, "sesparse": disk.sesparse}[name]
    part = maker(d, "link%d-data.vmdk" % number, layer, **options)
    # The line of an extent is all that a descriptor needs of it.
    part.content = disk.c.empty(layer.size)
    return disk.link(d, "link%d.vmdk" % number, [part], **keys)


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__.split("\n")[2])
    raw, directory, kinds = sys.argv[1], sys.argv[2], sys.argv[3:]
    os.makedirs(directory, exist_ok=True)
    size = os.stat(raw).st_size // SECTOR
    top = None
    for number, layer in enumerate(deal(raw, size, len(kinds))):
        top = make(case.Directory(directory), kinds[number], number, layer,
                   top)
    print(top.path)


if __name__ == "__main__":
    main()
