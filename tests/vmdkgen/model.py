# SPDX-License-Identifier: BSD-3-Clause
"""Random scripts against a byte array that says what a disk must hold.

A Script makes batches of requests from a seed; the ranges of one batch are
disjoint, byte by byte, so that it does not matter in which order a server
does what is in flight at once, while many writers share one grain.  A Model
is the byte array, a Client sends the batches.
"""

import os
import random
from typing import NamedTuple

import nbd

from . import buffers
from .verify import Difference, compare

POOL = random.Random(4711).randbytes(6 << 20)
LONGEST = 3 << 20
REFUSED = ("EOPNOTSUPP", "ENOTSUP")


class Op(NamedTuple):
    """One request.  data is for 'write' (and 'read': what is expected).

    fails: the errno with which it must fail.
    """
    kind: str
    offset: int = 0
    length: int = 0
    flags: int = 0
    data: bytes = b""
    fails: str = ""

    def __str__(self):
        return "%s %d+%d flags %d%s" % (
            self.kind, self.offset, self.length, self.flags,
            " must fail" if self.fails else "")

    @property
    def end(self):
        return self.offset + self.length

    def bytes(self):
        """What the range holds afterwards."""
        return self.data if self.kind == "write" else bytes(self.length)

    @property
    def changes(self):
        return self.kind in ("write", "zero", "trim")


class Shape:
    """Where a disk may be written, and what its grain is."""

    def __init__(self, size, writable=None, readonly=(), grain=65536):
        self.size = size
        self.writable = writable or [(0, size)]
        self.readonly = list(readonly)
        self.grain = grain


def shape_of(target):
    """The Shape of a writable.Target."""
    forbidden = sorted(target.readonly + target.zero)
    ranges, at = [], 0
    for start, end in forbidden + [(target.size, target.size)]:
        if start > at:
            ranges.append((at, start))
        at = end
    return Shape(target.size, ranges, target.readonly)


