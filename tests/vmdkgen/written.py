# SPDX-License-Identifier: BSD-3-Clause
"""Running a script against a Target, and looking at what is left.

After every stop of the server the files are judged by three others: the
checks and the reader of this package, and qemu where it can read the kind.
"""

import contextlib
import hashlib
import os
import random
import subprocess
import time

import nbd

from . import check, model, reader, server, verify
from .content import Content, Run
from .verify import Difference


class Left(Content):
    """What a script has left, so that run-case serves it once more."""

    def __init__(self, data):
        size = len(data) // 512
        super().__init__(size, [Run(0, size, "data", 1)])
        self.bytes = bytes(data)

    def read(self, offset, length):
        return self.bytes[offset:offset + length]

    def within(self, start, end):
        """Nothing is known about block status here."""
        return iter(())

    def map(self):
        return []


def digest(path):
    with open(path, "rb") as f:
        return hashlib.blake2b(f.read()).hexdigest()


def files_below(link):
    """All files of the links that must not change."""
    out = set()
    while link.parent is not None:
        link = link.parent
        out.add(link.path)
        out.update(name for name in check.files(link.path) if name)
    return sorted(out)


class Untouched:
    """What no write may change: parents, RDONLY extents, and what is
    around a flat extent in its file."""

    def __init__(self, target):
        self.path = target.path
        self.files = files_below(target.link)
        text = check.descriptor(target.path)
        directory = os.path.dirname(target.path)
        self.files += [os.path.join(directory, line[3])
                       for line in text.lines
                       if line[0] == "RDONLY" and line[3]]
        self.flat = [(os.path.join(directory, name), offset * 512,
                      (offset + count) * 512)
                     for _, count, kind, name, offset in text.lines
                     if kind in ("FLAT", "VMFS")]
        self.before = self.state()

    def state(self):
        seen = {path: digest(path) for path in self.files}
        for path, start, end in self.flat:
            with open(path, "rb") as f:
                head = f.read(start)
                f.seek(end)
                seen[path, "around"] = head, f.read()
        return seen

    def check(self):
        now = self.state()
        for key, value in self.before.items():
            if now[key] != value:
                raise Difference("changed, and must not: %s" % (key,))


@contextlib.contextmanager
def serving(path, params=(), readonly=False, errors=False):
    """A server for one disk.  It must end well; without errors it must not
    have reported any."""
    running = server.Server(path, params, readonly)
    try:
        if not running.wait():
            raise Difference("the server did not start")
        yield running
        status = running.stop()
        if status != 0 or running.failure:
            raise Difference("end of the server: status %d %s"
                             % (status, running.failure or ""))
        if not errors and running.error_count():
            raise Difference("all went well, but there are error messages")
    except Exception:
        running.tell()
        raise
    finally:
        running.stop()
        running.remove()


@contextlib.contextmanager
def killed(path, params=()):
    """A server for one disk that is killed in the end."""
    running = server.Server(path, params)
    try:
        if not running.wait():
            raise Difference("the server did not start")
        yield running
    except Exception:
        running.tell()
        raise
    finally:
        running.process.kill()
        running.process.wait()
        running.remove()


@contextlib.contextmanager
def connected(path, params=(), count=1, **options):
    """A server and a Client; the connections end first."""
    with serving(path, params, **options) as running:
        client = model.Client(running.socket, count)
        yield client
        client.close()


def run(*command):
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise Difference("%s: status %d\n%s" % (
            " ".join(command), done.returncode,
            (done.stdout + done.stderr).decode(errors="replace")[-800:]))


def check_files(path, want, below=None, **rules):
    """The files of a link are sound, and hold these bytes."""
    problems = check.check(path, **rules)
    if problems:
        raise Difference("%d problems in the files:\n    %s"
                         % (len(problems), "\n    ".join(problems[:12])))
    if want is not None:
        found = reader.read(path, below)
        if found != want:
            verify.compare(bytes(want), found, 0, "the files themselves")


