# SPDX-License-Identifier: BSD-3-Clause
"""Disks that are served read-only although nobody asked for that, and say
why: check() is the whole test of one.
"""

import hashlib
import os

import nbd

from . import written
from .verify import Difference

WARNING = b": the disk can only be read, since "


def state(directory):
    """Every file of a directory: its size, its times, its bytes."""
    seen = {}
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        info = os.stat(path)
        with open(path, "rb") as f:
            seen[name] = (info.st_mode, info.st_size, info.st_mtime_ns,
                          hashlib.sha256(f.read()).hexdigest())
    return seen


def must_fail(handle):
    """Send every kind of change, also what libnbd knows to be refused."""
    handle.set_strict_mode(0)
    for name, send in (("write", lambda: handle.pwrite(b"x" * 512, 0)),
                       ("long write", lambda: handle.pwrite(bytes(1 << 17),
                                                            0)),
                       ("zero", lambda: handle.zero(512, 0)),
                       ("trim", lambda: handle.trim(512, 0))):
        try:
            send()
        except nbd.Error as e:
            if e.errno not in ("EPERM", "EROFS", "EINVAL", "ENOTSUP"):
                raise Difference("%s: failed with %s" % (name, e)) from e
        else:
            raise Difference("a %s was not refused" % name)


def reasons(running):
    return [line for line in running.warnings() if WARNING in line]


def check(path, sentence, params=()):
    """The disk is served read-only, for the reason that contains sentence,
    which is told once; with -r nothing is told; no byte changes."""
    directory = os.path.dirname(path)
    before = state(directory)
    with written.serving(path, params, errors=True) as running:
        if reasons(running):
            raise Difference("a reason is told before anybody connects")
        for _ in range(2):
            handle = nbd.NBD()
            handle.connect_unix(running.socket)
            if not handle.is_read_only():
                raise Difference("it is not served read-only")
            must_fail(handle)
            handle.shutdown()
        found = reasons(running)
        if len(found) != 1 or sentence.encode() not in found[0]:
            raise Difference("expected one reason with %r, found %r"
                             % (sentence, found))
    with written.serving(path, params, readonly=True,
                         errors=True) as running:
        handle = nbd.NBD()
        handle.connect_unix(running.socket)
        must_fail(handle)
        handle.shutdown()
        if reasons(running):
            raise Difference("with -r: %r" % reasons(running))
    if state(directory) != before:
        raise Difference("files have changed")


def check_writable(path, params=()):
    """The control: without what is wrong, the disk takes a write."""
    with written.connected(path, params) as client:
        handle = client.handles[0]
        if handle.is_read_only():
            raise Difference("it is served read-only")
        handle.pwrite(b"w" * 512, 1024)
        if handle.pread(512, 1024) != b"w" * 512:
            raise Difference("what was written is not there")
