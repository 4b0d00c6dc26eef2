# SPDX-License-Identifier: BSD-3-Clause
"""What a disk may hold after its server was killed.

A History knows the bytes that must be there (those of the last completed
flush, and of FUA requests since) and every request since then, done or not.
A sector may be of any of these, a byte that no such request touches must be
as it was.
"""

import nbd

from .verify import Difference, show


class Pending:
    """Part of a request that is not known to be durable."""

    def __init__(self, start, data):
        self.start = start
        self.end = start + len(data)
        self.data = data

    def cut(self, start, end):
        """What is left of it outside [start, end)."""
        if end <= self.start or start >= self.end:
            return [self]
        out = []
        if self.start < start:
            out.append(Pending(self.start,
                               self.data[:start - self.start]))
        if self.end > end:
            out.append(Pending(end, self.data[end - self.start:]))
        return out

    def slice(self, start, end):
        return self.data[start - self.start:end - self.start]


class History:
    """The durable bytes and what came after them."""

    def __init__(self, data):
        self.base = bytearray(data)
        self.now = bytearray(data)
        self.pending = []

    def sent(self, ops):
        """A batch is on its way.  The ranges in it are disjoint."""
        self.before = len(self.pending)
        self.pending += [Pending(op.offset, bytes(op.bytes()))
                         for op in ops if op.changes and not op.fails]

    def done(self, ops):
        """These of the batch have ended well.  Once for each batch; a flush
        in it is known to cover the batches before."""
        for op in ops:
            if op.changes:
                self.now[op.offset:op.end] = op.bytes()
        if any(op.kind == "flush" for op in ops):
            for one in self.pending[:self.before]:
                self.base[one.start:one.end] = one.data
            self.pending = self.pending[self.before:]
        for op in ops:
            if op.changes and op.flags & nbd.CMD_FLAG_FUA:
                self.base[op.offset:op.end] = op.bytes()
                self.pending = [rest for one in self.pending
                                for rest in one.cut(op.offset, op.end)]

    def verify(self, found):
        """Is this what may be left?  Then it is what goes on from here."""
        if len(found) != len(self.base):
            raise Difference("size after the kill: %d, not %d"
                             % (len(found), len(self.base)))
        edges = {0, len(found)}
        for one in self.pending:
            edges.update((one.start, one.end))
        edges = sorted(edges)
        for start, end in zip(edges, edges[1:]):
            self.verify_segment(found, start, end)
        self.base = bytearray(found)
        self.now = bytearray(found)
        self.pending = []

    def verify_segment(self, found, start, end):
        """A range that each pending request covers wholly or not."""
        if found[start:end] == self.base[start:end]:
            return
        over = [one for one in self.pending
                if one.start <= start and end <= one.end]
        while start < end:
            stop = min(end, start // 512 * 512 + 512)
            choices = [bytes(self.base[start:stop])]
            choices += [one.slice(start, stop) for one in over]
            if found[start:stop] not in choices:
                self.complain(found, start, stop, choices)
            start = stop

    @staticmethod
    def complain(found, start, stop, choices):
        raise Difference(
            "after the kill: bytes %d-%d are neither what was durable nor "
            "of one of %d requests since\n  durable %s\n  found   %s"
            % (start, stop, len(choices) - 1, show(choices[0], 0),
               show(found[start:stop], 0)))
