# SPDX-License-Identifier: BSD-3-Clause
"""What a link or a disk holds, without any format.

Content is a list of runs of sectors.  A run is data (named by a seed, so
that every sector of the universe has its own bytes), zero, absent (the
parent answers) or error (reads must fail with EIO).  This file owns the
bytes of the test disks, the composition of a chain, and the block status
that follows from it.
"""

import bisect
import functools
import hashlib
import struct
from typing import NamedTuple

SECTOR = 512

DATA = "data"
ZERO = "zero"
ABSENT = "absent"
ERROR = "error"

BLANK = 0                       # seed of data that is stored but all zero
DENSE = 1 << 40                 # added to a seed: data that never compresses

STATUS = {DATA: 0, ZERO: 3, ABSENT: 3, ERROR: None}

FILL = b"the rest of this sector compresses well; " * 12


@functools.lru_cache(maxsize=1 << 14)
def sector(seed, number):
    """The 512 bytes of one sector of the data named seed."""
    if seed == BLANK:
        return bytes(SECTOR)
    tag = struct.pack("<QQ", seed, number)
    if seed & DENSE:
        return hashlib.shake_128(tag).digest(SECTOR)
    return tag + hashlib.shake_128(tag).digest(80) + FILL[:SECTOR - 96]


def sectors(seed, first, count):
    """The bytes of count sectors of the data named seed."""
    if seed == BLANK:
        return bytes(count * SECTOR)
    return b"".join([sector(seed, n) for n in range(first, first + count)])


class Run(NamedTuple):
    """A run of sectors; first is the number inside the data of seed."""
    start: int
    count: int
    state: str
    seed: int = 0
    first: int = 0

    @property
    def end(self):
        return self.start + self.count

    def cut(self, start, end):
        """The part of this run inside [start, end)."""
        low, high = max(start, self.start), min(end, self.end)
        return Run(low, high - low, self.state, self.seed,
                   self.first + low - self.start)

    def moved(self, delta):
        return self._replace(start=self.start + delta)

    def bytes(self):
        if self.state == DATA:
            return sectors(self.seed, self.first, self.count)
        return bytes(self.count * SECTOR)


def joins(a, b):
    """True when b only continues a."""
    if a.state != b.state or a.end != b.start:
        return False
    if a.state != DATA:
        return True
    return a.seed == b.seed and (a.seed == BLANK
                                 or a.first + a.count == b.first)


class Content:
    """Runs that cover [0, size) sectors, in order and without gaps."""

    def __init__(self, size, runs=()):
        self.size = size
        self.runs = []
        at = 0
        for run in runs:
            if run.count == 0:
                continue
            assert run.start >= at and run.end <= size, run
            if run.start > at:
                self._add(Run(at, run.start - at, ABSENT))
            self._add(run)
            at = run.end
        if at < size:
            self._add(Run(at, size - at, ABSENT))
        self.starts = [run.start for run in self.runs]

    def _add(self, run):
        last = self.runs[-1] if self.runs else None
        if last and joins(last, run):
            self.runs[-1] = last._replace(count=last.count + run.count)
        else:
            self.runs.append(run)

    def within(self, start, end):
        """The runs inside [start, end), cut to it."""
        i = max(0, bisect.bisect_right(self.starts, start) - 1)
        while i < len(self.runs) and self.runs[i].start < end:
            run = self.runs[i].cut(start, end)
            if run.count > 0:
                yield run
            i += 1

    def slice(self, start, count):
        """Part of the content, as content that starts at 0."""
        runs = [run.moved(-start) for run in self.within(start, start + count)]
        return Content(count, runs)

    def mark(self, start, count, state, seed=0, first=None):
        """The same content with one range replaced."""
        run = Run(start, count, state, seed, start if first is None else first)
        runs = list(self.within(0, start)) if start else []
        runs.append(run)
        runs.extend(self.within(start + count, self.size))
        return Content(self.size, runs)

    def over(self, parent):
        """This content with its absent runs answered by parent."""
        runs = []
        for run in self.runs:
            if run.state == ABSENT:
                runs.extend(parent.within(run.start, run.end))
            else:
                runs.append(run)
        return Content(self.size, runs)

    def base(self):
        """This content at the bottom of a chain: absent reads as zero."""
        runs = [run._replace(state=ZERO) if run.state == ABSENT else run
                for run in self.runs]
        return Content(self.size, runs)

    def data_runs(self):
        return [run for run in self.runs if run.state == DATA]

    def has_errors(self):
        return any(run.state == ERROR for run in self.runs)

    def fails(self, offset, length):
        """True when a read of these bytes must fail."""
        low, high = offset // SECTOR, -(-(offset + length) // SECTOR)
        return any(r.state == ERROR for r in self.within(low, high))

    def read(self, offset, length):
        """The expected bytes, any offset and length in bytes."""
        low, high = offset // SECTOR, -(-(offset + length) // SECTOR)
        data = b"".join(run.bytes() for run in self.within(low, high))
        head = offset - low * SECTOR
        return data[head:head + length]

    def map(self):
        """Expected block status: [offset, length, type], bytes, merged.

        The type is None where reads fail: nothing is promised there.
        """
        out = []
        for run in self.runs:
            kind = STATUS[run.state]
            if out and out[-1][2] == kind:
                out[-1][1] += run.count * SECTOR
            else:
                out.append([run.start * SECTOR, run.count * SECTOR, kind])
        return [tuple(entry) for entry in out]


def join(parts):
    """Contents one after another, as the extents of a link are."""
    runs = []
    at = 0
    for part in parts:
        runs.extend(run.moved(at) for run in part.runs)
        at += part.size
    return Content(at, runs)


LETTERS = {".": ABSENT, "Z": ZERO, "D": DATA, "B": DATA, "R": DATA,
           "X": ERROR}


def pattern(size, grain, text, seed):
    """Content from one letter for each grain.

    D data, R data that never compresses, B stored zeroes, Z zeroed grain,
    '.' absent, X error.  The text may be shorter than the disk.
    """
    runs = []
    for g, letter in enumerate(text):
        start = g * grain
        if start >= size:
            break
        kind = {"B": BLANK, "R": seed | DENSE}.get(letter, seed)
        runs.append(Run(start, min(grain, size - start), LETTERS[letter],
                        kind, start))
    return Content(size, runs)


def scattered(size, grain, grains, seed, state=DATA):
    """Content with only the listed grains present."""
    runs = [Run(g * grain, min(grain, size - g * grain), state, seed,
                g * grain) for g in sorted(grains)]
    return Content(size, runs)


def mixture(size, grain, rng, seed, letters="DDZ..R"):
    """Random content with the given letters for its grains."""
    count = -(-size // grain)
    return pattern(size, grain, "".join(rng.choices(letters, k=count)), seed)


def full(size, seed):
    """Content that is data from the first to the last sector."""
    return Content(size, [Run(0, size, DATA, seed, 0)])


def empty(size):
    return Content(size)


def zeroes(size):
    return Content(size, [Run(0, size, ZERO)])


def errors(size):
    return Content(size, [Run(0, size, ERROR)])
