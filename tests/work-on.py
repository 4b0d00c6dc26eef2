#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Use a disk in all ways and compare it with a model.

usage: work-on.py [--read-only] URI MODEL [SEED]

The file MODEL holds what the disk must hold.  The disk is read, its map is
taken, and unless it is only to be read, it is changed by every request that
there is; MODEL is what it must hold then.
"""

import random
import sys

import nbd

COUNT = 40                      # requests of a run


def look(h, model):
    """The whole disk, and a map that agrees with it."""
    size = h.get_size()
    assert size == len(model), (size, len(model))
    assert h.pread(size, 0) == model, "the content is wrong"
    at, zeroes = 0, bytes(size)

    def entry(context, offset, entries, error):
        nonlocal at
        for length, flags in zip(entries[::2], entries[1::2]):
            end = min(at + length, size)
            if flags & nbd.STATE_ZERO:
                assert model[at:end] == zeroes[at:end], "no zeroes at %d" % at
            at = end
    while at < size:
        h.block_status(size - at, at, entry)


def change(h, model, rng):
    """One request that changes the disk and the model."""
    size = len(model)
    at = rng.randrange(size)
    count = min(rng.choice((1, 512, 5000, 65536, 300000)), size - at)
    kind = rng.randrange(6)
    if kind < 3:
        data = rng.randbytes(count)
        h.pwrite(data, at, nbd.CMD_FLAG_FUA if kind == 0 else 0)
        model[at:at + count] = data
        return
    if kind == 3:
        h.trim(count, at)
    else:
        h.zero(count, at, nbd.CMD_FLAG_NO_HOLE if kind == 4 else 0)
    model[at:at + count] = bytes(count)


def main():
    args = sys.argv[1:]
    read_only = args[0] == "--read-only"
    if read_only:
        args.pop(0)
    uri, path = args[:2]
    rng = random.Random(int(args[2]) if len(args) > 2 else 0)
    with open(path, "rb") as f:
        model = bytearray(f.read())
    h = nbd.NBD()
    h.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
    h.connect_uri(uri)
    assert h.is_read_only() == read_only
    if h.can_cache():
        h.cache(65536, 0)
    look(h, model)
    if not read_only:
        for _ in range(COUNT):
            change(h, model, rng)
        h.flush()
        look(h, model)
        with open(path, "wb") as f:
            f.write(model)
    h.shutdown()


if __name__ == "__main__":
    main()