def check_by_qemu(path, want, flat=False):
    """qemu finds no error, and these bytes."""
    raw = path + ".model"
    with open(raw, "wb") as f:
        f.write(want)
    try:
        if not flat:
            run("qemu-img", "check", "-q", "-f", "vmdk", path)
        run("qemu-img", "compare", "-q", "-f", "vmdk", "-F", "raw", path,
            raw)
    finally:
        os.unlink(raw)


def check_status(handle, want):
    """No hole, and nothing said to be zero, over other bytes."""
    size = len(want)
    for at, length, kind in verify.merge(
            verify.block_status(handle, 0, size), size):
        if kind & 3 and want.count(0, at, at + length) != length:
            raise Difference("block status %d at %d+%d, but there is data"
                             % (kind, at, length))


def check_zero_status(handle, start, end):
    """Block status of this range says nothing but that it is zero."""
    at = start
    while at < end:
        entries = verify.block_status(handle, at, min(end - at, 1 << 30))
        for offset, length, kind in entries:
            if not kind & 2 and length > 1 << 20:
                raise Difference("block status %d at %d+%d of zeroes"
                                 % (kind, offset, length))
            at = offset + length


class Session:
    """A Target that is written to over several servers."""

    def __init__(self, target, seed):
        self.target = target
        self.rng = random.Random("%d session" % seed)
        self.model = model.Model(target.bytes())
        self.script = model.Script(model.shape_of(target), seed)
        self.untouched = Untouched(target)
        self.known = check.known(target.path)
        self.stops = self.steps = 0

    def play(self, count):
        """At least so many requests, the server started again now and
        then."""
        done = 0
        while done < count:
            done += self.once(min(count - done, self.rng.randint(30, 260)))
            self.look()
        return done

    def once(self, count):
        """The life of one server."""
        done = 0
        with serving(self.target.path, self.target.params,
                     errors=bool(self.target.readonly)) as running:
            client = model.Client(running.socket, self.rng.randint(1, 4))
            if client.handles[0].is_read_only():
                raise Difference("it is served read-only")
            self.script.fast_zero = client.handles[0].can_fast_zero()
            client.read_all(self.model, "after start %d" % self.stops)
            check_status(client.handles[0], self.model.data)
            while done < count:
                self.steps += 1
                done += model.step(client, self.script, self.model, done)
            if self.rng.random() < 0.5:
                client.read_all(self.model, "before stop %d" % self.stops)
                check_status(client.handles[0], self.model.data)
            if self.rng.random() < 0.5:
                client.close()
            else:                       # SIGTERM while clients are there
                running.terminate()
                time.sleep(0.03)
                client.drop()
        self.stops += 1
        return done

    def look(self):
        """What is on the disk after a stop."""
        target, want = self.target, self.model.data
        self.untouched.check()
        check_files(target.path, want, target.below(), known=self.known,
                    loose=target.loose)
        if target.qemu and self.stops % 3 == 1:
            flat = not self.known
            check_by_qemu(target.path, want, flat)


def write_once(path, now, offset, count):
    """One write to a disk that must be writable, and a look at all of it
    before and after; now is the Model of what it holds."""
    with connected(path) as client:
        if client.handles[0].is_read_only():
            raise Difference("it is served read-only")
        client.read_all(now, "before the write")
        op = model.Op("write", offset, count, 0, model.POOL[:count])
        for one, error in client.run([op]):
            model.judge(one, error)
        now.done(op)
        client.read_all(now, "after the write")


def play(target, seed, count):
    """A Session from its start to its end; failures say how to repeat."""
    session = Session(target, seed)
    try:
        done = session.play(count)
    except (Difference, nbd.Error) as e:
        raise Difference("VMDK_MODEL_SEED=%d %s, batch %d, after %d stops:\n"
                         "  %s" % (model.seed(), target.path, session.steps,
                                   session.stops, e)) from e
    return session, done