class Script:
    """A source of batches."""

    def __init__(self, shape, seed, fast_zero=True):
        self.shape = shape
        self.rng = random.Random(seed)
        self.fast_zero = fast_zero

    def place(self):
        """A range of bytes of any shape, inside a writable part."""
        rng = self.rng
        low, high = rng.choices(
            self.shape.writable,
            [b - a for a, b in self.shape.writable])[0]
        unit = rng.choice((1, 1, 512, 512, 4096, 8192, 65536))
        most = rng.choice((600, 5000, 5000, 70000, 70000, 300000,
                           LONGEST if rng.random() < 0.25 else 140000))
        count = max(1, rng.randint(1, max(1, most // unit))) * unit
        start = low + rng.randrange(high - low) // unit * unit
        if rng.random() < 0.15:         # to the very end, or over an edge
            start = max(low, high - rng.randint(1, count))
        return start, min(start + count, high)

    def ranges(self):
        """Disjoint ranges for one batch."""
        rng = self.rng
        start, end = self.place()
        count = rng.choice((1, 1, 2, 4, 9))
        if rng.random() < 0.5 and end - start > count:
            cuts = sorted(rng.sample(range(start + 1, end), count - 1))
            edges = [start] + cuts + [end]
            return list(zip(edges, edges[1:]))
        taken = [(start, end)]
        for _ in range(count - 1):
            a, b = self.place()
            if all(b <= x or a >= y for x, y in taken):
                taken.append((a, b))
        return taken

    def change(self, start, end):
        """A write, zero, trim or read of a range."""
        rng = self.rng
        length = end - start
        kind = rng.choices(("write", "zero", "trim", "read"),
                           (10, 4, 4, 4))[0]
        flags = nbd.CMD_FLAG_FUA if rng.random() < 0.06 else 0
        if kind == "read":
            return Op(kind, start, length)
        if kind == "write":
            at = rng.randrange(len(POOL) - length)
            data = bytes(length) if rng.random() < 0.07 \
                else POOL[at:at + length]
            return Op(kind, start, length, flags, data)
        if kind == "zero":
            flags |= rng.choice((0, nbd.CMD_FLAG_NO_HOLE))
            if self.fast_zero and rng.random() < 0.25:
                flags |= nbd.CMD_FLAG_FAST_ZERO
        return Op(kind, start, length, flags)

    def batch(self):
        """Requests to be in flight at once."""
        rng = self.rng
        if self.shape.readonly and rng.random() < 0.05:
            return [self.forbidden()]
        ops = [self.change(a, b) for a, b in self.ranges()]
        if rng.random() < 0.06:
            ops.append(Op("flush"))
        rng.shuffle(ops)
        return ops

    def forbidden(self):
        """A write inside an extent that must not change."""
        rng = self.rng
        low, high = rng.choice(self.shape.readonly)
        start = rng.randrange(low, high)
        length = min(rng.randint(1, 9000), high - start)
        kind = rng.choice(("write", "zero", "trim"))
        return Op(kind, start, length, 0, POOL[:length], "EPERM")


class Model:
    """What the disk must hold."""

    def __init__(self, data):
        self.data = bytearray(data)

    def expect(self, op):
        """A read with what it must find."""
        if op.kind != "read":
            return op
        return op._replace(data=bytes(self.data[op.offset:op.end]))

    def done(self, op):
        """A request that has succeeded."""
        if op.changes:
            self.data[op.offset:op.end] = op.bytes()

    def compare(self, found, what, offset=0):
        want = memoryview(self.data)[offset:offset + len(found)]
        if want != found:
            compare(bytes(want), bytes(found), offset, what)


class Client:
    """Connections to one server."""

    def __init__(self, socket, count):
        self.pool = buffers.Pool()
        self.handles = []
        for _ in range(count):
            handle = nbd.NBD()
            handle.add_meta_context("base:allocation")
            handle.set_strict_mode(0)
            handle.connect_unix(socket)
            self.handles.append(handle)

    def close(self):
        """End all connections politely."""
        for handle in self.handles:
            try:
                handle.shutdown()
            except nbd.Error:
                pass
        self.drop()

    def drop(self):
        """Close the connections as they are, without a word.  (libnbd does
        that when nothing refers to a handle any more.)"""
        self.handles = []

    def start(self, i, op):
        """Send one request; returns what run needs to finish it."""
        handle = self.handles[i % len(self.handles)]
        cookie, lent = buffers.send(handle, op, self.pool)
        return handle, cookie, op, lent

    def run(self, ops, first=0):
        """Send all, wait for all: a list of (op, errno or None)."""
        sent = [self.start(first + i, op) for i, op in enumerate(ops)]
        out = []
        for handle, cookie, op, lent in sent:
            try:
                while not handle.aio_command_completed(cookie):
                    handle.poll(-1)
                error = None
            except nbd.Error as e:
                error = e.errno or str(e)
            if op.kind == "read" and error is None:
                compare(op.data, lent.bytes(), op.offset,
                        "read beside writes")
            if lent:
                lent.give_back()
            out.append((op, error))
        return out

    def read_all(self, model, what, step=1 << 20):
        """Compare the whole disk."""
        handle = self.handles[0]
        size = handle.get_size()
        if size != len(model.data):
            raise Difference("size of the disk: expected %d, found %d"
                             % (len(model.data), size))
        for at in range(0, size, step):
            model.compare(handle.pread(min(step, size - at), at), what, at)


def judge(op, error):
    """Did a request end as it must?  True if it has been done."""
    if op.fails:
        if error != op.fails:
            raise Difference("%s: expected %s, found %s"
                             % (op, op.fails, error))
        return False
    if error is None:
        return True
    quick = op.kind == "zero" and op.flags & nbd.CMD_FLAG_FAST_ZERO
    if quick and error in REFUSED:
        return False
    raise Difference("%s failed: %s" % (op, error))


def step(client, script, model, first):
    """One batch; returns how many requests it had."""
    ops = [model.expect(op) for op in script.batch()]
    try:
        for op, error in client.run(ops, first):
            if judge(op, error):
                model.done(op)
    except Difference as e:
        raise Difference("%s\n  in flight at once: %s"
                         % (e, "; ".join(str(op) for op in ops))) from e
    return len(ops)


def seed():
    return int(os.environ.get("VMDK_MODEL_SEED", "1"))
