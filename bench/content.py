# SPDX-License-Identifier: BSD-3-Clause
"""A raw disk to measure with, the same one on every machine.

Half of it is text like that of programs and logs, a tenth is like machine
code, a fifth does not compress, the rest are holes; they alternate like
files of a file system, from 4 KiB to 4 MiB, and begin at blocks of 4 KiB.

What compresses is cut out of two pools.  A grain of a stream-optimized disk is
compressed alone, so nothing is gained from a piece that returns elsewhere.

usage: content.py FILE BYTES SEED [DIRECTORY]

With a directory the disk is made of the files there.  Prints as JSON what
was made.
"""

import hashlib
import json
import os
import random
import sys

BLOCK = 4096
POOL = 16 << 20
STRIDE = 1 << 20

# Kind of content: share of the disk in per cent.
SHARES = {"text": 50, "code": 10, "noise": 20, "hole": 20}

LINES = (
    "%s (struct %s *%s, size_t %s)\n{\n",
    "  if (%s (%s, &%s) == -1)\n    return %s;\n",
    "  for (%s = 0; %s < %s->%s; %s++) {\n",
    "    %s->%s = %s (%s, %d);\n",
    "  /* %s %s, %s %s %s %s. */\n",
    "%s.%s = \"%s-%d\"\n",
    "Nov %d 09:%d:%d %s %s[%d]: %s %s %s=%d\n",
    "#define %s_%s 0x%08x\n",
    "        <%s %s=\"%s\">%s %s</%s>\n",
    "The %s of %s %s, %s %s %s the %s %s.\n",
)


def vocabulary(rng, count):
    """Made-up words, the frequent ones shorter."""
    vowels = ["a", "e", "i", "o", "u", "ea", "io"]
    heads = ["", "b", "br", "c", "cl", "d", "f", "g", "k", "l", "m", "n",
             "p", "pr", "r", "s", "st", "t", "tr", "v", "w"]
    tails = ["", "", "n", "r", "s", "t", "ck", "nd", "st"]
    return ["".join(rng.choice(heads) + rng.choice(vowels)
                    + rng.choice(tails)
                    for _ in range(1 + rng.randrange(1 + n.bit_length() // 3)))
            for n in range(count)]


def zipf(rng, items):
    """An endless supply of the items, the first ones often."""
    weights, total = [], 0.0
    for rank in range(len(items)):
        total += 1 / (rank + 8)
        weights.append(total)
    while True:
        yield from rng.choices(items, cum_weights=weights, k=4096)


def text_pool(rng):
    words = zipf(rng, vocabulary(rng, 6000))
    made, length = [], 0
    while length < POOL:
        line = rng.choice(LINES)
        line %= tuple(next(words) if kind == "s" else rng.randrange(10, 99999)
                      for kind in fields(line))
        made.append(line)
        length += len(line)
    return "".join(made).encode()[:POOL]


def fields(line):
    """The letters of the format's fields."""
    return [part.lstrip("08")[0] for part in line.split("%")[1:]]


def code_pool(rng):
    """Short byte strings that repeat, with other bytes between them."""
    ops = zipf(rng, [rng.randbytes(rng.randint(2, 5)) for _ in range(400)])
    operands = zipf(rng, [b"", b"\0\0", b"", b"\xff\xff"]
                    + [rng.randbytes(1 + n % 2) for n in range(60)])
    made, length = [], 0
    while length < POOL:
        op = next(ops) + next(operands)
        made.append(op)
        length += len(op)
    return b"".join(made)[:POOL]


def pieces(rng, size):
    """(kind, length) of the disk from its beginning to its end."""
    kinds, shares = zip(*SHARES.items())
    left = {kind: size * share // 100 for kind, share in SHARES.items()}
    total = 0
    while total < size:
        kind = rng.choices(kinds, shares)[0]
        if left[kind] <= 0:
            kind = max(left, key=left.get)
        length = BLOCK << rng.randrange(0, 11)
        length = min(length + BLOCK * rng.randrange(length // BLOCK),
                     size - total)
        left[kind] -= length
        total += length
        yield kind, length


def generated(rng, size):
    """(bytes or None for a hole, length) of the disk."""
    pools = {"text": text_pool(rng), "code": code_pool(rng)}
    for kind, length in pieces(rng, size):
        if kind == "hole":
            yield None, length
        elif kind == "noise":
            yield rng.randbytes(length), length
        else:
            at = rng.randrange(POOL - length)
            # As files do, it ends somewhere in its last block.
            end = length - rng.randrange(BLOCK)
            yield pools[kind][at:at + end].ljust(length, b"\0"), length


def from_files(rng, size, directory):
    """The same from the regular files of a directory, in order of names,
    with a hole of their length behind every fourth."""
    total, count = 0, 0
    for top, below, names in os.walk(directory):
        below.sort()
        for name in sorted(names):
            path = os.path.join(top, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            with open(path, "rb") as file:
                data = file.read(min(64 << 20, size - total))
            length = -(-len(data) // BLOCK) * BLOCK
            if length and total + length <= size:
                yield data.ljust(length, b"\0"), length
                total += length
                count += 1
                if count % 4 == 0:
                    length = min(length, size - total)
                    yield None, length
                    total += length
            if total >= size - STRIDE:
                break
        else:
            continue
        break
    yield None, size - total


def make(path, size, seed, directory=None):
    """Write the disk, of SIZE bytes, to PATH; return the SHA-256 of its data
    and what the kinds take.  With DIRECTORY it is made of the files there,
    and only as repeatable as they are."""
    rng = random.Random(seed)
    source = (from_files(rng, size, directory) if directory
              else generated(rng, size))
    digest, data, at = hashlib.sha256(), 0, 0
    with open(path, "wb") as disk:
        disk.truncate(size)
        for content, length in source:
            digest.update(b"%d" % length)
            if content is not None:
                digest.update(content)
                os.pwrite(disk.fileno(), content, at)
                data += length
            at += length
        assert at == size
    return {"sha256": digest.hexdigest(), "size": size, "data": data,
            "seed": seed, "from": directory or "generated"}


if __name__ == "__main__":
    print(json.dumps(make(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]),
                          *sys.argv[4:])))
