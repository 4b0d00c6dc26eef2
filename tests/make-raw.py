#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Make a raw file with content to compare with: make-raw.py FILE SIZE SEED

SIZE is in bytes.  Text, noise, single sectors and holes alternate in the
first 24 MiB; further on there are islands: at random places, on both sides
of each multiple of 2 GiB (where split disks have their seams; up to 16 of
them), and at the very end.
"""

import os
import random
import sys

DENSE = 24 << 20
SEAM = 2 << 30


def piece(rng, length):
    """Bytes of one of several kinds."""
    if rng.random() < 0.5:
        return rng.randbytes(length)
    line = b"%016x compresses well, it is text all over\n" % rng.getrandbits(64)
    return (line * (length // len(line) + 1))[:length]


def ranges(rng, size):
    """(offset, length) of all data, ascending or not."""
    at = 0
    while at < min(size, DENSE):
        length = rng.choice((512, 4096, 65536, 65536, 200704, 1 << 20))
        yield at, length
        at += length + 512 * rng.choice((0, 1, 8, 128, 129, 1000, 5000))
    if size > DENSE:
        for _ in range(20):
            yield rng.randrange(DENSE, size) & -512, 512 * rng.randint(1, 300)
        for seam in range(SEAM, min(size, 17 * SEAM), SEAM):
            yield seam - 70000 // 512 * 512, 140288
    yield max(0, size - 1536), 1536


def main():
    path, size, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    rng = random.Random(seed)
    with open(path, "wb") as f:
        f.truncate(size)
        for offset, length in ranges(rng, size):
            os.pwrite(f.fileno(), piece(rng, min(length, size - offset)),
                      offset)


if __name__ == "__main__":
    main()
