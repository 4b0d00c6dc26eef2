# SPDX-License-Identifier: BSD-3-Clause
"""What a descriptor, a parameter or the kind of an extent says against
writing: the disk is served read-only, one warning tells why, and no byte
of any file changes."""

from vmdkgen import content, cowd, descriptor, disk, hosted, refusal


SIZE = 3000


def data(seed):
    return content.pattern(SIZE, 128, "D.DD", seed)


def mono(sub, parent=None, **words):
    return disk.mono(sub, "d.vmdk", data(1), parent=parent, words=words)


def flat(sub, **words):
    part = disk.flat(sub, "d-flat.vmdk", content.full(SIZE, 2))
    return disk.link(sub, "d.vmdk", [part], **words)


def ddb(key, value):
    return descriptor.DDB + ((key, value),)


TRACKED = "changes are tracked (CBT"
FILTERS = "I/O filters of vSphere have state"
UNKNOWN = "its header has flags that are not known"

# label -> (maker, sentence, warnings of reading)
WORDS = {
    "version-3": (lambda sub: mono(sub, version=3), TRACKED, []),
    "flat-version-3": (lambda sub: flat(sub, version=3), TRACKED, []),
    "change-track": (lambda sub: mono(sub, change_track="d-ctk.vmdk"),
                     TRACKED, []),
    "flat-change-track": (lambda sub: flat(sub, change_track="d-ctk.vmdk"),
                          TRACKED, []),
    "version-2": (lambda sub: flat(sub, version=2),
                  "version=2, which may mean an encrypted disk",
                  ["version=2"]),
    "iofilters": (lambda sub: flat(sub, ddb=ddb("ddb.iofilters", "x")),
                  FILTERS, []),
    "sidecars": (lambda sub: mono(sub, ddb=ddb("ddb.sidecars",
                                               "x_1.vmfd,7;")),
                 FILTERS, []),
    "conflict": (lambda sub: flat(sub, extra=["CID=12345678"]),
                 "sets a key twice", ["set before"]),
    "conflict-ddb": (lambda sub: mono(sub, ddb=ddb("ddb.adapterType",
                                                   "ide")), None, []),
}


def kinds(d):
    """Extents that are not written to, or not with such a header."""
    sub = d.sub("sesparse")
    part = disk.sesparse(sub, "d-sesparse.vmdk",
                         content.pattern(SIZE, 8, "D.", 3))
    yield disk.link(sub, "d.vmdk", [part]), "space-efficient (SESparse)", []
    sub = d.sub("stream-flag-5")
    yield (disk.streamed(sub, "d.vmdk", data(4), flags=0x30001 | 1 << 5),
           UNKNOWN, [])
    sub = d.sub("stream-second")
    parts = [disk.sparse(sub, "a.vmdk", data(5)),
             disk.stream(sub, "b.vmdk", data(6), flags=0x30001 | 1 << 3)]
    yield disk.link(sub, "d.vmdk", parts), UNKNOWN, []
    sub = d.sub("header-3")
    yield (disk.mono(sub, "d.vmdk", data(7), version=3),
           "header has version 3", [])
    for bit in (3, 11, 15):
        sub = d.sub("flag-%d" % bit)
        yield (disk.mono(sub, "d.vmdk", data(8), flags=3 | 1 << bit),
               UNKNOWN, [])
    sub = d.sub("redundant-lost")
    link = disk.mono(sub, "d.vmdk", data(9))
    link.image.set_header("rgdOffset", 1 << 40)
    yield link, "promises a redundant grain directory", ["redundant"]
    sub = d.sub("capacity")
    large = content.join([data(10), content.empty(1 << 20)])
    part = disk.sparse(sub, "d-s001.vmdk", large, count=SIZE)
    yield disk.link(sub, "d.vmdk", [part]), "a much larger capacity", []
    for flags in (0, 1, 7):
        sub = d.sub("cowd-flags-%d" % flags)
        part = disk.cowd(sub, "d-delta.vmdk", data(11),
                         fields={"flags": flags})
        yield disk.link(sub, "d.vmdk", [part]), UNKNOWN, ["flags"]


def without_descriptor(d):
    bare = "an extent without its descriptor"
    sub = d.sub("bare-sparse")
    image = hosted.write(sub.path("d.vmdk"), data(12))
    yield sub, image, bare
    sub = d.sub("bare-cowd")
    image = cowd.write(sub.path("d.vmdk"), data(13))
    yield sub, image, bare


def chains(d):
    sub = d.sub("wrong-cid")
    parent = disk.mono(sub, "p.vmdk", data(14), cid="00abcdef")
    link = mono(sub, parent=parent, parent_cid="00abcdee")
    yield (link, "a parent be used that may not be the right one",
           ["expects the CID"], ["check-cid=false"])
    sub = d.sub("single-link")
    parent = disk.mono(sub, "p.vmdk", data(15), cid="00abcdef")
    link = mono(sub, parent=parent)
    link.parent = None          # what is served
    yield link, "single-link=true", [], ["single-link=true"]


def shared(d):
    """Two RW extents with a part of one file in common."""
    sub = d.sub("shared")
    one = disk.flat(sub, "d-flat.vmdk", content.full(SIZE, 16))
    lines = [disk.Part(disk.extent_line(2000, "FLAT", "d-flat.vmdk", 0),
                       one.content.slice(0, 2000)),
             disk.Part(disk.extent_line(1001, "FLAT", "d-flat.vmdk", 1999),
                       one.content.slice(1999, 1001))]
    return sub, disk.link(sub, "d.vmdk", lines)


def make(d):
    for label, (maker, sentence, warns) in WORDS.items():
        sub = d.sub(label)
        link = maker(sub)
        if sentence is None:
            refusal.check_writable(link.path)
            continue
        refusal.check(link.path, sentence)
        yield sub.serve(link, warns=warns)
    for link, sentence, warns in kinds(d):
        refusal.check(link.path, sentence)
        yield d.serve(link, warns=warns)
    for sub, image, sentence in without_descriptor(d):
        refusal.check(image.path, sentence)
        yield sub.serve("d.vmdk", image.content.base(),
                        warns=["a single extent"])
    for link, sentence, warns, params in chains(d):
        refusal.check(link.path, sentence, params)
        yield d.serve(link, warns=warns, params=params)
    sub, link = shared(d)
    refusal.check(link.path, "share a part of one file")
    yield sub.serve(link)
    # The control: none of the above.
    for maker in (mono, flat):
        refusal.check_writable(maker(d.sub("good-" + maker.__name__)).path)
