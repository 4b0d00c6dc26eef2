# SPDX-License-Identifier: BSD-3-Clause
"""One disk of the soak test: its servers, their ends, its clients.

A Player lives in a process of its own.  In the first half of its time the
servers live for seconds and end by SIGTERM or SIGKILL while requests are
under way; in the second half one server stays, connections come and go,
and what it takes from the host is watched.
"""

import os
import random
import re
import select
import signal
import time

import nbd

from . import buffers, check, model, reader, resources, server, stamped
from . import written
from .ledger import Ledger
from .mixture import DEPTH, Line, Mixture
from .verify import Difference, compare

LIFE = (0.3, 4)                 # seconds of a server in the first half
STUCK = 120                     # seconds without an answer
# What nbdkit says of clients that hang up.
HANGUP = re.compile(rb"error: (?:read (?:request|data)|"
                    rb"write (?:reply|error reply|data))")
# nbdkit 1.32 calls abort when a client hangs up that several replies are on
# their way to, whatever the plugin.  So one that has several requests under
# way hangs up only if the server has one thread for a connection, and else
# closes only its side of the socket, or has just one write under way.
ONE_THREAD = ["-t", "1"]


class Player:
    """Plays one disk for some seconds."""

    def __init__(self, target, lines, seed, cap, growth):
        self.target = target
        self.lines = lines
        self.rng = random.Random(seed)
        self.cap, self.growth = cap, growth
        self.ledger = Ledger(target.bytes())
        self.pool = buffers.Pool()
        self.mixture = Mixture(target.size, self.rng)
        self.untouched = written.Untouched(target)
        self.known = check.known(target.path)
        self.counts = dict.fromkeys(
            ("requests", "written", "verified", "connections", "hangups",
             "SIGTERM", "SIGKILL", "abandoned"), 0)
        self.threads = 0
        self.running = None

    def give_up(self):
        """End this process and its server at once; for a signal."""
        if self.running:
            self.running.process.kill()
        os._exit(1)

    # ---- The servers, one after the other

    def play(self, seconds):
        """All of it; returns the numbers of the last server's Watch."""
        begun = time.monotonic()
        while (now := time.monotonic()) < begun + seconds / 2:
            rest = begun + seconds / 2 - now
            self.life(min(rest, self.rng.uniform(*LIFE)),
                      self.rng.choice(("kill", "kill", "term", "leave")))
        watch = self.life(begun + seconds - time.monotonic(), "leave", True)
        self.look_at_the_end()
        return watch

    def life(self, seconds, ending, steady=False):
        """One server."""
        options = []
        if not steady and self.rng.random() < 0.25:
            options = ONE_THREAD
        self.abrupt, self.told = bool(options), False
        running = server.Server(self.target.path, self.target.params,
                                options=options)
        self.running = running
        try:
            if not running.wait():
                raise Difference(
                    "the server did not start: %s, status %s"
                    % (running.failure, running.process.returncode))
            self.serve(running, seconds, ending, steady)
            self.check_messages(running)
        except Exception:
            running.tell()
            raise
        finally:
            self.live = []
            running.process.kill()
            running.process.wait()
            running.remove()
        self.look(ending)
        resources.check_own_memory()
        self.threads = max(self.threads, self.watch.most_threads)
        return self.watch

    def serve(self, running, seconds, ending, steady):
        self.pid = running.process.pid
        self.watch = resources.Watch(self.pid, self.cap, self.growth,
                                     0 if self.abrupt else resources.WORKERS)
        self.live = [self.connect()]
        self.read_all()
        self.watch.begin()
        self.connect_all()
        self.work(time.monotonic() + seconds, steady)
        if ending == "kill":
            self.kill()
        else:
            self.end(steady, ending)

    def work(self, stop, steady):
        """Requests until then."""
        step = max(0.1, min(1, (stop - time.monotonic()) / 60))
        sample, quiet = time.monotonic() + step, self.next_quiet()
        while (now := time.monotonic()) < stop:
            self.turn()
            if now > quiet:
                self.quiet()
                quiet = self.next_quiet()
            if now > sample and not any(one.leaving for one in self.live):
                self.watch.sample(len(self.live))
                self.check_progress()
                sample = now + step
        if steady:
            self.quiet(False)
            self.watch.judge()

    def next_quiet(self):
        return time.monotonic() + self.rng.uniform(1, 8)

    def quiet(self, again=True):
        """A moment without any connection."""
        self.leave_all()
        self.watch.quiet()
        if again:
            self.connect_all()

    def leave_all(self):
        for line in self.live:
            line.leaving = line.leaving or "polite"
        while self.live:
            self.turn(False)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self.told = True
        self.running.process.wait()
        self.counts["SIGKILL"] += 1
        self.take_the_rest()

    def end(self, idle, ending):
        """SIGTERM, after the clients have gone or while they work."""
        if ending == "leave" and not idle:
            self.leave_all()
        self.told = True
        self.running.terminate()
        self.counts["SIGTERM"] += 1
        limit = time.monotonic() + self.rng.random() * 0.1
        while self.live and time.monotonic() < limit:
            self.turn()
        if not self.abrupt:
            self.take_the_rest()
        self.live = []
        status = self.running.stop()
        if status != 0 or self.running.failure:
            raise Difference("end of the server: status %d %s"
                             % (status, self.running.failure or ""))
        self.ledger.stopped()

    def take_the_rest(self):
        """The answers that are on their way."""
        for line in self.live:
            while line.wanted and not line.gone:
                self.poll([line])
                self.collect(line)
            if not line.gone:
                line.polite()
        self.live = []

    def check_messages(self, running):
        for line in running.messages().splitlines():
            if server.ERROR_LINE.search(line) and not HANGUP.search(line):
                raise Difference("an error message: %s" % line.decode())

    # ---- The connections

    def connect(self):
        self.counts["connections"] += 1
        before = resources.sockets(self.pid)
        line = Line(self.running.socket, self.pool)
        line.socket, = resources.sockets(self.pid) - before
        if line.handle.is_read_only():
            raise Difference("it is served read-only")
        line.stays = self.rng.choice((5, 50, 500, 2000))
        return line

    def connect_all(self):
        while len(self.live) < self.lines:
            self.live.append(self.connect())

    def turn(self, more=True):
        """Send what is missing, take what has come."""
        for line in self.live:
            if not line.leaving and not line.gone:
                self.fill(line)
        self.poll(self.live)
        for line in list(self.live):
            self.collect(line)
            if line.gone and not line.leaving and not self.told:
                raise Difference("the server has hung up")
            if line.leaving:
                self.leave(line, more)
            elif line.gone:
                self.live.remove(line)

    def busy(self):
        """The requests under way on any connection, but for flushes."""
        return [one.op for line in self.live
                for one in line.wanted.values() if one.op.length]

    def fill(self, line):
        busy = self.busy()
        while len(line.wanted) < DEPTH:
            op = self.mixture.choose(busy)
            if op is None:
                return
            try:
                line.send(op, self.ledger)
            except nbd.Error:
                if self.told and line.gone:     # it was faster
                    return
                raise
            busy.append(op)
            self.counts["requests"] += 1
            if op.kind == "write":
                self.counts["written"] += op.length
            line.stays -= 1
        if line.stays < 0 and not self.told:
            self.begin_to_leave(line)

    def begin_to_leave(self, line):
        """In one of many ways."""
        ways = ["polite", "disconnect", "half", "one write"]
        line.leaving = "hang up" if self.abrupt and self.rng.random() < 0.6 \
            else self.rng.choice(ways)
        if line.leaving == "disconnect":
            line.handle.aio_disconnect()

    def leave(self, line, again):
        """Go on with it; at its end, come back.  What was under way then is
        looked at before anything else is done there."""
        if line.leaving in ("polite", "one write") and not line.gone:
            if line.wanted:
                return
            if line.leaving == "polite":
                line.polite()
            else:
                self.one_write(line)
        elif line.leaving != "hang up" and not line.gone:
            if line.leaving == "half":
                line.half_close()
            return
        self.counts["hangups"] += line.leaving != "polite"
        self.live.remove(line)
        abandoned = line.drop()
        if self.told:                   # the next server will show
            return
        resources.let_go(self.pid, line.socket)
        if abandoned or again:
            back = self.connect()
            self.settle(back, abandoned)
            self.live.append(back)
            if not again:
                back.leaving = "polite"

    def one_write(self, line):
        """The only one under way, just before the socket is closed."""
        op = None
        while op is None or op.kind != "write":
            op = self.mixture.choose(self.busy())
        line.send(op, self.ledger)

    def settle(self, line, abandoned):
        self.counts["abandoned"] += len(abandoned)
        for entry in abandoned:
            found = line.handle.pread(entry.end - entry.start, entry.start)
            self.ledger.settle(entry, found)

    # ---- The answers

    def poll(self, lines):
        """Move bytes; wait a little if there are none."""
        poll, by_fd = select.poll(), {}
        for line in lines:
            if line.gone:
                continue
            direction = line.handle.aio_get_direction()
            events = select.POLLIN if direction & 1 else 0
            events |= select.POLLOUT if direction & 2 else 0
            by_fd[line.handle.aio_get_fd()] = line.handle
            poll.register(line.handle.aio_get_fd(), events)
        for fd, events in poll.poll(50):
            handle = by_fd[fd]
            direction = handle.aio_get_direction()
            try:
                if direction & 1 and events & ~select.POLLOUT:
                    handle.aio_notify_read()
                elif direction & 2 and events & ~select.POLLIN:
                    handle.aio_notify_write()
            except nbd.Error:           # it is gone then
                pass

    def collect(self, line):
        for request, error in line.answers():
            leaving = self.told or line.leaving
            if error == "ESHUTDOWN" and leaving:    # it was not begun
                if request.entry:
                    self.ledger.refused(request.entry)
            elif error and line.gone:
                if not leaving:
                    raise Difference("the server has hung up")
                line.abandoned.append(request.entry)
            else:
                self.answered(request, error)
            request.give_back()

    def answered(self, request, error):
        op = request.op
        if not model.judge(op, error):
            self.ledger.refused(request.entry)
        elif op.changes:
            self.ledger.end(request.entry, op.flags & 1)
        elif op.kind == "flush":
            self.ledger.flushed(request.mark)
        elif op.kind == "read":
            self.verify(request.found.bytes(), op.offset, "a read")
        elif op.kind == "status":
            self.verify_status(op, request.found)

    def verify(self, found, offset, what):
        want = memoryview(self.ledger.now)[offset:offset + len(found)]
        self.counts["verified"] += len(found)
        if want != found:
            self.differs(bytes(want), found, offset, what)

    def differs(self, want, found, offset, what):
        at = next(i for i in range(len(want)) if want[i] != found[i])
        low = max(0, at - 64)
        try:
            compare(want, found, offset, what)
        except Difference as e:
            raise Difference("%s\n  expected %s\n  found    %s" % (
                e, stamped.tell(want[low:low + 1024]),
                stamped.tell(found[low:low + 1024]))) from e

    def verify_status(self, op, entries):
        """What is said to be a hole or zero is zero."""
        at = op.offset
        for length, kind in zip(entries[::2], entries[1::2]):
            end = min(at + length, op.end)
            if kind & 3 and self.ledger.now.count(0, at, end) != end - at:
                raise Difference("block status %d at %d+%d, but there is "
                                 "data" % (kind, at, end - at))
            at = end
        if at == op.offset:
            raise Difference("block status says nothing at %d" % at)

    def check_progress(self):
        if max(line.oldest() for line in self.live) > STUCK:
            raise Difference("a request is not answered for %d seconds"
                             % STUCK)

    # ---- The whole disk

    def read_all(self, step=1 << 20):
        """What the last server has left, through the new one."""
        handle, size = self.live[0].handle, self.target.size
        if handle.get_size() != size:
            raise Difference("size: %d, not %d" % (handle.get_size(), size))
        found = b"".join(bytes(handle.pread(min(step, size - at), at))
                         for at in range(0, size, step))
        self.counts["verified"] += size
        self.ledger.verify(found)

    def look(self, ending):
        """The files, without a server.  A stream-optimized one has no tables
        for others before it is closed."""
        self.untouched.check()
        killed = ending == "kill"
        if self.rng.random() < 0.3 and not (killed and self.target.stream):
            written.check_files(self.target.path, None, unclean=killed,
                                known=self.known, loose=self.target.loose,
                                leaks=True)

    def look_at_the_end(self):
        """The files are sound and hold what they must, for others too."""
        target, want = self.target, self.ledger.now
        written.check_files(target.path, want, target.below(),
                            known=self.known, loose=target.loose, leaks=True)
        self.counts["verified"] += len(want)
        if target.qemu:
            written.check_by_qemu(target.path, want, not self.known)
            self.counts["verified"] += len(want)

