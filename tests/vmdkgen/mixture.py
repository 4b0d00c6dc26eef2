# SPDX-License-Identifier: BSD-3-Clause
"""Random requests without an end, several at once on each connection.

A Mixture chooses them: no range that is being changed is in another request
at the same time, but neighbours share sectors and grains, and connections
read what others have written.  A Line is one connection with what is under
way on it.
"""

import os
import socket
import time
from typing import Any, NamedTuple

import nbd

from . import buffers, stamped
from .model import Op

DEPTH = 6                       # requests under way on each connection
LONGEST = 1 << 20
WINDOW = 2 << 20                # most requests are inside one that moves
KINDS = {"write": 20, "zero": 5, "trim": 5, "read": 22, "status": 4,
         "cache": 2, "flush": 2}


class Request(NamedTuple):
    """One that is under way.

    found: what it was lent for its content, or the entries of block status.
    entry: what the Ledger calls it.  mark: the Ledger's clock when it was
    sent.
    """
    op: Op
    found: Any
    entry: Any
    mark: int
    since: float

    def give_back(self):
        """Nobody looks at it any more, nor does libnbd."""
        if self.op.kind in ("read", "write"):
            self.found.give_back()


class Mixture:
    """Chooses requests for one disk."""

    def __init__(self, size, rng):
        self.size = size
        self.rng = rng
        self.serial = 0
        self.window = 0

    def place(self):
        """(offset, length) of any shape."""
        rng = self.rng
        unit = rng.choice((1, 1, 512, 512, 4096, 65536))
        most = rng.choice((600, 5000, 5000, 70000, 70000, 300000))
        if rng.random() < 0.03:
            most = LONGEST
        length = max(1, rng.randint(1, most) // unit) * unit
        if rng.random() < 0.01:
            self.window = rng.randrange(self.size)
        low, high = self.window, min(self.window + WINDOW, self.size)
        if rng.random() < 0.3:
            low, high = 0, self.size
        start = rng.randrange(low, high) // unit * unit
        return start, min(length, self.size - start)

    def choose(self, busy):
        """The next request, or None.  busy: the requests under way."""
        kind = self.rng.choices(list(KINDS), KINDS.values())[0]
        if kind == "flush":
            return Op(kind)
        for _ in range(8):
            start, length = self.place()
            change = kind in ("write", "zero", "trim")
            if all(start >= op.end or op.offset >= start + length
                   for op in busy if change or op.changes):
                return self.request(kind, start, length)
        return None

    def request(self, kind, start, length):
        rng = self.rng
        flags, data = 0, b""
        if kind in ("write", "zero", "trim") and rng.random() < 0.06:
            flags |= nbd.CMD_FLAG_FUA
        if kind == "zero":
            flags |= rng.choice((0, nbd.CMD_FLAG_NO_HOLE))
            flags |= rng.choice((0, 0, nbd.CMD_FLAG_FAST_ZERO))
        if kind == "write":
            self.serial += 1
            data = stamped.data(start, length, self.serial,
                                rng.random() < 0.3)
            if rng.random() < 0.05:
                data = bytes(length)
        return Op(kind, start, length, flags, data)


class Line:
    """One connection."""

    def __init__(self, path, pool):
        self.pool = pool
        self.handle = nbd.NBD()
        self.handle.add_meta_context("base:allocation")
        self.handle.set_strict_mode(0)
        self.handle.connect_unix(path)
        self.socket = None      # the server's name for its end
        self.wanted = {}
        self.abandoned = []     # entries of what will not be answered
        self.leaving = None     # how, once that has been decided
        self.half_closed = False
        self.stays = 0          # for so many requests

    @property
    def gone(self):
        """The server has hung up, or libnbd has."""
        return self.handle.aio_is_dead() or self.handle.aio_is_closed()

    def send(self, op, ledger):
        """Send a request, and tell the Ledger."""
        handle, entry = self.handle, None
        if op.changes:
            entry = ledger.begin(op)
        if op.kind == "status":
            found = []
            cookie = handle.aio_block_status(
                op.length, op.offset,
                lambda context, offset, entries, error:
                found.extend(entries) or 0)
        else:
            cookie, found = buffers.send(handle, op, self.pool)
        self.wanted[cookie] = Request(op, found, entry, ledger.clock,
                                      time.monotonic())

    def answers(self):
        """(Request, errno or None) of all that have come."""
        while self.wanted:
            cookie, error = self.handle.aio_peek_command_completed(), None
            if not cookie:
                return
            try:
                self.handle.aio_command_completed(cookie)
            except nbd.Error as e:
                error = e.errno or str(e)
            yield self.wanted.pop(cookie), error

    def oldest(self):
        """How many seconds it has been waited for an answer."""
        now = time.monotonic()
        return max((now - one.since for one in self.wanted.values()),
                   default=0)

    def half_close(self):
        """Close our side of the socket when all is sent; answers can still
        come."""
        if self.half_closed or self.handle.aio_get_direction() & 2:
            return
        self.half_closed = True
        with socket.socket(fileno=os.dup(self.handle.aio_get_fd())) as s:
            s.shutdown(socket.SHUT_WR)

    def polite(self):
        """End it; nothing is under way."""
        try:
            self.handle.shutdown()
        except nbd.Error:       # the server was faster
            pass

    def drop(self):
        """Close the socket as it is; returns the entries of changes that
        nobody knows of whether they were done.  (libnbd closes it when
        nothing refers to a handle any more.)"""
        self.handle = None
        for one in self.wanted.values():
            one.give_back()
        entries = [one.entry for one in self.wanted.values()]
        return [one for one in self.abandoned + entries if one]
