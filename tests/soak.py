#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Serve several disks for a long time, and see that nothing goes wrong.

usage: soak.py DIRECTORY SECONDS [SEED [EXTRA [DISK...]]]

Sixteen connections read, write, zero, trim, flush, ask for block status and
come and go; servers are stopped and killed.  All that is read is compared,
and what each server leaves.  EXTRA: memory in MiB that a sanitizer takes.

This file owns the disks, and the table at the end; vmdkgen/player.py has
what happens to each.
"""

import multiprocessing
import os
import queue
import random
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from vmdkgen import case, content, disk, player, streams    # noqa: E402
from vmdkgen import writable                                # noqa: E402

FRESH = 50000 * 1024            # bytes, no multiple of a grain
FRESH_STREAM = 320 * 65536      # but these are

# In KiB.  Memory that is in use for a moment and what malloc keeps of it
# comes and goes: buffers of requests for each thread that has had one of a
# MiB, tables that were not flushed.  What leaks grows with time, and is more
# than this in the half hour for which the test is meant.
GROWTH = 12 << 10


def created(kind, size):
    """A new disk, made by the plugin."""
    def make(d, _rng):
        path = d.path("d.vmdk")
        subprocess.run(["nbdkit", "-U", "-", "vmdk", "create=true",
                        "create-type=" + kind, "create-size=%d" % size,
                        path, "--run", "true"], check=True)
        link = disk.Link(path, content.empty(size // 512), None)
        return writable.Target(link)
    return make


# name -> (connections, maker, MiB of cache)
DISKS = {
    "new-sparse": (4, created("monolithic-sparse", FRESH), 32),
    "split": (2, streams.ALL["split-even"], 1),
    "sparse-flat-cowd-sparse": (2, streams.ALL["child-of-three"], 1),
    "cowd-on-split-sesparse": (2, streams.ALL["cowd-child-of-three"], 2),
    "new-stream": (2, created("stream-optimized", FRESH_STREAM), 2),
    "stream-fast": (2, streams.ALL["stream-b-fast"], 1),
    "new-flat": (2, created("monolithic-flat", FRESH), 1),
}


def cap(lines, cache, extra):
    """KiB that a server may take: nbdkit's buffers, one of the largest
    request for each thread; the cache, a quarter more for where tables are
    and three for entries of each of up to four extents; the program."""
    threads = lines * (player.resources.WORKERS + 1)
    return (threads + 5 * cache + 24 + extra) << 10


def play(name, top, seconds, seed, extra, results):
    """Body of a process: one disk."""
    lines, maker, cache = DISKS[name]
    rng = random.Random("%d %s" % (seed, name))
    try:
        target = maker(case.Directory(top).sub(name), rng)
        target.stream = "stream" in name
        target.params.append("cache-size=%dM" % cache)
        one = player.Player(target, lines, rng.random(),
                            cap(lines, cache, extra),
                            GROWTH + (extra << 10))
        signal.signal(signal.SIGTERM, lambda *args: one.give_up())
        watch = one.play(seconds)
        results.put((name, None, dict(
            one.counts, threads=one.threads, files=watch.files,
            first=watch.ends()[0], last=watch.ends()[1],
            most=max(watch.rss), cap=watch.cap)))
    except Exception as e:                  # to be told by the parent
        results.put((name, "%s: %s" % (type(e).__name__, e), None))


def collect(processes, results):
    """What each has found; at the first failure, the others end."""
    table = {}
    while len(table) < len(processes):
        try:
            name, failure, counts = results.get(timeout=10)
        except queue.Empty:
            lost = [one for one in processes if one.exitcode]
            if lost:
                return table, "a player ended with %d, and said nothing" % (
                    lost[0].exitcode)
            continue
        if failure:
            return table, "disk %s: %s" % (name, failure)
        table[name] = counts
    return table, None


COLUMNS = (("requests", 1), ("written", 1 << 20), ("verified", 1 << 20),
           ("connections", 1), ("hangups", 1), ("abandoned", 1),
           ("SIGTERM", 1), ("SIGKILL", 1), ("threads", 1), ("files", 1),
           ("first", 1024), ("last", 1024), ("most", 1024), ("cap", 1024))


def show(table):
    """The numbers, a line for each disk."""
    print("MiB are written and verified; abandoned are requests whose client "
          "went away.\nthreads: at most; files: open without a connection; "
          "first, last, most, cap:\nMiB of memory after a third of the last "
          "server's life, at its end, at most, and\nallowed.")
    print("%-24s" % "disk" + " ".join(name for name, _ in COLUMNS))
    for name, counts in sorted(table.items()):
        print("%-24s" % name + " ".join(
            "%*d" % (len(key), counts[key] // unit)
            for key, unit in COLUMNS))
    total = [sum(counts[key] for counts in table.values()) // unit
             for key, unit in COLUMNS]
    print("%d requests, %d MiB written, %d MiB verified, %d connections, "
          "%d of them ended rudely, %d + %d restarts"
          % (*total[:5], total[6], total[7]))


def main():
    top, seconds = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    extra = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    names = sys.argv[5:] or list(DISKS)
    # glibc gives each thread an arena, which is not what this is about.
    os.environ["MALLOC_ARENA_MAX"] = "2"
    signal.signal(signal.SIGTERM, lambda *args: sys.exit(1))
    begun = time.monotonic()
    results = multiprocessing.Queue()
    processes = [multiprocessing.Process(
        target=play, args=(name, top, seconds, seed, extra, results))
        for name in names]
    table, failure = {}, "interrupted"
    try:
        for process in processes:
            process.start()
        table, failure = collect(processes, results)
    finally:
        for process in processes:
            if failure:
                process.terminate()
            process.join()
    if failure:
        sys.exit("FAILED after %.0f s, seed %d: %s\nto repeat: cd tests; "
                 "VMDK_SOAK_SEED=%d VMDK_SOAK_SECONDS=%d ./run-test "
                 "./test-soak.sh" % (time.monotonic() - begun, seed, failure,
                                     seed, seconds))
    show(table)


if __name__ == "__main__":
    main()
