# SPDX-License-Identifier: BSD-3-Clause
"""What a disk may hold while requests overlap in time.

A History (survivors.py) is told of whole batches; a Ledger of the beginning
and the end of each request, so that there is no moment without one under
way.  The caller sees to it that a range that is being changed is in no
other request at the same time.
"""

from . import stamped
from .survivors import History, Pending
from .verify import Difference


class Sent(Pending):
    """A change that was sent.  stamp: when it was answered, by the Ledger's
    clock, None before that."""

    stamp = None

    def cut(self, start, end):
        if end <= self.start or start >= self.end:
            return [self]
        rest = [Sent(one.start, one.data) for one in super().cut(start, end)]
        for one in rest:
            one.stamp = self.stamp
        return rest


class Ledger(History):
    """The durable bytes, those that must be read now, and what is between."""

    def __init__(self, data):
        super().__init__(data)
        self.clock = 0

    def begin(self, op):
        """A change is on its way."""
        entry = Sent(op.offset, bytes(op.bytes()))
        self.pending.append(entry)
        return entry

    def end(self, entry, durable):
        """It was answered with success; durable: it had FUA."""
        self.clock += 1
        entry.stamp = self.clock
        self.now[entry.start:entry.end] = entry.data
        if durable:
            self.base[entry.start:entry.end] = entry.data
            self.pending = [rest for one in self.pending
                            for rest in one.cut(entry.start, entry.end)]

    def refused(self, entry):
        """It was answered, and nothing was done."""
        self.pending.remove(entry)

    def flushed(self, mark):
        """A flush was answered; mark is the clock when it was sent."""
        rest = []
        for one in self.pending:
            if one.stamp is None or one.stamp > mark:
                rest.append(one)
            else:
                self.base[one.start:one.end] = one.data
        self.pending = rest

    def settle(self, entry, found):
        """Nobody waits for the answer any more, and the server has forgotten
        the request.  Each sector is as before or as it asked for."""
        start = entry.start
        while start < entry.end:
            stop = min(entry.end, start // 512 * 512 + 512)
            now = found[start - entry.start:stop - entry.start]
            choices = (bytes(self.now[start:stop]),
                       entry.slice(start, stop))
            if now not in choices:
                raise Difference(
                    "bytes %d-%d of a request whose client went away are "
                    "neither old nor new\n%s"
                    % (start, stop, tell(choices, now)))
            start = stop
        self.clock += 1
        entry.stamp = self.clock
        seen = Sent(entry.start, bytes(found))
        self.pending.append(seen)
        self.end(seen, False)

    def stopped(self):
        """The server has ended in order: what was answered is durable."""
        self.base = bytearray(self.now)
        self.pending = [one for one in self.pending if one.stamp is None]

    @staticmethod
    def complain(found, start, stop, choices):
        raise Difference(
            "after the end of the server: bytes %d-%d are neither what was "
            "durable nor of one of %d requests since\n%s"
            % (start, stop, len(choices) - 1,
               tell(choices, found[start:stop])))


def tell(choices, found):
    """What was allowed, and what was found."""
    lines = ["  expected " + stamped.tell(one) for one in choices]
    return "\n".join(lines + ["  found    " + stamped.tell(found)])
