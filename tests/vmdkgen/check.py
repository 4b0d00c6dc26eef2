# SPDX-License-Identifier: BSD-3-Clause
"""What a writer must leave behind: a strict check of the files of a link.

Stated from the format document alone, and from the files alone: the text
of the descriptor, the extents that it names, every directory, table and
grain.  check() returns all problems as sentences.  read() (see reader.py)
uses the same tables to say what a disk holds.
"""

import os
import re
import struct

from . import cowd, extents, hosted, packed

EXTENT = re.compile(
    rb'^[ \t]*(RW|RDONLY|NOACCESS)[ \t]+(\d+)[ \t]+([A-Z]+)'
    rb'(?:[ \t]+"([^"]*)")?(?:[ \t]+(\d+))?[ \t]*\r?$', re.M)
KEY = re.compile(rb'^[ \t]*([A-Za-z][\w.]*)[ \t]*=[ \t]*"?([^"\r\n]*)"?',
                 re.M)


class Rules:
    """What is accepted.

    unclean: the writer was killed, so flags may be set, the two copies of a
    table may differ where one of them has no grain, and space may be lost.
    leaks: sectors that belong to nothing may hold data.  tail: the file may
    go on behind the last thing in it.  aligned: grains are at multiples of
    the grain size, but for those at a sector in known (file name -> set).
    loose: a stream-optimized extent need not be in the canonical layout.
    """

    def __init__(self, unclean=False, leaks=False, tail=False, aligned=True,
                 known=None, loose=False):
        self.unclean = unclean
        self.leaks = leaks or unclean
        self.tail = tail or unclean
        self.aligned = aligned
        self.known = known or {}
        self.loose = loose


class Descriptor:
    """The keys and extent lines of a descriptor text."""

    def __init__(self, text):
        self.text = text.split(b"\0", 1)[0]
        self.keys = {}
        for name, value in KEY.findall(self.text):
            self.keys.setdefault(name.lower().decode(), value)
        self.lines = [
            (access.decode(), int(count), kind.decode(),
             os.fsdecode(name) if name else "", int(offset or 0))
            for access, count, kind, name, offset in
            EXTENT.findall(self.text)]

    def number(self, key):
        """CID or parentCID."""
        return int(self.keys[key.lower()], 16)


def descriptor_bytes(path):
    """The text of a link, from a file of its own or from inside a grain
    file."""
    with open(path, "rb") as f:
        first = f.read(512)
        if struct.unpack_from("<I", first)[0] != hosted.MAGIC:
            return first + f.read(1 << 20)
        at, size = struct.unpack_from("<QQ", first, 28)
        f.seek(at * 512)
        return f.read(size * 512)


def descriptor(path):
    return Descriptor(descriptor_bytes(path))


def files(path):
    """The names of the extent files of a link, as full paths."""
    directory = os.path.dirname(path)
    return [os.path.join(directory, name) if name else None
            for _, _, kind, name, _ in descriptor(path).lines]


def open_extent(path, line):
    """The extent that a line of the descriptor at path names."""
    _, count, kind, name, offset = line
    where = os.path.join(os.path.dirname(path), name)
    if kind == "ZERO":
        return extents.Zero(count)
    if kind in ("FLAT", "VMFS"):
        return extents.Flat(where, count, offset)
    with open(where, "rb") as f:
        magic, flags = struct.unpack("<I4xI", f.read(12))
    if magic == hosted.MAGIC and flags & packed.COMPRESSED:
        return packed.Packed(where, count)
    if magic == hosted.MAGIC:
        return extents.Hosted(where, count)
    if magic == cowd.MAGIC:
        return extents.Cowd(where, count)
    raise extents.Damage("%s: its magic number is 0x%x" % (name, magic))


def check(path, **rules):
    """All problems of the link at path, [] if it is as it must be."""
    rules = Rules(**rules)
    text = descriptor(path)
    found = descriptor_problems(text)
    for line in text.lines:
        try:
            extent = open_extent(path, line)
            with extent:
                found += extent.problems(rules)
        except (extents.Damage, OSError, struct.error) as e:
            found.append(str(e))
    return found


def descriptor_problems(text):
    found = []
    if not text.lines:
        found.append("the descriptor names no extents")
    for key in ("cid", "parentcid"):
        value = text.keys.get(key, b"")
        if not re.fullmatch(rb"[0-9a-fA-F]{1,8}", value):
            found.append("%s is %r" % (key, value))
    for key in (b"CID", b"parentCID", b"createType"):
        count = len(re.findall(rb"^[ \t]*%s[ \t]*=" % key, text.text, re.M))
        if count != 1:
            found.append("there are %d lines for %s" % (count, key.decode()))
    return found


def known(path):
    """Rules.known from the state of a link now."""
    seen = {}
    for line in descriptor(path).lines:
        if line[2] in ("ZERO", "FLAT", "VMFS"):
            continue
        with open_extent(path, line) as extent:
            seen[extent.name] = set(extent.entries().values())
    return seen
