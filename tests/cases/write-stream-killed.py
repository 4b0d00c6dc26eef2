# SPDX-License-Identifier: BSD-3-Clause
"""A small stream-optimized disk that is overwritten again and again by
servers that are killed: what each leaves is no more than what the first one
left, so the next one has no more to start with, and all that was flushed is
there."""

import os
import random

import nbd

from vmdkgen import written
from vmdkgen.verify import Difference

GRAIN = 65536
COUNT = 72                              # grains, 4.5 MiB
LIVES = 8
TIMES = 3                               # each overwrites all of it
MARGIN = 1 << 20                        # threads do not keep one order


def live(path, params, rng):
    """One server, until it is killed; returns what was written last."""
    with written.killed(path, params) as running:
        handle = nbd.NBD()
        handle.connect_unix(running.socket)
        for _ in range(TIMES):
            now = rng.randbytes(COUNT * GRAIN)
            for at in range(0, len(now), GRAIN):
                handle.pwrite(now[at:at + GRAIN], at)
                if at // GRAIN % 16 == 0:
                    handle.flush()
        handle.flush()
    return now


def make(d):
    rng = random.Random(3)
    for close in ("fast", "canonical"):
        sub = d.sub(close)
        path = sub.path("d.vmdk")
        params = ["cache-size=1M", "stream-close=" + close]
        sizes = [0]
        for _ in range(LIVES):
            create = [] if os.path.exists(path) else [
                "create=true", "create-type=stream-optimized",
                "create-size=%d" % (COUNT * GRAIN)]
            now = live(path, params + create, rng)
            sizes.append(os.path.getsize(path))
        grown = [b - a for a, b in zip(sizes, sizes[1:])]
        if max(grown) > grown[0] + MARGIN:
            raise Difference("%s: the file has grown by %s bytes"
                             % (path, ", ".join("%d" % n for n in grown)))
        with written.connected(path, params, errors=True) as client:
            now = rng.randbytes(GRAIN) + now[GRAIN:]
            client.handles[0].pwrite(now[:GRAIN], 0)
        written.check_files(path, now, loose=True)
        yield sub.serve("d.vmdk", written.Left(now))
