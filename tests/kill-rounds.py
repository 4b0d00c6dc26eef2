#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Kill nbdkit at random moments while it is written to.

usage: kill-rounds.py DIRECTORY ROUNDS [SEED [KIND...]]

After each kill: the files have no damage (flags of an unclean end, lost
space and torn pairs of entries are fine), they hold what was flushed and
else nothing that was not asked for, parents are as before; and the next
round serves and writes the same disk again.  Each kind of disk is used for
several rounds, then made anew.

A stream-optimized file has no tables that others could read until it is
closed.  So it is served after the kill, and what is served is judged, also
by what the file holds when that server has finished it.
"""

import os
import random
import signal
import sys
import threading
import time

import nbd

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from vmdkgen import case, check, hosted, model, refusal     # noqa: E402
from vmdkgen import streams, survivors, written             # noqa: E402
from vmdkgen.verify import Difference                       # noqa: E402

KINDS = ("sparse", "stream-a", "child-of-sparse", "cowd-1",
         "stream-b-fast", "sparse-absent-tables", "cowd-child-of-stream",
         "stream-child-of-sparse", "split-child", "child-no-zeroed-grains",
         "stream-small-grains", "sparse-small-tables", "mixed", "cowd-empty",
         "stream-pieces", "sparse-one-copy", "child-of-cowd",
         "stream-child-fast", "flat-pieces", "sparse-large-tables",
         "stream-hybrid", "stream-child-no-zeroed-grains")
LIFE = 5                        # rounds with one disk
LONGEST = 0.25                  # seconds until the kill


class Disk:
    """One disk over its rounds."""

    def __init__(self, directory, kind, seed):
        self.rng = random.Random(seed)
        self.target = streams.ALL[kind](directory, self.rng)
        self.stream = kind in streams.KINDS
        self.history = survivors.History(self.target.bytes())
        self.script = model.Script(model.shape_of(self.target), seed)
        self.untouched = written.Untouched(self.target)
        self.known = check.known(self.target.path)
        self.requests = self.rebuilt = 0

    def round(self):
        """Start, write, kill, look."""
        with written.killed(self.target.path, self.target.params) as running:
            self.write(running)
        self.look()

    def write(self, running):
        """Batches until the server is dead."""
        client = model.Client(running.socket, self.rng.randint(1, 4))
        handle = client.handles[0]
        if handle.is_read_only():
            raise Difference("it is served read-only")
        self.script.fast_zero = False   # a refusal would be one more state
        current = model.Model(self.history.now)
        client.read_all(current, "after the start")
        timer = threading.Timer(self.rng.random() ** 2 * LONGEST, os.kill,
                                (running.process.pid, signal.SIGKILL))
        timer.start()
        try:
            while self.batch(client):
                pass
        finally:
            timer.join()
            client.drop()

    def batch(self, client):
        """One batch; False when the server has gone."""
        now = self.history.now
        ops = [op._replace(data=bytes(now[op.offset:op.end]))
               if op.kind == "read" else op for op in self.script.batch()]
        self.history.sent(ops)
        try:
            results = client.run(ops, self.requests)
        except nbd.Error:               # it could not even be sent
            return False
        self.requests += len(ops)
        self.history.done([op for op, error in results if error is None])
        for handle in client.handles:
            if handle.aio_is_dead() or handle.aio_is_closed():
                return False
        for op, error in results:
            model.judge(op, error)
        return True

    def look(self):
        """The files that the kill left."""
        target = self.target
        self.untouched.check()
        if self.stream:
            self.history.verify(self.served())
            return
        written.check_files(target.path, None, unclean=True,
                            known=self.known)
        self.history.verify(written.reader.read(target.path,
                                                target.below()))

    def served(self):
        """What a server finds, with or without the right to write.  If it
        had to make the tables anew, it says so."""
        target = self.target
        directory = os.path.dirname(target.path)
        readonly = self.rng.random() < 0.3
        before, marked = refusal.state(directory), unclean(target.path)
        with written.serving(target.path, target.params,
                             readonly) as running:
            client = model.Client(running.socket, 1)
            found = fetch(client.handles[0])
            client.close()
            warned = running.warnings()
        self.rebuilt += bool(marked)
        if bool(marked) != bool(warned):
            raise Difference("not closed: %s; warnings: %s"
                             % (marked, warned))
        if (readonly or not marked) and refusal.state(directory) != before:
            raise Difference("reading has changed the files")
        if not unclean(target.path):
            written.check_files(target.path, found, target.below(),
                                known=self.known, loose=True)
        self.untouched.check()
        return found


def unclean(path):
    """The extents that are marked as not closed cleanly."""
    offset, _ = hosted.FIELDS["uncleanShutdown"]
    marked = []
    for name in check.files(path):
        with open(name, "rb") as f:
            if f.read(offset + 1)[offset]:
                marked.append(name)
    return marked


def fetch(handle, step=1 << 20):
    size = handle.get_size()
    return b"".join(bytes(handle.pread(min(step, size - at), at))
                    for at in range(0, size, step))


def end_well(disk):
    """A last life that ends properly, and changes something in each extent,
    leaves nothing to complain about."""
    target = disk.target
    with written.connected(target.path, target.params) as client:
        client.read_all(model.Model(disk.history.now), "at the end")
        for low, high in model.shape_of(target).writable:
            for at in list(range(low, high - 7, 100000)) + [high - 7]:
                client.handles[0].pwrite(b"the end", at)
                disk.history.now[at:at + 7] = b"the end"
    written.check_files(target.path, disk.history.now, target.below(),
                        known=disk.known, leaks=True, loose=target.loose)


def main():
    top, rounds = case.Directory(sys.argv[1]), int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    kinds = sys.argv[4:] or KINDS
    requests, began, disk, rebuilt = 0, time.monotonic(), None, 0
    for number in range(rounds):
        turn = number // LIFE
        if number % LIFE == 0:
            kind = kinds[turn % len(kinds)]
            sub = top.sub("%s-%d" % (kind, turn))
            disk = Disk(sub, kind, seed * 10000 + turn)
        try:
            disk.round()
            if number % LIFE == LIFE - 1 or number == rounds - 1:
                end_well(disk)
                requests += disk.requests
                rebuilt += disk.rebuilt
        except (Difference, nbd.Error) as e:
            sys.exit("FAILED: seed %d, round %d, disk %s, after %d "
                     "requests:\n%s" % (seed, number, disk.target.path,
                                        disk.requests, e))
    print("%d kills, %d of them with tables to rebuild, %d requests, %.1f s"
          % (rounds, rebuilt, requests, time.monotonic() - began))


if __name__ == "__main__":
    main()
