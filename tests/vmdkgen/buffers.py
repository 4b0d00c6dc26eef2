# SPDX-License-Identifier: BSD-3-Clause
"""Sending requests by libnbd, and the memory that they take.

libnbd 1.14's python keeps for ever what aio_pread and aio_pwrite were given:
a test that sends requests for half an hour would need gigabytes.  So they
are given views of a few blocks, which are used again.
"""

import nbd


class Lent:
    """The part of a block that one request uses."""

    def __init__(self, pool, block, length):
        self.pool = pool
        self.block = block
        self.length = length

    def buffer(self):
        """For libnbd, which shares it."""
        return nbd.Buffer.from_buffer(memoryview(self.block)[:self.length])

    def bytes(self):
        return bytes(memoryview(self.block)[:self.length])

    def give_back(self):
        """The request has been answered, and nobody looks at this again."""
        self.pool.idle.setdefault(len(self.block), []).append(self.block)


class Pool:
    """Blocks that no request uses, by their size."""

    def __init__(self):
        self.idle = {}

    def lend(self, length):
        size = max(512, 1 << (length - 1).bit_length())
        idle = self.idle.get(size)
        return Lent(self, idle.pop() if idle else bytearray(size), length)


def send(handle, op, pool):
    """Send a request that is not about block status; returns its cookie and,
    if it has content, what it was lent."""
    lent = None
    if op.kind in ("write", "read"):
        lent = pool.lend(op.length)
    if op.kind == "write":
        lent.block[:op.length] = op.data
        cookie = handle.aio_pwrite(lent.buffer(), op.offset, flags=op.flags)
    elif op.kind == "read":
        cookie = handle.aio_pread(lent.buffer(), op.offset)
    elif op.kind == "zero":
        cookie = handle.aio_zero(op.length, op.offset, flags=op.flags)
    elif op.kind == "trim":
        cookie = handle.aio_trim(op.length, op.offset, flags=op.flags)
    elif op.kind == "cache":
        cookie = handle.aio_cache(op.length, op.offset)
    else:
        cookie = handle.aio_flush()
    return cookie, lent
