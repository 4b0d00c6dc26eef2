# SPDX-License-Identifier: BSD-3-Clause
"""Hostile parents: the rows of vmdk-format.md 11.1 about parentFileNameHint
and about parents that are no VMDK.

That 256 links are served is in chain-depth.py; the other rows of 11.1 are in
hostile-descriptor.py and hostile-extents.py.
"""

import os

from vmdkgen import content, disk, wording

HOSTILE = True
SIZE = 1024
UPPER = content.pattern(SIZE, 128, "D.Z.", 720)
LOWER = content.full(SIZE, 721)
CID = "0000beef"
URI = ('<disk>: expected the path of a file as parentFileNameHint, found "%s", '
       "which looks like a URI: it is not opened")
BAD_HINT = "a path of at most 4096 bytes and without control bytes"
LOOP = ("<dir>/%s: its parent <dir>/%s is in the chain already: the chain is "
        "a loop")
NO_HINT = ("<disk>: it has a parent (parentCID is not ffffffff), but no "
           "parentFileNameHint says which: add the line to the descriptor; "
           "single-link=true serves this link alone")
NO_CID = ("<disk>: expected a parentCID beside the parentFileNameHint, found "
          "none: without it nothing tells whether the parent is the right "
          "one; check-cid=false serves the disk all the same, "
          "single-link=true this link alone")
FLAT_CHILD = ("<disk>: it has flat extents and a parent (parentCID is not "
              "ffffffff), but flat extents leave nothing to a parent: the "
              "descriptor is wrong; single-link=true serves this link alone")
OTHER_CID = ("<disk>: content ID mismatch: expected CID %s (parentCID) in the "
             "parent <dir>/%s, found %s: the parent has been modified since "
             "this link was made, or is another disk; check-cid=false serves "
             "it all the same, read-only")
OTHER_SIZE = ("<disk>: expected a parent of the same capacity, %d sectors, "
              "found %d sectors in <dir>/%s: they do not belong together")
NO_VMDK = ("<dir>/%s: expected a VMDK, found neither a descriptor nor the "
           "signature of an extent; if this is the data of a flat disk "
           "(-flat.vmdk), name the descriptor that belongs to it, or serve it "
           "with the file plugin")
BARE = ("<dir>/%s: this is a single extent without its descriptor: what it "
        "does not hold reads as zeroes, although a parent or other extents "
        "may belong to it; if there is a descriptor, name that")
CONFLICT = ("its descriptor sets a key twice, to different values: remove "
            "one of the two lines")


def child(sub, hint, **words):
    """A link that names its parent so."""
    return disk.mono(sub, "d.vmdk", UPPER, words=dict(
        {"parent_cid": CID, "hint": hint}, **words))


def outside(d):
    for label, hint, tried in (
            ("up", "../outside/secret.vmdk",
             ["../outside/secret.vmdk", "secret.vmdk"]),
            ("down-and-up", "x/../../outside/secret.vmdk",
             ["x/../../outside/secret.vmdk", "secret.vmdk"]),
            ("link", "link.vmdk", ["link.vmdk"]),
            ("absolute", "/etc/passwd", ["passwd"]),
            ("device", "/dev/zero", ["zero"]),
            ("proc", "/proc/self/mem", ["mem"]),
            ("unc", "//host/share/x.vmdk", ["x.vmdk"]),
            ("drive", "C:/x.vmdk", ["C:/x.vmdk", "x.vmdk"])):
        top = d.sub(label)
        disk.mono(top.sub("outside"), "secret.vmdk", LOWER, cid=CID)
        sub = top.sub("disk")
        sub.sub("x")
        os.symlink("../outside/secret.vmdk", sub.path("link.vmdk"))
        tell = wording.missing if label == "drive" else wording.outside
        yield sub.refuse(child(sub, hint), label=label, exact=tell(
            "the parent", hint, ["<dir>/" + one for one in tried]))
    for hint in ("nbd://localhost/x", "nbd:unix:/run/s", "json:{}",
                 "file:///etc/passwd", "file:/etc/passwd", "fat:rw:/etc",
                 "vsan://1234", "ssh://host/x"):
        sub = d.sub("uri-" + hint[:8].replace("/", "-"))
        yield sub.refuse(child(sub, hint), exact=URI % hint)


