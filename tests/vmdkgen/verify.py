# SPDX-License-Identifier: BSD-3-Clause
"""Comparing what is served with what is expected.

Everything goes through NBD: a full copy by nbdcopy, block status, and many
unaligned reads on one and on four connections at once.  A difference is an
AssertionError that tells offset, expected and found.
"""

import os
import random
import select
import subprocess

import nbd

from . import buffers
from .content import DATA, ERROR, SECTOR

COPY_LIMIT = 8 << 30            # larger disks are compared by their data
READS = 240
IN_FLIGHT = 32
LARGE = 40 << 20
STATUS_CHUNK = (1 << 32) - 65536


class Difference(AssertionError):
    """What was served is not what was expected."""


def connect(socket, status=False):
    handle = nbd.NBD()
    if status:
        handle.add_meta_context("base:allocation")
    handle.connect_unix(socket)
    return handle


def show(data, at):
    return data[at:at + 24].hex(" ", 4)


def compare(expected, found, offset, what):
    """Fail at the first different byte."""
    if expected == found:
        return
    if len(expected) != len(found):
        raise Difference("%s: at %d expected %d bytes, found %d"
                         % (what, offset, len(expected), len(found)))
    at = next(i for i in range(len(expected)) if expected[i] != found[i])
    count = sum(1 for a, b in zip(expected, found) if a != b)
    raise Difference(
        "%s: first difference at byte %d (sector %d + %d), %d of %d bytes "
        "differ\n  expected %s\n  found    %s"
        % (what, offset + at, (offset + at) // SECTOR,
           (offset + at) % SECTOR, count, len(expected),
           show(expected, at), show(found, at)))


def check_size(handle, content):
    size = handle.get_size()
    if size != content.size * SECTOR:
        raise Difference("size of the disk: expected %d, found %d"
                         % (content.size * SECTOR, size))


def pieces(content, limit=1 << 20):
    """Runs as (offset, length, state), no longer than limit if data."""
    for run in content.runs:
        start, end = run.start * SECTOR, run.end * SECTOR
        step = limit if run.state == DATA else end - start
        for offset in range(start, end, step):
            yield offset, min(step, end - offset), run.state


