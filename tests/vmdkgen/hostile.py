# SPDX-License-Identifier: BSD-3-Clause
"""Judging how a hostile disk was refused, or served as far as it can be.

Everything that the server says is compared in full, and must be said once:
a message that names another grain, or leaves out the file, is a failure.  A
disk that is served must give EIO where it is damaged and the right bytes
everywhere else; it must be served for writing, or tell the reason why not.
For all of it the server has the limits of server.py.
"""

import os
import re

import nbd

from . import content, refusal, verify
from .verify import Difference

# What the plugin says; nbdkit itself tells of the writes of must_fail.
MESSAGE = re.compile(rb"^nbdkit: (?:\S+: )?error: "
                     rb"(?!warning: |invalid request: NBD_CMD_)(.*)$", re.M)
REASON = "warning: <disk>: the disk can only be read, since "


def fill(text, item):
    """The bytes of a message, with the paths in it."""
    if isinstance(text, str):
        text = text.encode()
    path = os.fsencode(item.path)
    text = text.replace(b"<dir>", os.path.dirname(path))
    return text.replace(b"<disk>", path)


def show(texts):
    lines = [text.decode(errors="backslashreplace") for text in texts]
    return "\n           ".join(lines) or "nothing"


def compare(found, wanted, item, what):
    """These messages, and no others."""
    wanted = [fill(text, item) for text in wanted]
    if found != wanted:
        raise Difference("%s:\n  expected %s\n  found    %s" % (
            what, show(wanted), show(found)))


def messages(running):
    return MESSAGE.findall(running.messages())


def check_limits(running):
    problem = running.check_limits()
    if problem:
        raise Difference(problem)


def warnings(item):
    return ["warning: " + text for text in item.warns]


def check_refused(running, item):
    """The server has ended: was that well, and for the right reason?"""
    check_limits(running)
    if running.failure or running.process.returncode <= 0:
        raise Difference("must be refused with a message; exit status %d %s"
                         % (running.process.returncode,
                            running.failure or ""))
    compare(messages(running), [item.exact], item, "error message")
    compare(running.warnings(), warnings(item), item, "warnings")


def check_read_only(handle, item):
    """Whether it takes writes, without sending one that would succeed."""
    if not handle.is_read_only():
        if item.reason:
            raise Difference("it is served for writing")
    elif not item.reason and not item.readonly:
        raise Difference("it is served read-only")
    else:
        refusal.must_fail(handle)


def probe(handle, disk):
    """One read in each of the places that must fail."""
    for run in disk.runs:
        if run.state != content.ERROR:
            continue
        error = None
        try:
            handle.pread(content.SECTOR, run.start * content.SECTOR)
        except nbd.Error as e:
            error = e
        verify.check_failure(error, "read of sector %d" % run.start)


def check_content(running, item):
    """What can be read is right, what cannot fails as it should."""
    handle = verify.connect(running.socket, status=True)
    try:
        verify.check_size(handle, item.content)
        check_read_only(handle, item)
        probe(handle, item.content)
        compare(messages(running), item.exact, item,
                "messages of failed reads")
        verify.check_by_reading(handle, item.content)
        if item.content.size * content.SECTOR <= verify.COPY_LIMIT:
            verify.check_map(handle, item.content)
    finally:
        verify.leave(handle)


def check_served(running, item):
    """All of it; the server ends."""
    try:
        check_content(running, item)
    except nbd.Error as e:
        if running.alive():
            raise
        raise Difference("the server ended while serving: %s"
                         % (running.check_limits() or e)) from e
    check_limits(running)
    if not running.alive():
        raise Difference("the server ended while serving, status %d"
                         % running.process.returncode)
    status = running.stop()
    if status != 0 or running.failure:
        raise Difference("end of the server: status %d %s"
                         % (status, running.failure or ""))
    compare(messages(running), item.exact, item, "messages in the end")
    reason = [REASON + item.reason] if item.reason else []
    compare(sorted(running.warnings()),
            sorted(fill(text, item) for text in warnings(item) + reason),
            item, "warnings")
