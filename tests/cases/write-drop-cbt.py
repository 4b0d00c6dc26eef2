# SPDX-License-Identifier: BSD-3-Clause
"""drop-cbt=true: the first write to a disk whose changes are tracked removes
the tracking from its descriptor, and nothing else but the content ID; the
disk is then like any other.  Without a write nothing changes, nor with -r;
what else speaks against writing still does."""

import re

from vmdkgen import (check, content, descriptor, disk, model, refusal,
                     written)
from vmdkgen.verify import Difference


SIZE = 3000
DROP = ["drop-cbt=true"]


def mono(sub, **words):
    return disk.mono(sub, "d.vmdk", content.pattern(SIZE, 128, "D.D", 51),
                     words=words)


def flat(sub, **words):
    part = disk.flat(sub, "d-flat.vmdk", content.full(SIZE, 52))
    return disk.link(sub, "d.vmdk", [part], **words)


def remaining(text):
    """The lines that say something, without the content ID."""
    lines = [line.rstrip(b"\r \t") for line in text.rstrip(b"\0").split(b"\n")]
    said = [line for line in lines
            if line and not re.fullmatch(rb"#\s*", line)]
    return [re.sub(rb"^(CID *=).*", rb"\1", line) for line in said]


def untracked(lines):
    """The same without tracking."""
    gone = (b"changeTrackPath", b"# Change Tracking File")
    lines = [line for line in lines if not line.startswith(gone)]
    return [re.sub(rb"^(version *= *)3$", rb"\g<1>1", line)
            for line in lines]


def unchanged(link, readonly, ops):
    names = [link.path] + [name for name in check.files(link.path) if name]
    before = [written.digest(name) for name in names]
    with written.connected(link.path, DROP, readonly=readonly) as client:
        for op in ops:
            for one, error in client.run([op]):
                model.judge(one, error)
    if [written.digest(name) for name in names] != before:
        raise Difference("%s: changed without a write" % link.path)


def dropped(link):
    """Write once; returns what the disk holds then."""
    before = check.descriptor_bytes(link.path)
    now = model.Model(link.expected().read(0, SIZE * 512))
    op = model.Op("write", 700, 5000, 0, model.POOL[:5000])
    with written.connected(link.path, DROP) as client:
        for one, error in client.run([op]):
            model.judge(one, error)
        now.done(op)
        client.read_all(now, "after the write")
    after = check.descriptor_bytes(link.path)
    if len(before) != len(after):
        raise Difference("the descriptor has another length")
    want = untracked(remaining(before))
    if remaining(after) != want:
        raise Difference("lines: expected %s, found %s"
                         % (want, remaining(after)))
    if re.search(rb"(?i)changetrackpath|version\s*=\s*3", after):
        raise Difference("tracking is left: %r" % after)
    return now


def make(d):
    track = "d-ctk.vmdk"
    for label, maker, words in (
            ("version", mono, {"version": 3}),
            ("path", mono, {"change_track": track}),
            ("both", mono, {"version": 3, "change_track": track}),
            ("flat", flat, {"version": 3, "change_track": track}),
            ("crlf", flat, {"version": 3, "change_track": track,
                            "eol": "\r\n"}),
            ("spaces", flat, {"version": 3, "change_track": track,
                              "equals": " = "}),
            ("none", mono, {})):
        sub = d.sub(label)
        link = maker(sub, **words)
        if words:
            refusal.check(link.path, "changes are tracked (CBT")
        unchanged(link, True, [])
        unchanged(link, False, [model.Op("flush")])
        now = dropped(link)
        refusal.check_writable(link.path)       # now and for ever
        now.data[1024:1536] = b"w" * 512
        written.check_files(link.path, now.data)
        if label != "spaces":           # which qemu does not read
            written.check_by_qemu(link.path, now.data, maker is flat)
        yield sub.serve(link, written.Left(now.data))
    # The rest still counts.
    sub = d.sub("iofilters")
    filters = descriptor.DDB + (("ddb.iofilters", "x"),)
    link = mono(sub, version=3, ddb=filters)
    refusal.check(link.path, "I/O filters", DROP)
    yield sub.serve(link, params=DROP)
