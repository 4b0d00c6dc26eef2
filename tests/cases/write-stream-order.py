# SPDX-License-Identifier: BSD-3-Clause
"""Fresh stream-optimized disks, filled in every order but the right one with
more than memory has room for: backwards, by leaps, by halves, twice.  They
are canonical all the same, and take no more room than their data."""

import os
import random

from vmdkgen import conform, model, written
from vmdkgen.verify import Difference


GRAIN = 65536
FLIGHT = 48                             # requests at once, no two overlap
COUNT = 13 * FLIGHT                     # grains, 39 MiB; two tables


def orders(rng):
    """label: (places, flush after so many batches or 0)."""
    whole = [(g * GRAIN, GRAIN) for g in range(COUNT)]
    half = GRAIN // 2
    return {
        "backwards": (whole[::-1], 0),
        "leaps": ([one for i in range(7) for one in whole[i::7]], 0),
        "halves": ([(at + skip, half) for skip in (half, 0)
                    for at, _ in whole], 0),
        "shuffled": (rng.sample(whole, COUNT), 3),
        "twice": (whole + whole[::-1], 5),
        "across": ([(g * GRAIN + 777, GRAIN) for g in range(COUNT - 1)], 0),
    }


def fill(client, now, places, flush, rng):
    for number, start in enumerate(range(0, len(places), FLIGHT), 1):
        ops = []
        for at, length in places[start:start + FLIGHT]:
            begin = rng.randrange(len(model.POOL) - length)
            data = model.POOL[begin:begin + length]
            ops.append(model.Op("write", at, length, 0, data))
        for op, error in client.run(ops):
            model.judge(op, error)
            now.done(op)
        if flush and number % flush == 0:
            client.handles[0].flush()


def make(d):
    rng = random.Random(98)
    for label, (places, flush) in orders(rng).items():
        for cache in ("1M", "32M"):
            sub = d.sub("%s-%s" % (label, cache))
            path = sub.path("d.vmdk")
            now = model.Model(bytes(COUNT * GRAIN))
            params = ["create=true", "create-type=stream-optimized",
                      "create-size=%d" % len(now.data), "cache-size=" + cache]
            with written.connected(path, params, count=4) as client:
                fill(client, now, places, flush, rng)
            if len(conform.check(path, created=True)) != COUNT:
                raise Difference("%s: a grain is missing" % path)
            written.check_files(path, now.data)
            size = os.path.getsize(path)
            if size > len(now.data) * 102 // 100:
                raise Difference("%s: %d bytes for %d of data"
                                 % (path, size, len(now.data)))
            os.unlink(path)
            print("   %s, cache-size=%s" % (label, cache), flush=True)
    sub = d.sub("served")
    path = sub.path("d.vmdk")
    now = model.Model(bytes(8 * GRAIN))
    with written.connected(path, ["create=true", "create-size=512K",
                                  "create-type=stream-optimized"]) as client:
        fill(client, now, [(g * GRAIN, GRAIN) for g in (7, 0, 3, 1)], 0, rng)
    yield sub.serve("d.vmdk", written.Left(now.data))