def odd_hints(d):
    for label, hint in (("escape", "\x1b[2Jbase.vmdk"),
                        ("return", "ba\rse.vmdk"), ("delete", "b\x7f.vmdk"),
                        ("of-4097", "n" * 4097)):
        sub = d.sub("hint-" + label)
        yield sub.refuse(child_with_file(sub, hint), exact=wording.key(
            "parentFileNameHint", BAD_HINT, hint))
    for label, hint, tried in (
            ("of-256", "n" * 256, ["n" * 256]),
            ("of-4096", "n" * 4096, ["n" * 4096]),
            ("of-4096-with-slashes", "a/" * 2047 + "bb",
             ["a/" * 2047 + "bb", "bb"])):
        sub = d.sub("hint-" + label)
        yield sub.refuse(child_with_file(sub, hint), exact=wording.missing(
            "the parent", hint, ["<dir>/" + wording.quoted(one)
                                 for one in tried]))
    sub = d.sub("no-hint")
    yield sub.refuse(child(sub, None), exact=NO_HINT)
    sub = d.sub("empty-hint")
    yield sub.refuse(child(sub, ""), exact=NO_HINT)
    sub = d.sub("no-parent-cid")
    yield sub.refuse(child(sub, "base.vmdk", parent_cid=None), exact=NO_CID)
    sub = d.sub("hint-without-parent")
    yield sub.serve(disk.mono(sub, "d.vmdk", UPPER, words={
        "hint": "/etc/shadow"}), warns=[
            "<disk>: parentFileNameHint is ignored, since parentCID=ffffffff "
            "says that there is no parent"])
    sub = d.sub("second-hint")
    base = disk.mono(sub, "base.vmdk", LOWER, cid=CID)
    second = 'parentFileNameHint="/etc/shadow"'
    yield sub.serve(
        disk.mono(sub, "d.vmdk", UPPER, base, words={"extra": [second]}),
        reason=CONFLICT, warns=[wording.odd_line(
            7, "the key was set before; this value is ignored", second)])
    sub = d.sub("flat-child")
    part = disk.flat(sub, "d.raw", LOWER)
    yield sub.refuse(disk.link(sub, "d.vmdk", [part], parent_cid=CID,
                               hint="/etc/shadow"), exact=FLAT_CHILD)


def child_with_file(sub, hint):
    """A link whose descriptor has no limit of its own."""
    part = disk.sparse(sub, "s.vmdk", UPPER)
    return disk.link(sub, "d.vmdk", [part], parent_cid=CID, hint=hint)


def loops(d):
    for count in (1, 2, 3, 200):
        sub = d.sub("ring-of-%d" % count)
        names = ["d.vmdk"] + ["l%d.vmdk" % i for i in range(1, count)]
        for i, name in enumerate(names):
            disk.mono(sub, name, UPPER, cid=CID, words={
                "parent_cid": CID, "hint": names[(i + 1) % count]})
        yield sub.refuse("d.vmdk", exact=LOOP % (names[-1], "d.vmdk"))
    for label, maker in (("hard", os.link), ("symbolic", os.symlink)):
        sub = d.sub("ring-through-%s-link" % label)
        disk.mono(sub, "d.vmdk", UPPER, cid=CID, words={
            "parent_cid": CID, "hint": "e.vmdk"})
        maker("d.vmdk" if maker is os.symlink else sub.path("d.vmdk"),
              sub.path("e.vmdk"))
        yield sub.refuse("d.vmdk", exact=LOOP % ("d.vmdk", "e.vmdk"))
    # Each link fits its parent; it is their number that is too large.
    sub = d.sub("a-link-too-many")
    top = None
    for i in range(257):
        top = disk.mono(sub, "l%d.vmdk" % i, content.empty(8), parent=top,
                        grain=8, cid="%08x" % (i + 1), redundant=False)
    yield sub.refuse(top, exact="<dir>/l1.vmdk: the chain has more than 256 "
                                "links")


def no_disks(d):
    """What a guest can write into a raw disk must not make it a parent."""
    for label, data in (("raw", b"\xaa\x55" * 512), ("zeroes", bytes(4096)),
                        ("qcow2", b"QFI\xfb\0\0\0\3" + bytes(4096)),
                        ("mbr", bytes(510) + b"\x55\xaa" + bytes(3584))):
        sub = d.sub("parent-is-" + label)
        sub.write("base.vmdk", data)
        yield sub.refuse(child(sub, "base.vmdk"),
                         exact=NO_VMDK % "base.vmdk")
    # A header that a guest wrote into its raw disk has no content ID.
    sub = d.sub("parent-is-a-bare-extent")
    disk.sparse(sub, "base.vmdk", LOWER)
    yield sub.refuse(child(sub, "base.vmdk"), warns=[BARE % "base.vmdk"],
                     exact=OTHER_CID % (CID, "base.vmdk", "none"))
    sub = d.sub("parent-has-another-cid")
    disk.mono(sub, "base.vmdk", LOWER, cid="0000bee0")
    yield sub.refuse(child(sub, "base.vmdk"), exact=OTHER_CID % (
        CID, "base.vmdk", "0000bee0"))
    sub = d.sub("parent-has-another-capacity")
    disk.mono(sub, "base.vmdk", content.full(SIZE - 1, 722), cid=CID)
    yield sub.refuse(child(sub, "base.vmdk"), exact=OTHER_SIZE % (
        SIZE, SIZE - 1, "base.vmdk"))
    sub = d.sub("parent-is-a-fifo")
    os.mkfifo(sub.path("base.vmdk"))
    yield sub.refuse(child(sub, "base.vmdk"), exact=wording.special(
        "the parent", "base.vmdk", "base.vmdk"))
    sub = d.sub("parent-is-a-directory")
    sub.sub("base.vmdk")
    yield sub.refuse(child(sub, "base.vmdk"), exact=wording.special(
        "the parent", "base.vmdk", "base.vmdk"))
    sub = d.sub("parent-is-a-device")
    yield sub.refuse(child(sub, "/dev/zero"), params=["search=/dev"],
                     exact=wording.special("the parent", "/dev/zero",
                                           "zero"))


def make(d):
    for group in (outside, odd_hints, loops, no_disks):
        yield from group(d)
