# SPDX-License-Identifier: BSD-3-Clause
"""Names of extents and parents in any declared or undeclared charset."""

import os

from vmdkgen import content, disk


DATA = content.pattern(1024, 128, "DD.D", 120)

# label: (charset in the descriptor, Python codec, name)
CHARSETS = {
    "utf-8": ("UTF-8", "utf-8", "b\u00fcro-\u8868-\U0001f4be"),
    "utf-8-lower": ("utf-8", "utf-8", "\u00e9"),
    "windows-1252": ("windows-1252", "cp1252", "\u00e9t\u00e9-\u20ac"),
    "shift-jis": ("Shift_JIS", "shift_jis", "\u8868\u30bd\u80fd"),
    "gbk": ("GBK", "gbk", "\u4e2d\u6587-\u8a88\u300d"),
    "big5": ("Big5", "big5", "\u529f\u8a31\u84cb"),
}


def served(sub, codec, name, on_disk, **words):
    """A disk whose extent line has the encoded name."""
    path = os.fsencode(sub.dir) + b"/" + on_disk
    disk.flat(sub, "made.raw", DATA)
    os.rename(sub.path("made.raw"), path)
    line = disk.extent_line(1024, "FLAT", name, 0)
    return sub.serve(disk.link(sub, "d.vmdk", [disk.Part(line, DATA.base())],
                               charset=codec, **words))


def make(d):
    for label, (charset, codec, stem) in CHARSETS.items():
        name = stem + ".raw"
        yield served(d.sub(label), codec, name, name.encode(),
                     encoding=charset)
        yield served(d.sub(label + "-in-ddb"), codec, name, name.encode(),
                     ddb=(("ddb.encoding", charset),))
        # The file kept its old bytes: these are tried second.
        yield served(d.sub(label + "-raw-bytes"), codec, name,
                     name.encode(codec), encoding=charset)
        yield served(d.sub(label + "-undeclared"), codec, name,
                     name.encode(codec))
        yield parent(d.sub(label + "-parent"), charset, codec, name)

    yield served(d.sub("header-wins"), "cp1252", "\u00e9.raw",
                 "\u00e9.raw".encode(), encoding="windows-1252",
                 ddb=(("ddb.encoding", "Shift_JIS"),))
    yield served(d.sub("unknown-charset"), "cp1252", "\u00e9.raw", b"\xe9.raw",
                 encoding="no-such-charset")
    yield served(d.sub("spaces"), "utf-8", " a  b .raw", b" a  b .raw")
    yield served(d.sub("odd-ascii"), "utf-8", "it's (1) %s #2;&.raw",
                 b"it's (1) %s #2;&.raw")
    yield served(d.sub("leading-dash"), "utf-8", "-rf.raw", b"-rf.raw")


def parent(sub, charset, codec, name):
    """A Windows-style hint whose name has 0x5c as a trail byte."""
    base = disk.mono(sub, name, content.full(1024, 121), cid="00000077")
    hint = "C:\\vms\\" + name
    return sub.serve(disk.mono(sub, "top.vmdk", DATA, parent=base, words={
        "hint": hint, "encoding": charset, "charset": codec}))
