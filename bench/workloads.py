# SPDX-License-Identifier: BSD-3-Clause
"""What is measured: each workload with its sides and goals.

To add one, write a method of Workloads that returns a Workload and name it in
all().  Goals are those of the project: ours to the limit of the machine.
"""

import functools
import json
import os
import subprocess

import programs
from disks import GIB, MIB, TIB
from measure import LIMIT, OURS, PEER, Figure, Timer, Workload

NEW_SIZE = 64 * GIB             # of new disks, of which little is written
GRAIN = 65536


class Workloads:
    """Made for DISKS; SECONDS is how long requests are made that could go on
    for ever."""

    def __init__(self, disks, seconds):
        self.disks, self.seconds = disks, seconds
        self.work = disks.work
        self.aio = "threads"            # qemu's way to read files

    @functools.cached_property
    def load(self):
        return programs.build("load", self.work, "-lnbd")

    @functools.cached_property
    def deflate(self):
        return programs.build("deflate", self.work, "-ldeflate", "-lisal")

    # ---- servers

    def ours(self, disk, *options, write=False):
        return programs.nbdkit(self.work, *([] if write else ["-r"]), "vmdk",
                               disk, *options)

    def qemu(self, disk, write=False):
        return programs.qemu_nbd(self.work, disk, "--aio=" + self.aio,
                                 *([] if write else ["-r"]))

    def file(self, disk, write=False):
        return programs.nbdkit(self.work, *([] if write else ["-r"]), "file",
                               disk)

    def without_io_uring(self):
        """For a workload with which qemu hangs."""
        before, self.aio = self.aio, "threads"
        return before != self.aio

    # ---- what is done with them

    def loaded(self, server, **options):
        """The numbers of load, and what the server used."""
        with server as (process, uri):
            with Timer() as timer:
                found = self.call_load(options, uri)
                found["rss"] = programs.peak(process) / MIB
                timer.usages.append(programs.stop(process))
        found["rate"] = found["bytes"] / found["seconds"] / MIB
        found["iops"] = found["requests"] / found["seconds"]
        found["cpu per GiB"] = timer.cpu() / (found["bytes"] / GIB)
        return found

    def call_load(self, options, *server):
        words = ["%s=%s" % pair for pair in options.items()]
        process = programs.start([self.load] + words + list(server),
                                 text=True, stdout=subprocess.PIPE)
        programs.finish(process)
        return json.loads(process.stdout.read())

    def copied(self, server, size, *options):
        """nbdcopy to nothing."""
        with server as (process, uri):
            with Timer() as timer:
                client = programs.finish(programs.start(
                    ("nbdcopy",) + options + (uri, "null:")))
                timer.stop()
                timer.usages.append(programs.stop(process))
        return {"rate": size / timer.seconds / MIB, "seconds": timer.seconds,
                "cpu per GiB": timer.cpu() / (size / GIB),
                "client": client.ru_utime + client.ru_stime}

    def started(self, *command, **options):
        """From the start of a server to the end of its first requests."""
        found = self.call_load(dict(options, depth=1), "--", *command)
        return {"ms": found["seconds"] * 1000}

    def start_nbdkit(self, *arguments, **options):
        return self.started("nbdkit", *programs.plugin(arguments), **options)

    def start_qemu(self, disk, *more, **options):
        return self.started(*programs.QEMU, "--aio=" + self.aio, "-f",
                            "vmdk", *more, disk, **options)

    # ---- reading

    def three(self, disk, raw, how, **options):
        """The sides of a workload that only reads."""
        size = self.disks.size
        return {OURS: lambda: how(self.ours(disk()), size, **options),
                PEER: lambda: how(self.qemu(disk()), size, **options),
                LIMIT: lambda: how(self.file(raw()), size, **options)}

    def nbdcopy(self, name, disk, goal):
        return Workload("nbdcopy of " + name, self.three(
            disk, self.disks.raw, self.copied), [
                Figure("rate", "nbdcopy of " + name, "MiB/s", goal),
                Figure("cpu per GiB", "the same, processor time", "s/GiB",
                       1.1, less=True)], prepare=disk)

    def loads(self, title, figures, disk, prepare=None, **options):
        """Requests for DISK () and for the raw disk."""
        options.setdefault("seconds", self.seconds)
        return Workload(title, self.three(
            disk, self.disks.raw,
            lambda server, size: self.loaded(server, **options)),
            figures, prepare=prepare or disk)

    def sequential_read(self, name, disk, goal):
        """For a time, since qemu would take minutes to copy these."""
        title = "sequential read of " + name

        def prepare():
            self.aio = "threads"        # with io_uring it hangs, now and then
            disk()

        return self.loads(title, [Figure("rate", title, "MiB/s", goal)], disk,
                          prepare, block=256 << 10)

    def random_read(self, depth, connections):
        title = ("random 4k read, depth %d, %d connection%s"
                 % (depth, connections, "s" * (connections > 1)))
        return self.loads(title, [Figure("iops", title, "1/s", 0.95)],
                          lambda: self.disks.qemus("monolithicSparse"),
                          order="random", depth=depth,
                          connections=connections)

    def chain_read(self, depth, goal):
        title = "random 4k read, chain of %d, depth 16 x 4" % depth
        return self.loads(title, [Figure("iops", title, "1/s", goal)],
                          lambda: self.disks.chain(depth), order="random",
                          connections=4)

    def chain_start(self, depth):
        title = "start to first read, chain of %d" % depth
        disk, raw = (lambda: self.disks.chain(depth)), self.disks.raw
        return Workload(title, {
            OURS: lambda: self.start_nbdkit("-r", "vmdk", disk(),
                                       requests=1),
            PEER: lambda: self.start_qemu(disk(), "-r", requests=1),
            LIMIT: lambda: self.start_nbdkit("-r", "file", raw(),
                                        requests=1)},
            [Figure("ms", title, "ms", 2, less=True)], prepare=disk)

    def memory(self):
        """The processes do not end with less than their peak."""
        title = "memory, random reads of a full 2 TiB disk"
        size = 2 * TIB - GIB
        options = {"order": "random", "connections": 4,
                   "seconds": max(1, self.seconds * 4)}
        disk = lambda: self.disks.full(size)
        raw = lambda: self.disks.make("empty.raw", lambda p: (
            self.disks.new_raw("empty.raw", size)))
        return Workload(title, {
            OURS: lambda: self.loaded(self.ours(disk()), **options),
            PEER: lambda: self.loaded(self.qemu(disk()), **options),
            LIMIT: lambda: self.loaded(self.file(raw()), **options)},
            [Figure("rss", title, "MiB", 64, plus=True)], prepare=disk)

    # ---- block status

    def tables_read(self, disk):
        """A look at as many bytes as its tables have."""
        (path, count), buffer = self.disks.tables[disk], bytearray(MIB)
        with Timer() as timer, open(path, "rb", buffering=0) as file:
            while count > 0:
                count -= file.readinto(buffer)
                if file.tell() > 127 * MIB:     # one extent for all
                    file.seek(0)
        return timer.seconds

    def status_limit(self, disk, size):
        """To read the tables, and to answer as many requests."""
        null = self.loaded(programs.nbdkit(self.work, "-r", "null",
                                           str(size)), op="status")
        return {"rate": size / GIB / (self.tables_read(disk)
                                      + null["seconds"])}

    def status(self, server):
        found = self.loaded(server, op="status", seconds=self.seconds * 4)
        found["rate"] = found["bytes"] / found["seconds"] / GIB
        return found

    def block_status(self, title, disk, size):
        return Workload(title, {
            OURS: lambda: self.status(self.ours(disk())),
            PEER: lambda: self.status(self.qemu(disk())),
            LIMIT: lambda: self.status_limit(disk(), size)},
            [Figure("rate", title, "GiB/s", 0.5)], prepare=disk)

    def mapped(self, server):
        with server as (process, uri):
            with Timer() as timer:
                subprocess.run(("nbdinfo", "--map", uri), check=True,
                               stdout=subprocess.DEVNULL)
                timer.stop()
                programs.stop(process)
        return {"seconds": timer.seconds}

    def nbdinfo_map(self):
        title = "nbdinfo --map of a full 2 TiB disk"
        size = 2 * TIB - GIB
        disk = lambda: self.disks.full(size)

        def limit():
            found = self.mapped(programs.nbdkit(
                self.work, "-r", "null", str(size)))
            found["seconds"] += self.tables_read(disk())
            return found

        return Workload(title, {
            OURS: lambda: self.mapped(self.ours(disk())),
            PEER: lambda: self.mapped(self.qemu(disk())), LIMIT: limit},
            [Figure("seconds", title, "s", 2, less=True)], prepare=disk)

    # ---- writing

    def writes(self, title, figures, new_disk, new_raw, **options):
        """Requests for disks that are new each time.  The limit's may
        differ: limit_KEY=."""
        for_limit = {k[6:]: v for k, v in options.items()
                     if k.startswith("limit_")}
        options = {k: v for k, v in options.items()
                   if not k.startswith("limit_")}
        for_limit = dict(options, **for_limit)
        return Workload(title, {
            OURS: lambda: self.written(new_disk, self.ours, options),
            PEER: lambda: self.written(new_disk, self.qemu, options),
            LIMIT: lambda: self.written(new_raw, self.file, for_limit)},
            figures)

    def written(self, new, serve, options):
        path = new()
        found = self.loaded(serve(path, write=True), **options)
        distinct = len(range(0, found["bytes"], options["block"]))
        found["spread"] = (os.stat(path).st_blocks * 512
                           / (distinct * options["block"]))
        os.unlink(path)
        return found

    def new_vmdk(self):
        return self.disks.new_vmdk("new.vmdk", NEW_SIZE)

    def new_raw(self):
        return self.disks.new_raw("new.raw", NEW_SIZE)

    def new_child(self):
        parent = self.disks.qemus("monolithicSparse")
        return self.disks.new_vmdk("child.vmdk", parent=parent)

    def data_vmdk(self):
        return self.disks.copy(self.disks.qemus("monolithicSparse"),
                               "over.vmdk")

    def data_raw(self):
        return self.disks.copy(self.disks.raw(), "over.raw")

    def bounded(self, flush):
        """A flushed workload ends with a number of bytes, so that there is
        as much to be flushed for all."""
        return {"flush": 1} if flush else {"seconds": self.seconds}

    def sequential_write(self, flush, goal):
        title = "sequential write, new disk" + ", flushed" * flush
        return self.writes(title, [Figure("rate", title, "MiB/s", goal)],
                           self.new_vmdk, self.new_raw, op="write",
                           block=256 << 10,
                           requests=self.disks.size // (256 << 10),
                           **self.bounded(flush))

    def grain_write(self, flush, goal):
        title = "random 4k write, each in a new grain" + ", flushed" * flush
        requests = {"requests": int(self.seconds * 4096)} if flush else {}
        return self.writes(title, [Figure("iops", title, "1/s", goal)],
                           self.new_vmdk, self.new_raw, op="write",
                           order="grains", block=4096, **requests,
                           **self.bounded(flush))

    def spread(self):
        """Of a disk that has 4 KiB in each grain."""
        title = "host bytes to bytes written, 4k in each grain"
        return self.writes(
            title, [Figure("spread", title, "", 1.1, less=True)],
            lambda: self.disks.new_vmdk("new.vmdk", self.disks.size),
            lambda: self.disks.new_raw("new.raw", self.disks.size),
            op="write", order="grains", block=4096)

    def child_write(self, flush, goal):
        title = ("random 4k write, new grains of a child over a full parent"
                 + ", flushed" * flush)
        requests = {"requests": int(self.seconds * 2048)} if flush else {}
        return self.writes(title, [Figure("iops", title, "1/s", goal)],
                           self.new_child,
                           lambda: self.disks.new_raw("new.raw",
                                                      self.disks.size),
                           op="write", order="grains", block=4096,
                           limit_block=GRAIN, **requests,
                           **self.bounded(flush))

    def over(self, title, goal, name="rate", unit="MiB/s", **options):
        """Of a disk with data, which stays as it is for all rounds."""
        def paths():
            return self.data_vmdk(), self.data_raw()

        vmdk, raw = (self.disks.path(n) for n in ("over.vmdk", "over.raw"))

        def loaded(server):
            programs.settle()
            return self.loaded(server, **options)

        figures = [Figure(name, title, unit, goal)]
        if options.get("op") == "mixed":
            figures.append(Figure("cpu per GiB", "the same, processor time",
                                  "s/GiB", 1.15, less=True))
        return Workload(title, {
            OURS: lambda: loaded(self.ours(vmdk, write=True)),
            PEER: lambda: loaded(self.qemu(vmdk, write=True)),
            LIMIT: lambda: loaded(self.file(raw, write=True))},
            figures, prepare=paths)

    def zero_new(self):
        title = "zero requests of 1 MiB, new disk"
        return self.writes(title, [Figure("rate", title, "MiB/s", 0.5)],
                           self.new_vmdk, self.new_raw, op="zero", block=MIB,
                           seconds=self.seconds)

    def zero_data(self):
        title = "zero requests of 1 MiB over data"
        return self.writes(title, [Figure("rate", title, "MiB/s", 0.9)],
                           self.data_vmdk, self.data_raw, op="zero",
                           block=MIB)

    # ---- large disks

    def costs(self):
        """At 64 GiB of mapped grains and at 4."""
        def disk(gib):
            return self.disks.full((gib + 1) * GIB, gib * GIB)

        def opened(gib):
            return self.start_nbdkit("vmdk", disk(gib), requests=1)

        def read(gib):
            return self.loaded(self.ours(disk(gib)), order="random",
                               places=4096, size=gib * GIB, connections=4,
                               seconds=self.seconds)

        def allocated(gib):
            path = self.disks.copy(disk(gib), "grown.vmdk")
            return self.loaded(self.ours(path, write=True), op="write",
                               order="grains", start=gib * GIB)

        for what, how, figure in (
                ("open to write and read", opened,
                 ("ms", "ms", 1.1, True)),
                ("random 4k read at 4096 places", read,
                 ("iops", "1/s", 0.91, False)),
                ("4k write in a new grain", allocated,
                 ("iops", "1/s", 0.91, False))):
            title = "64 GiB mapped next to 4 GiB: " + what
            name, unit, goal, less = figure
            yield Workload(title, {OURS: lambda how=how: how(64),
                                   LIMIT: lambda how=how: how(4)},
                           [Figure(name, title, unit, goal, less)])

    # ---- compressed

    def codec(self, level, field):
        """The library alone with all processors: seconds to pack (0), bytes
        packed (1), seconds to unpack (2)."""
        done = subprocess.run(
            (self.deflate, self.disks.mixed(), str(level),
             str(len(os.sched_getaffinity(0)))),
            check=True, text=True, stdout=subprocess.PIPE)
        return float(done.stdout.split()[field])

    def stream_read(self, connections):
        title = ("nbdcopy of streamOptimized, %d connection%s"
                 % (connections, "s" * (connections > 1)))
        option = "--connections=%d" % connections
        size = self.disks.mixed_size
        disk = self.disks.stream

        def limit():
            alone = self.codec(6, 2)
            copy = self.copied(self.file(self.disks.mixed()), size, option)
            return {"rate": size / (alone + copy["seconds"]) / MIB}

        return Workload(title, {
            OURS: lambda: self.copied(self.ours(disk()), size, option),
            PEER: lambda: self.copied(self.qemu(disk()), size, option),
            LIMIT: limit}, [Figure("rate", title, "MiB/s", 0.9)],
            prepare=disk)

    def stream_random(self):
        title = "random 4k read of streamOptimized, depth 16 x 4"
        options = {"order": "random", "connections": 4,
                   "seconds": self.seconds}
        disk = self.disks.stream

        def limit():
            grain = self.codec(6, 2) / (self.disks.mixed_size / GRAIN)
            found = self.loaded(self.file(self.disks.mixed()), **options)
            return {"iops": 1 / (grain + 1 / found["iops"])}

        return Workload(title, {
            OURS: lambda: self.loaded(self.ours(disk()), **options),
            PEER: lambda: self.loaded(self.qemu(disk()), **options),
            LIMIT: limit}, [Figure("iops", title, "1/s", 0.9)], prepare=disk)

    def stream_write(self, level, codec_level, goal, *options):
        """Until nbdkit has ended and the disk is closed."""
        title = " ".join(("nbdcopy",) + options + (
            "to a new streamOptimized, level %d" % level,))
        raw, size = self.disks.mixed, self.disks.mixed_size
        disk = self.disks.path("stream-new.vmdk")

        def ours():
            programs.settle(disk)
            with Timer() as timer:
                with programs.nbdkit(
                        self.work, "vmdk", "create=true",
                        "create-type=stream-optimized", "create-size=%d" % size,
                        "compression-level=%d" % level, disk) as (nbdkit, uri):
                    programs.run(timer, "nbdcopy", *options, raw(), uri)
                    timer.usages.append(programs.stop(nbdkit))
            return {"rate": size / timer.seconds / MIB,
                    "bytes": os.path.getsize(disk), "cpu": timer.cpu()}

        def peer():
            programs.settle(disk)
            with Timer() as timer:
                programs.run(timer, "qemu-img", "convert", "-f", "raw", "-O",
                             "vmdk", "-o", "subformat=streamOptimized", raw(),
                             disk)
            return {"rate": size / timer.seconds / MIB,
                    "bytes": os.path.getsize(disk), "cpu": timer.cpu()}

        def limit():
            with programs.nbdkit(self.work, "null", str(size)) as (
                    nbdkit, uri), Timer() as timer:
                programs.run(timer, "nbdcopy", *options, raw(), uri)
                timer.stop()
                programs.stop(nbdkit)
            return {"rate": size / MIB / (timer.seconds + self.codec(
                codec_level, 0))}

        sides = {OURS: ours, LIMIT: limit}
        if level == 6:
            sides[PEER] = peer
        return Workload(title, sides, [
            Figure("rate", title, "MiB/s", goal),
            Figure("bytes", "size of the file, the same", "bytes", None)],
            prepare=raw)

    # ---- all

    def all(self):
        """In the order of the table; each is made when its turn comes."""
        disks = self.disks
        for subformat in ("monolithicSparse", "twoGbMaxExtentSparse",
                          "monolithicFlat"):
            yield self.nbdcopy(subformat,
                               lambda s=subformat: disks.qemus(s), 0.95)
        yield self.sequential_read("vmfsSparse, 512-byte grains", disks.cowd,
                                   0.7)
        yield self.sequential_read("seSparse", disks.sesparse, 0.85)
        for depth, connections in ((16, 1), (64, 1), (16, 4)):
            yield self.random_read(depth, connections)
        yield self.stream_read(1)
        yield self.stream_read(4)
        yield self.stream_random()
        for flush, goal in ((False, 0.9), (True, 0.8)):
            yield self.sequential_write(flush, goal)
        for flush, goal in ((False, 0.7), (True, 0.5)):
            yield self.grain_write(flush, goal)
        yield self.spread()
        for flush, goal in ((False, 0.8), (True, 0.6)):
            yield self.child_write(flush, goal)
        yield self.over("sequential overwrite", 0.95, op="write",
                        block=256 << 10, seconds=self.seconds)
        yield self.over("random 4k overwrite, depth 16", 0.95, "iops", "1/s",
                        op="write", order="random", seconds=self.seconds)
        yield self.zero_new()
        yield self.zero_data()
        yield self.chain_read(8, 0.9)
        yield self.chain_read(32, 0.85)
        yield self.chain_start(32)
        size = 2 * TIB - GIB
        yield self.block_status("block status of a full 2 TiB disk",
                                lambda: disks.full(size), size)
        yield self.block_status("block status of 62 TiB in 31 extents",
                                lambda: disks.full_extents(31, size),
                                31 * size)
        yield self.nbdinfo_map()
        yield self.over("16 connections, 70/30 random 4k, depth 4", 0.9,
                        "iops", "1/s", op="mixed", order="random",
                        connections=16, depth=4, seconds=self.seconds)
        yield self.stream_write(6, 6, 0.9)
        yield self.stream_write(1, -1, 0.8)
        yield self.stream_write(1, -1, 0.8, "--connections=1")
        yield from self.costs()
        yield self.memory()
