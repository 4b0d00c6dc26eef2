# SPDX-License-Identifier: BSD-3-Clause
"""An extent file under construction or under attack.

Every maker of extents returns an Image: the path, what the extent holds,
and the places of its tables, so that a test can damage exactly one field
and say what must happen.
"""

import os
import struct


class Image:
    """One extent file.  size is the format of an entry, '<I' or '<Q'."""

    def __init__(self, path, content, grain, gtes, entry="<I"):
        self.path = path
        self.name = os.path.basename(path)
        self.content = content
        self.grain = grain
        self.gtes = gtes
        self.entry = entry
        self.fields = {}        # header field -> (byte offset, struct format)
        self.gd = 0             # sector of the grain directory
        self.rgd = 0            # sector of the redundant one, or 0
        self.tables = {}        # index of a grain table -> its sector
        self.rtables = {}       # the same for the redundant ones
        self.grains = {}        # grain -> sector (or entry) where it lies

    def poke(self, offset, data):
        """Overwrite bytes of the file."""
        with open(self.path, "r+b") as f:
            f.seek(offset)
            f.write(data)

    def peek(self, offset, length):
        with open(self.path, "rb") as f:
            f.seek(offset)
            return f.read(length)

    def truncate(self, size):
        os.truncate(self.path, size)

    def append(self, data):
        with open(self.path, "ab") as f:
            f.write(data)

    def file_size(self):
        return os.stat(self.path).st_size

    def set_header(self, field, value):
        """Overwrite a field of the header at the start of the file."""
        offset, form = self.fields[field]
        self.poke(offset, struct.pack(form, value))

    def set_gde(self, index, value, redundant=False):
        """Overwrite an entry of a grain directory."""
        start = self.rgd if redundant else self.gd
        width = struct.calcsize(self.entry)
        self.poke(start * 512 + index * width,
                  struct.pack(self.entry, value))

    def gte_offset(self, grain, redundant=False):
        """Where in the file the entry of a grain lies, in bytes."""
        tables = self.rtables if redundant else self.tables
        width = struct.calcsize(self.entry)
        table = tables[grain // self.gtes]
        return table * 512 + grain % self.gtes * width

    def set_gte(self, grain, value, redundant=False):
        """Overwrite an entry of a grain table."""
        self.poke(self.gte_offset(grain, redundant),
                  struct.pack(self.entry, value))

    def fail(self, grain, count=1):
        """Say that reads of these grains must fail from now on."""
        start = grain * self.grain
        end = min(start + count * self.grain, self.content.size)
        self.content = self.content.mark(start, end - start, "error")
        return self


def ceil(a, b):
    return -(-a // b)


def roundup(a, b):
    return ceil(a, b) * b


def grain_runs(content, grain):
    """(grain, state, bytes) of every grain that is not absent.

    A grain must be of one state; its bytes end at the capacity.
    """
    seen = -1
    for run in content.runs:
        if run.state == "absent":
            continue
        for g in range(run.start // grain, ceil(run.end, grain)):
            if g == seen:
                continue
            seen = g
            end = min((g + 1) * grain, content.size)
            parts = list(content.within(g * grain, end))
            states = {part.state for part in parts}
            assert len(states) == 1, "grain %d is of several states" % g
            yield g, parts[0].state, b"".join(p.bytes() for p in parts)