def check_file(path, content, what):
    """A raw copy, compared without touching its holes."""
    fd = os.open(path, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        if size != content.size * SECTOR:
            raise Difference("%s: size %d, expected %d"
                             % (what, size, content.size * SECTOR))
        for offset, length, state in pieces(content):
            if state == DATA:
                compare(content.read(offset, length),
                        os.pread(fd, length, offset), offset, what)
            else:
                check_file_zero(fd, offset, offset + length, what)
    finally:
        os.close(fd)


def check_file_zero(fd, offset, end, what):
    """No byte of a raw file in [offset, end) may differ from zero."""
    while offset < end:
        try:
            offset = os.lseek(fd, offset, os.SEEK_DATA)
        except OSError:
            return
        if offset >= end:
            return
        length = min(end - offset, 1 << 20)
        compare(bytes(length), os.pread(fd, length, offset), offset, what)
        offset += length


def check_copy(socket, content, directory):
    """nbdcopy of the whole disk."""
    out = os.path.join(directory, "copy")
    with open(out, "wb"):
        pass
    command = ["nbdcopy", "nbd+unix:///?socket=" + socket, out]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise Difference("nbdcopy failed: %s"
                         % done.stderr.decode(errors="replace"))
    check_file(out, content, "nbdcopy")
    os.unlink(out)


def fetch(handle, offset, length):
    """A read that must not fail."""
    try:
        return bytes(handle.pread(length, offset))
    except nbd.Error as e:
        raise Difference("read of %d bytes at %d failed: %s"
                         % (length, offset, e)) from e


def check_by_reading(handle, content, window=1 << 20):
    """Everything that can be read, but only samples of large zeroes."""
    start = end = 0
    for offset, length, state in pieces(content, window):
        large = state != DATA and length > window
        if end - start >= window or large or state == ERROR:
            check_window(handle, content, start, end)
            start = end = offset
        end = offset + length
        if large and state != ERROR:
            for at in (offset, offset + length // 2, end - 65536):
                check_window(handle, content, at, at + 65536)
        if large or state == ERROR:
            start = end
    check_window(handle, content, start, end)


def check_window(handle, content, start, end):
    if end > start:
        compare(content.read(start, end - start),
                fetch(handle, start, end - start), start, "reading")


def check_large_read(handle, content):
    """One read that is larger than any buffer a server should have."""
    length = min(content.size * SECTOR, LARGE)
    if length > 1 << 20 and not content.fails(0, length):
        check_window(handle, content, 0, length)


def block_status(handle, offset, length):
    """Block status of a range: list of (offset, length, type)."""
    out = []

    def extent(context, at, entries, _error):
        if context != "base:allocation":
            return
        for size, kind in zip(entries[::2], entries[1::2]):
            out.append((at, size, kind))
            at += size
    end = offset + length
    while offset < end:
        before = len(out)
        handle.block_status(min(end - offset, STATUS_CHUNK), offset, extent)
        if len(out) == before:
            raise Difference("no block status at %d" % offset)
        offset = out[-1][0] + out[-1][1]
    return out


def merge(entries, end):
    """Neighbours of equal type merged, cut at end."""
    out = []
    for offset, length, kind in entries:
        length = min(length, end - offset)
        if length <= 0:
            break
        if out and out[-1][2] == kind:
            out[-1][1] += length
        else:
            out.append([offset, length, kind])
    return [tuple(entry) for entry in out]


def check_map(handle, content):
    """Block status of the whole disk, where reads do not fail."""
    segment = []
    for entry in content.map() + [(0, 0, None)]:
        if entry[2] is not None:
            segment.append(entry)
            continue
        if segment:
            check_segment(handle, segment)
        segment = []


def check_segment(handle, expected):
    start = expected[0][0]
    end = expected[-1][0] + expected[-1][1]
    found = merge(block_status(handle, start, end - start), end)
    if found == expected:
        return
    for i in range(max(len(found), len(expected))):
        want = expected[i] if i < len(expected) else "nothing"
        got = found[i] if i < len(found) else "nothing"
        if want != got:
            raise Difference(
                "block status differs at entry %d (offset, length, type):\n"
                "  expected %s\n  found    %s" % (i, want, got))


def check_partial_status(handle, content, rng, count=40):
    """Block status of unaligned ranges agrees with the map."""
    for offset, length in ranges(content, rng, count):
        if content.fails(offset, length):
            continue
        for at, size, kind in block_status(handle, offset, length):
            end = min(at + size, offset + length)
            for state in types_within(content, at, end):
                if state != kind:
                    raise Difference(
                        "block status of %d+%d: at %d+%d expected type %s, "
                        "found %s" % (offset, length, at, size, state, kind))


def types_within(content, offset, end):
    low, high = offset // SECTOR, -(-end // SECTOR)
    return {0 if run.state == DATA else 3
            for run in content.within(low, high)}


def ranges(content, rng, count, longest=200000):
    """Random byte ranges, most of them across the edges of runs."""
    size = content.size * SECTOR
    edges = [run.start * SECTOR for run in content.runs] + [size]
    for _ in range(count):
        kind = rng.random()
        length = rng.randint(1, 3000)
        if kind < 0.2:
            length = rng.randint(1, longest)
        if kind < 0.6:
            offset = rng.choice(edges) - rng.randint(0, length)
        elif kind < 0.8 and content.data_runs():
            run = rng.choice(content.data_runs())
            offset = rng.randrange(run.start * SECTOR, run.end * SECTOR)
        else:
            offset = rng.randrange(size)
        offset = min(max(offset, 0), size - 1)
        yield offset, min(length, size - offset)


class Reader:
    """Many reads in flight on several connections."""

    def __init__(self, handles, content):
        self.handles = handles
        self.content = content
        self.pending = [{} for _ in handles]
        self.pool = buffers.Pool()

    def run(self, wanted):
        wanted = list(wanted)
        while wanted or any(self.pending):
            for handle, pending in zip(self.handles, self.pending):
                while wanted and len(pending) < IN_FLIGHT:
                    offset, length = wanted.pop()
                    lent = self.pool.lend(length)
                    cookie = handle.aio_pread(lent.buffer(), offset)
                    pending[cookie] = (lent, offset, length)
            self.progress()
            self.collect()

    def progress(self):
        poll = select.poll()
        by_fd = {}
        for handle, pending in zip(self.handles, self.pending):
            if not pending:
                continue
            direction = handle.aio_get_direction()
            events = select.POLLIN if direction & 1 else 0
            events |= select.POLLOUT if direction & 2 else 0
            poll.register(handle.aio_get_fd(), events)
            by_fd[handle.aio_get_fd()] = handle
        for fd, events in poll.poll(30000):
            handle = by_fd[fd]
            direction = handle.aio_get_direction()
            if direction & 1 and events & (select.POLLIN | select.POLLHUP):
                handle.aio_notify_read()
            elif direction & 2 and events & select.POLLOUT:
                handle.aio_notify_write()

    def collect(self):
        for handle, pending in zip(self.handles, self.pending):
            for cookie in list(pending):
                try:
                    done, error = handle.aio_command_completed(cookie), None
                except nbd.Error as e:
                    done, error = True, e
                if done:
                    self.judge(error, *pending.pop(cookie))

    def judge(self, error, lent, offset, length):
        what = "read of %d bytes at %d" % (length, offset)
        if self.content.fails(offset, length):
            check_failure(error, what)
        elif error is not None:
            raise Difference("%s failed: %s" % (what, error))
        else:
            compare(self.content.read(offset, length),
                    lent.bytes(), offset, what)
        lent.give_back()


def check_failure(error, what):
    if error is None:
        raise Difference("%s: expected EIO, but it succeeded" % what)
    if error.errno != "EIO":
        raise Difference("%s: expected EIO, found %s" % (what, error))


def check_errors(handle, content):
    """Every error run fails at its first, last and middle sector."""
    for run in content.runs:
        if run.state != ERROR:
            continue
        for at in {run.start, run.end - 1, run.start + run.count // 2}:
            what = "read of sector %d" % at
            try:
                handle.pread(SECTOR, at * SECTOR)
                error = None
            except nbd.Error as e:
                error = e
            check_failure(error, what)


def check_disk(socket, content, directory, seed):
    """All comparisons of one served disk."""
    handles = []
    try:
        handles.append(connect(socket, status=True))
        check_all(handles, socket, content, directory, random.Random(seed))
    finally:
        for handle in handles:
            leave(handle)


def leave(handle):
    """Disconnect, so that the server can end at once."""
    try:
        handle.shutdown()
    except nbd.Error:
        pass


def check_all(handles, socket, content, directory, rng):
    handle = handles[0]
    check_size(handle, content)
    small = content.size * SECTOR <= COPY_LIMIT
    if content.has_errors():
        check_errors(handle, content)
        check_by_reading(handle, content)
    elif small:
        check_copy(socket, content, directory)
    else:
        check_by_reading(handle, content)
    check_large_read(handle, content)
    check_map(handle, content)
    check_partial_status(handle, content, rng)
    Reader([handle], content).run(ranges(content, rng, READS))
    more = [connect(socket) for _ in range(4)]
    handles.extend(more)
    if not all(h.can_multi_conn() for h in more):
        raise Difference("multi-conn is not advertised")
    Reader(more, content).run(ranges(content, rng, READS))
