#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Random small writes, trims and zeroes on stream-optimized disks.

usage: stream-random.py DIRECTORY [SEED]

Fresh disks and those of other writers are written to from four connections
with many requests in flight, in two sessions.  After each the file is as a
finished one must be, and qemu finds in it what a model says.
"""

import os
import random
import subprocess
import sys
import time

import nbd

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from vmdkgen import case, conform, content, disk, model, refusal  # noqa: E402
from vmdkgen import written                                       # noqa: E402
from vmdkgen.verify import Difference                             # noqa: E402

SIZE = 24 << 20
BATCHES, FLIGHT = 7, 40
FRESH = ["create=true", "create-type=stream-optimized",
         "create-size=%d" % SIZE]


def data(rng):
    grains = rng.sample(range(SIZE // 65536), 200)
    return content.scattered(SIZE // 512, 128, grains, 1 + rng.randrange(99))


def by_layout(layout):
    def make(d, rng):
        return disk.streamed(d, "d.vmdk", data(rng), layout=layout).path
    return make


def by_qemu(d, rng):
    path, raw = d.path("d.vmdk"), d.path("raw")
    with open(raw, "wb") as f:
        f.write(data(rng).base().read(0, SIZE))
    subprocess.run(["qemu-img", "convert", "-O", "vmdk", "-o",
                    "subformat=streamOptimized", raw, path], check=True)
    os.unlink(raw)
    return path


def fresh(d, _rng):
    return d.path("d.vmdk")


MAKERS = {"fresh": fresh, "a": by_layout("A"), "b": by_layout("B"),
          "hybrid": by_layout("hybrid"), "qemu": by_qemu}


def holds(path):
    """What a disk holds, by qemu."""
    if not os.path.exists(path):
        return bytes(SIZE)
    raw = path + ".raw"
    subprocess.run(["qemu-img", "convert", "-O", "raw", path, raw],
                   check=True)
    with open(raw, "rb") as f:
        found = f.read()
    os.unlink(raw)
    return found


def request(rng):
    """One request; most are of 4 KiB, some of no round size at all."""
    length = rng.choice((4096, 4096, 4096, 512, rng.randint(1, 9000),
                         rng.randint(1, 200000)))
    unit = 1 if length % 512 else min(length, 4096)
    at = rng.randrange(SIZE - length) // unit * unit
    kind = rng.choices(("write", "zero", "trim"), (8, 1, 1))[0]
    if kind != "write":
        length = min(rng.choice((length, 1 << 16, 1 << 20)), SIZE - at)
        return model.Op(kind, at, length)
    start = rng.randrange(len(model.POOL) - length)
    return model.Op(kind, at, length, 0, model.POOL[start:start + length])


def batch(rng):
    """Disjoint requests, to be in flight at once, and a flush at times."""
    ops = []
    for _ in range(FLIGHT):
        op = request(rng)
        if all(op.end <= one.offset or op.offset >= one.end for one in ops):
            ops.append(op)
    if rng.random() < 0.2:
        ops.insert(rng.randrange(len(ops)), model.Op("flush"))
    return ops


def session(path, now, rng, params):
    with written.connected(path, params, count=4) as client:
        if client.handles[0].is_read_only():
            raise Difference("it is served read-only")
        for _ in range(BATCHES):
            for op, error in client.run(batch(rng)):
                model.judge(op, error)
                now.done(op)
        client.read_all(now, "before the end")


def try_one(path, now, rng, close):
    """Two sessions that write, and one that does not."""
    for turn in range(2):
        params = FRESH if not os.path.exists(path) else []
        session(path, now, rng, params + ["stream-close=" + close])
        conform.check(path, loose=close == "fast")
        written.check_by_qemu(path, now.data)
    before = refusal.state(os.path.dirname(path))
    with written.connected(path, ["stream-close=" + close]) as client:
        client.read_all(now, "after all")
    if refusal.state(os.path.dirname(path)) != before:
        raise Difference("a session that only reads has changed the file")


def main():
    top = case.Directory(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    for label, make in MAKERS.items():
        for close in ("canonical", "fast"):
            began = time.monotonic()
            rng = random.Random("%s %s %d" % (label, close, seed))
            path = make(top.sub(label + "-" + close), rng)
            try:
                try_one(path, model.Model(holds(path)), rng, close)
            except (Difference, conform.NotConform, nbd.Error) as e:
                sys.exit("FAILED: seed %d, %s:\n%s" % (seed, path, e))
            print("%s, %s: %.1f s" % (label, close,
                                      time.monotonic() - began))


if __name__ == "__main__":
    main()
