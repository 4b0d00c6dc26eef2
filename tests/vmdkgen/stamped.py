# SPDX-License-Identifier: BSD-3-Clause
"""Bytes that tell where and by which request they were written.

Each 512 bytes of a disk begin with their own sector and the serial number of
the request, so content that is out of its place, or older than it must be,
says so itself.  Owns the form of these stamps, and reading them.
"""

import random
import re

NOISE = random.Random(815).randbytes(1 << 16)
STAMP = re.compile(rb"@([0-9a-f]{12}) #([0-9a-f]{16})\n")
LENGTH = 32
FILL = 512 - LENGTH


def sector(number, serial, dense):
    """One sector; dense does not compress, the other is all stamps."""
    stamp = b"@%012x #%016x\n" % (number, serial)
    if not dense:
        return stamp * (512 // LENGTH)
    at = (number * 7919 + serial * 104729) % (len(NOISE) - FILL)
    return stamp + NOISE[at:at + FILL]


def data(offset, length, serial, dense=False):
    """What request serial writes to these bytes of the disk."""
    first, end = offset // 512, -(-(offset + length) // 512)
    whole = b"".join([sector(n, serial, dense) for n in range(first, end)])
    return whole[offset - first * 512:][:length]


def tell(found):
    """Which sectors and requests these bytes are of, as a sentence."""
    seen = STAMP.findall(found)
    if not seen:
        return "no stamp" if found.strip(b"\0") else "all zero"
    first, last = seen[0], seen[-1]
    return "stamps of sector %d, request %d, to sector %d, request %d" % (
        int(first[0], 16), int(first[1], 16),
        int(last[0], 16), int(last[1], 16))
