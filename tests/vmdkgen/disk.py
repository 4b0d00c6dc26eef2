# SPDX-License-Identifier: BSD-3-Clause
"""Whole links and chains.

A Part is one extent line with the file behind it, a Link is a descriptor
with its parts, and a link made over another one is its child.  The content
of the disk follows: Link.full is the chain seen from that link.
"""

import os

from . import content as c
from . import cowd as cowd_format
from . import descriptor
from . import hosted as hosted_format
from . import sesparse as sesparse_format
from . import stream as stream_format

SEED_AROUND = 0x0ddba11         # data in a flat file outside the extent


class Part:
    """One extent: its line, what it holds, and its Image if sparse."""

    def __init__(self, line, content, image=None):
        self.line = line
        self.content = content
        self.image = image


def extent_line(count, keyword, name=None, offset=None, access="RW"):
    """One extent line in the strict form."""
    words = [access, str(count), keyword]
    if name is not None:
        words.append('"%s"' % name)
    if offset is not None:
        words.append(str(offset))
    return " ".join(words)


def raw_file(path, content, size=None):
    """A flat file with holes where the content is not data."""
    with open(path, "wb") as f:
        for run in content.data_runs():
            f.seek(run.start * c.SECTOR)
            f.write(run.bytes())
        f.truncate(content.size * c.SECTOR if size is None else size)


def flat(d, name, content, offset=0, access="RW", keyword="FLAT",
         after=0, line=None):
    """A flat extent in a file of its own, at an offset inside it."""
    parts = [c.full(offset, SEED_AROUND), content.base(),
             c.full(after, SEED_AROUND + 1)]
    whole = c.join(parts)
    raw_file(d.path(name), whole)
    shown = None if keyword == "VMFS" and not offset else offset
    text = line or extent_line(content.size, keyword, name, shown, access)
    return Part(text, content.base())


def vmfs(d, name, content, **options):
    """A flat extent as ESXi writes it."""
    return flat(d, name, content, keyword="VMFS", **options)


def sparse(d, name, content, access="RW", count=None, **options):
    """A hosted sparse extent without descriptor."""
    image = hosted_format.write(d.path(name), content, **options)
    return part_of(image, "SPARSE", name, access, count)


def stream(d, name, content, access="RW", count=None, **options):
    """A stream-optimized extent without descriptor."""
    image = stream_format.write(d.path(name), content, **options)
    return part_of(image, "SPARSE", name, access, count)


def cowd(d, name, content, access="RW", count=None, **options):
    """A COWD extent."""
    image = cowd_format.write(d.path(name), content, **options)
    return part_of(image, "VMFSSPARSE", name, access, count)


def sesparse(d, name, content, access="RW", count=None, **options):
    """A SESparse extent."""
    image = sesparse_format.write(d.path(name), content, **options)
    return part_of(image, "SESPARSE", name, access, count)


def part_of(image, keyword, name, access, count):
    size = image.content.size if count is None else count
    line = extent_line(size, keyword, name, None, access)
    return Part(line, image.content.slice(0, size), image)


def zero(count, name=None, access="RW"):
    """A ZERO extent."""
    return Part(extent_line(count, "ZERO", name, None, access),
                c.zeroes(count))


class Link:
    """One descriptor, its layer of the disk and the chain below it."""

    def __init__(self, path, layer, cid, parent=None):
        self.path = path
        self.name = os.path.basename(path)
        self.layer = layer
        self.cid = cid
        self.parent = parent

    @property
    def full(self):
        if self.parent is None:
            return self.layer
        return self.layer.over(self.parent.full)

    def expected(self):
        """What a client must see."""
        return self.full.base()


def parent_keys(path, parent, options):
    """Descriptor keywords that name the parent, unless given."""
    if parent is None:
        return options
    directory = os.path.dirname(path)
    keys = {"parent_cid": parent.cid,
            "hint": os.path.relpath(parent.path, directory)}
    keys.update(options)
    return keys


TYPES = {"SPARSE": "twoGbMaxExtentSparse", "FLAT": "monolithicFlat",
         "VMFS": "vmfs", "VMFSSPARSE": "vmfsSparse", "SESPARSE": "seSparse"}


def guess_type(parts):
    """A createType that suits the first extent line."""
    words = parts[0].line.split() if parts else []
    return TYPES.get(words[2] if len(words) > 2 else "", "custom")


def link(d, name, parts, parent=None, cid="0172e8a4", **options):
    """A link with a descriptor file of its own."""
    path = d.path(name)
    options.setdefault("create_type", guess_type(parts))
    keys = parent_keys(path, parent, options)
    text = descriptor.build([part.line for part in parts], cid=cid, **keys)
    with open(path, "wb") as f:
        f.write(text)
    layer = c.join([part.content for part in parts])
    made = Link(path, layer, cid, parent)
    made.parts = parts
    return made


def embedded_text(path, size, parent, cid, kind, words):
    """The descriptor inside a sparse file that is a whole link."""
    words = dict(words or {})
    name = words.pop("name", os.path.basename(path))
    access = words.pop("access", "RW")
    count = words.pop("count", size)
    lines = words.pop("lines", None)
    raw = words.pop("raw", None)
    words.setdefault("create_type", kind)
    keys = parent_keys(path, parent, words)
    if lines is None:
        lines = [extent_line(count, "SPARSE", name, None, access)]
    return descriptor.build(lines, cid=cid, **keys) if raw is None else raw


def mono(d, name, content, parent=None, cid="0172e8a4", words=None,
         **options):
    """A monolithic sparse link; words are for the descriptor."""
    path = d.path(name)
    text = embedded_text(path, content.size, parent, cid,
                         "monolithicSparse", words)
    image = hosted_format.write(path, content, descriptor=text, **options)
    made = Link(path, content, cid, parent)
    made.image = image
    return made


def streamed(d, name, content, parent=None, cid="0172e8a4", words=None,
             **options):
    """A stream-optimized link with its descriptor inside."""
    path = d.path(name)
    text = embedded_text(path, content.size, parent, cid,
                         "streamOptimized", words)
    image = stream_format.write(path, content, descriptor=text, **options)
    made = Link(path, content, cid, parent)
    made.image = image
    return made
