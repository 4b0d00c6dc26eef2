# SPDX-License-Identifier: BSD-3-Clause
"""What a test case works with and what it returns.

A case is a file in tests/cases with a function make(d) that returns (or
yields) any number of Served and Refused.  d is a Directory, where the
files of the case are made.
"""

import os

from . import disk


class Served:
    """A disk that must be served, with its content.

    warns are strings that the warnings of the server must contain; without
    them there must be no warning at all.  absent must not appear in any
    message.  errors are strings that must appear in the messages of failing
    reads.  peers name other implementations that read this disk right:
    'qemu', '7z', 'libvmdk'.
    """

    def __init__(self, path, content, params=(), warns=(), absent=(),
                 errors=(), peers=(), label=None, readonly=False, cwd=None):
        self.path = path
        self.content = content
        self.params = list(params)
        self.warns = list(warns)
        self.absent = list(absent)
        self.errors = list(errors)
        self.peers = list(peers)
        self.readonly = readonly
        self.cwd = cwd
        self.label = label or os.path.basename(os.path.dirname(path))


class Refused:
    """A disk that must be refused at start with one error message.

    Every string of says must be in that message (in any case of letters);
    an entry that is a tuple asks for one of its strings.
    """

    def __init__(self, path, says, params=(), label=None, cwd=None):
        self.path = path
        self.says = list(says)
        self.params = list(params)
        self.cwd = cwd
        self.label = label or os.path.basename(os.path.dirname(path))


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
