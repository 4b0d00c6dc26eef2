# SPDX-License-Identifier: BSD-3-Clause
"""What a test case works with and what it returns.

A case is a file in tests/cases with a function make(d) that returns (or
yields) any number of Served and Refused.  d is a Directory, where the
files of the case are made.

Disks that are hostile=True, or of a case with HOSTILE = True, are served
with limits of time and memory (server.py), and every message is compared in
full; hostile.py says how.  In what is expected of them, <disk> stands for
the path of the disk and <dir> for that of its directory.
"""

import os
import socket

from . import disk


class Served:
    """A disk that must be served, with its content.

    warns are strings that the warnings of the server must contain; without
    them there must be no warning at all.  absent must not appear in any
    message.  errors are strings that must appear in the messages of failing
    reads.  peers name other implementations that read this disk right:
    'qemu', '7z', 'libvmdk'.

    Of a hostile one, warns are the whole warnings, exact the whole messages
    of a read in each of the places that fail, in their order, and reason is
    why it can only be read, without the words that all reasons begin with;
    without reason it must be served for writing.
    """

    def __init__(self, path, content, params=(), warns=(), absent=(),
                 errors=(), peers=(), label=None, readonly=False, cwd=None,
                 hostile=False, exact=(), reason=None):
        self.path = path
        self.content = content
        self.params = list(params)
        self.warns = list(warns)
        self.absent = list(absent)
        self.errors = list(errors)
        self.peers = list(peers)
        self.readonly = readonly
        self.cwd = cwd
        self.hostile = hostile
        self.exact = list(exact)
        self.reason = reason
        self.label = label or os.path.basename(os.path.dirname(path))


class Refused:
    """A disk that must be refused at start with one error message.

    Every string of says must be in that message (in any case of letters);
    an entry that is a tuple asks for one of its strings.  Of a hostile one,
    exact is the whole message, warns are the warnings before it.
    """

    def __init__(self, path, says, params=(), label=None, cwd=None,
                 hostile=False, exact=None, warns=()):
        self.path = path
        self.says = list(says)
        self.params = list(params)
        self.cwd = cwd
        self.hostile = hostile
        self.exact = exact
        self.warns = list(warns)
        self.label = label or os.path.basename(os.path.dirname(path))


def make_socket(path):
    """A socket that nobody listens at; path may be longer than such a name."""
    made = socket.socket(socket.AF_UNIX)
    here = os.open(".", os.O_RDONLY)
    os.chdir(os.path.dirname(path))
    made.bind(os.path.basename(path))
    os.fchdir(here)
    os.close(here)
    made.close()


class Directory:
    """A directory of a case, with short names for what cases do a lot."""

    def __init__(self, path):
        self.dir = path

    def path(self, name):
        return os.path.join(self.dir, name)

    def sub(self, name):
        """A directory below this one."""
        path = self.path(name)
        os.makedirs(path, exist_ok=True)
        return Directory(path)

    def write(self, name, data):
        """A file with these bytes (text is stored as UTF-8)."""
        if isinstance(data, str):
            data = data.encode()
        path = self.path(name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def serve(self, link, content=None, **options):
        """A Link, or a path with its content, that must be served."""
        if isinstance(link, disk.Link):
            return Served(link.path, content or link.expected(), **options)
        return Served(self.path(link), content, **options)

    def refuse(self, link, *says, **options):
        """A Link or a path that must be refused."""
        path = link.path if isinstance(link, disk.Link) else self.path(link)
        return Refused(path, says, **options)
