# SPDX-License-Identifier: BSD-3-Clause
"""The content ID: new once for each open that changes something, and
longContentID and VirtualBox's modification UUID with it, in place; nothing
else in the text changes.  An open that changes nothing, even for writing,
and an open with -r change no byte."""

import re

from vmdkgen import check, content, descriptor, disk, model, written
from vmdkgen.verify import Difference


SIZE = 3000
LONG = "00112233445566778899aabb0172e8a4"
UUID = "0b3cb8ed-e32e-4d1a-9e5c-8e4ff3f1a2b3"
DDB = descriptor.DDB + (
    ("ddb.longContentID", LONG), ("ddb.uuid.modification", UUID),
    ("ddb.uuid.image", "11111111-2222-3333-4444-555555555555"),
    ("ddb.comment", "CID=0172e8a4 as it was"))
WORDS = {"ddb": DDB, "extra": ["unknownKey=7", "#CID=0172e8a4"]}


def mono(sub, parent=None):
    return disk.mono(sub, "d.vmdk", content.pattern(SIZE, 128, "D.D", 67),
                     parent=parent, words=WORDS)


def flat(sub, parent=None):
    part = disk.flat(sub, "d-flat.vmdk", content.full(SIZE, 68))
    return disk.link(sub, "d.vmdk", [part], eol="\r\n", **WORDS)


def cowd(sub, parent=None):
    part = disk.cowd(sub, "d-delta.vmdk", content.empty(SIZE))
    return disk.link(sub, "d.vmdk", [part], parent=parent, **WORDS)


def short(sub, parent=None):
    """A CID with fewer digits, as qemu writes it, needs the same room."""
    part = disk.flat(sub, "d-flat.vmdk", content.full(SIZE, 69))
    return disk.link(sub, "d.vmdk", [part], cid="2e8a4", pad=99)


def masked(text):
    """The text without what changes."""
    text = re.sub(rb"(?m)^CID=[0-9a-f]+", b"CID=", text)
    text = re.sub(rb'(longContentID = ")[0-9a-f]+', rb"\1", text)
    return re.sub(rb'(uuid.modification = ")[-0-9a-f]+', rb"\1", text)


def ids(path):
    text = check.descriptor(path)
    return [text.keys.get(key, b"").decode().lower()
            for key in ("cid", "ddb.longcontentid", "ddb.uuid.modification")]


def changed(label, path, ops, parent_cid):
    """One open with these requests; the ID must change, and once."""
    before, text = ids(path), check.descriptor_bytes(path)
    with written.connected(path) as client:
        during = []
        for op in ops:
            for one, error in client.run([op]):
                model.judge(one, error)
            during.append(ids(path))
    after = ids(path)
    if any(one != after for one in during):
        raise Difference("%s: the content ID changed more than once, or "
                         "later than the first change" % label)
    wrong = [int(before[0], 16), 0xffffffff, 0xfffffffe, parent_cid]
    if int(after[0], 16) in wrong:
        raise Difference("%s: the new CID is %s" % (label, after[0]))
    for old, new in zip(before[1:], after[1:]):
        if old and (new == old or len(new) != len(old)):
            raise Difference("%s: %s became %s" % (label, old, new))
    if after[1] and after[1][-8:] != after[0].zfill(8):
        raise Difference("%s: CID %s, longContentID %s"
                         % (label, after[0], after[1]))
    found = check.descriptor_bytes(path)
    if masked(found) != masked(text):
        raise Difference("%s: more changed in the text:\n%r\n%r"
                         % (label, text, found))
    if label != "short" and len(found) != len(text):
        raise Difference("%s: the text has another length" % label)


def unchanged(label, link, readonly, ops):
    """One open that changes no byte of any file."""
    names = [link.path] + [name for name in check.files(link.path) if name]
    before = [written.digest(name) for name in names]
    with written.connected(link.path, readonly=readonly) as client:
        client.read_all(model.Model(link.expected().read(0, SIZE * 512)),
                        "as it was made")
        for op in ops:
            for one, error in client.run([op]):
                model.judge(one, error)
    if [written.digest(name) for name in names] != before:
        raise Difference("%s: changed by an open that changes nothing"
                         % label)


def make(d):
    write = model.Op("write", 5000, 999, 0, model.POOL[:999])
    zero, trim = model.Op("zero", 100, 99999), model.Op("trim", 0, 200000)
    flush = model.Op("flush")
    for maker, child in ((mono, False), (mono, True), (flat, False),
                         (cowd, False), (cowd, True), (short, False)):
        label = maker.__name__ + ("-child" if child else "")
        sub = d.sub(label)
        parent = None
        if child:
            parent = disk.mono(sub, "p.vmdk", content.full(SIZE, 70),
                               cid="00abcdef")
        link = maker(sub, parent)
        unchanged(label, link, True, [])
        unchanged(label, link, False, [flush])
        now = model.Model(link.expected().read(0, SIZE * 512))
        for ops in ([write], [zero, write], [trim, flush, write, write]):
            changed(label, link.path, ops, 0xabcdef)
            for op in ops:
                now.done(op)
        written.check_files(link.path, now.data)
        written.check_by_qemu(link.path, now.data, maker in (flat, short))
        yield sub.serve(link, written.Left(now.data))
