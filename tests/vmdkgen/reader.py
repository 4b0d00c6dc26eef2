# SPDX-License-Identifier: BSD-3-Clause
"""What a disk holds, by its own tables and without any server.

A link is read through check.py's view of its files; the links below it are
either read the same way or known from the generator (SESparse links must
be: nothing here can read them).
"""

import os

from . import check


class Reader:
    """The disk whose top link is at path.

    below: a content.Content that says what the parent holds; without it
    the parent that the descriptor names is read.
    """

    def __init__(self, path, below=None):
        text = check.descriptor(path)
        self.extents = []
        at = 0
        for line in text.lines:
            extent = check.open_extent(path, line)
            self.extents.append((at, at + line[1] * 512, extent))
            at += line[1] * 512
        self.size = at
        self.below = below
        self.parent = None
        hint = text.keys.get("parentfilenamehint")
        if below is None and hint and text.number("parentCID") != 0xffffffff:
            self.parent = Reader(os.path.join(os.path.dirname(path),
                                              os.fsdecode(hint)))

    def close(self):
        for _, _, extent in self.extents:
            extent.__exit__()
        if self.parent:
            self.parent.close()

    def absent(self, start, end):
        if self.parent:
            return self.parent.read(start, end)
        if self.below:
            return self.below.read(start, end - start)
        return bytes(end - start)

    def read(self, start, end):
        """The bytes [start, end)."""
        out = bytearray()
        for low, high, extent in self.extents:
            a, b = max(low, start), min(high, end)
            if a < b:
                extent.fill(out, a - low, b - low,
                            lambda x, y, low=low: self.absent(low + x,
                                                              low + y))
        return bytes(out)


def read(path, below=None):
    """All bytes of a (small) disk."""
    disk = Reader(path, below)
    try:
        return disk.read(0, disk.size)
    finally:
        disk.close()
