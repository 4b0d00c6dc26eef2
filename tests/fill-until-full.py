#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Write to a disk until there is no room, and go on when there is.

usage: fill-until-full.py URI RAW full|more

RAW is what the disk must hold; it is written along.  'full': pieces of all
sizes are written until one fails, which must be with ENOSPC; the piece that
failed holds its old or its new bytes, or some of each.  Everything else is
what it was, and a flush succeeds or fails with ENOSPC; what was flushed
before counts only.  'more': there is room now, and all is written again.
"""

import os
import random
import sys

import nbd

PIECES = (65536, 4096, 512, 200000, 65536, 1000, 300)


def pieces(size):
    """(offset, bytes) over the whole disk, in a mixed order."""
    rng = random.Random(size)
    starts = list(range(0, size, 256 << 10))
    rng.shuffle(starts)
    for n, start in enumerate(starts):
        length = min(PIECES[n % len(PIECES)], size - start)
        yield start, rng.randbytes(length)


def same(handle, raw, size, but=()):
    """The disk is the model, except for one range."""
    for at in range(0, size, 1 << 20):
        length = min(1 << 20, size - at)
        found = bytearray(handle.pread(length, at))
        want = bytearray(os.pread(raw, length, at))
        for start, count in but:
            low, high = max(start, at), min(start + count, at + length)
            if low < high:
                found[low - at:high - at] = want[low - at:high - at]
        if found != want:
            sys.exit("differs between %d and %d" % (at, at + length))


def full(handle, raw, size):
    failed = []
    for n, (at, data) in enumerate(pieces(size)):
        try:
            handle.pwrite(data, at)
            os.pwrite(raw, data, at)
        except nbd.Error as e:
            if e.errno != "ENOSPC":
                sys.exit("a write failed with %s, not ENOSPC" % e)
            failed.append((at, len(data)))
            if len(failed) == 3:
                break
        if n % 4 == 3 and not failed:
            handle.flush()
    if not failed:
        sys.exit("there was room for all")
    # What can be read was not damaged, also where a write failed.
    same(handle, raw, size, failed)
    for at, length in failed:
        handle.pread(length, at)
    print("full after %d pieces" % n)
    return failed


def more(handle, raw, size):
    for at, data in pieces(size):
        handle.pwrite(data, at)
        os.pwrite(raw, data, at)
    handle.flush()
    same(handle, raw, size)


def main():
    uri, name, what = sys.argv[1:]
    handle = nbd.NBD()
    handle.connect_uri(uri)
    raw = os.open(name, os.O_RDWR)
    size = os.fstat(raw).st_size
    if what == "full":
        for at, length in full(handle, raw, size):
            # Which bytes arrived is for the disk to say.
            os.pwrite(raw, handle.pread(length, at), at)
    else:
        more(handle, raw, size)
    handle.shutdown()


main()
