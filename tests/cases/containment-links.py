# SPDX-License-Identifier: BSD-3-Clause
"""A symbolic link in the place of any part of a long path leads nowhere
outside the directory of the disk, and anywhere inside; a hard link is a file
like any other."""

import os

from vmdkgen import content, disk


SECRET = content.full(1024, 351)
PARTS = ("a", "b", "c", "file")
NAME = "/".join(PARTS)


def fill(d, kind):
    """The file a/b/c/file: a flat extent, or a parent."""
    deep = d.sub("a/b/c")
    if kind == "extent":
        disk.raw_file(deep.path("file"), SECRET)
    else:
        disk.mono(deep, "file", SECRET, cid="00000001")


def top(sub, kind, name=NAME):
    """A disk whose extent or parent has this name."""
    if kind == "extent":
        line = disk.extent_line(1024, "FLAT", name, 0)
        return disk.link(sub, "d.vmdk", [disk.Part(line, SECRET)])
    return disk.mono(sub, "d.vmdk", content.empty(1024),
                     words={"parent_cid": "00000001", "hint": name})


def replace(sub, number, target):
    """Let part NUMBER of the path be a link to TARGET."""
    above = "/".join(PARTS[:number])
    if above:
        sub.sub(above)
    os.symlink(target, os.path.join(sub.dir, above, PARTS[number]))


def says(kind, name):
    what = "the extent of line 8" if kind == "extent" else "the parent"
    return ('%s is recorded as "%s", which leads outside the directory of '
            "the disk (as every absolute symbolic link does), so it is not "
            "opened" % (what, name), "search=DIR")


def at_each_part(d, kind):
    outside = d.sub("outside-" + kind)
    fill(outside, kind)
    for number in range(len(PARTS)):
        below = "/".join(PARTS[:number + 1])
        up = "../" * number

        sub = d.sub("%s-relative-%d" % (kind, number))
        replace(sub, number, up + "../outside-%s/%s" % (kind, below))
        yield sub.refuse(top(sub, kind), "d.vmdk", *says(kind, NAME))

        sub = d.sub("%s-absolute-%d" % (kind, number))
        replace(sub, number, outside.path(below))
        yield sub.refuse(top(sub, kind), "d.vmdk", *says(kind, NAME))

        sub = d.sub("%s-root-%d" % (kind, number))
        replace(sub, number, "/proc/self/root" + outside.path(below))
        yield sub.refuse(top(sub, kind), "d.vmdk", *says(kind, NAME))

        # Out, and in again by the name of the directory.
        sub = d.sub("%s-out-and-in-%d" % (kind, number))
        fill(sub.sub("real"), kind)
        replace(sub, number, up + "../%s/real/%s" % (
            os.path.basename(sub.dir), below))
        yield sub.refuse(top(sub, kind), "d.vmdk", *says(kind, NAME))

        # The target of a link is never taken for a path of the host.
        sub = d.sub("%s-absolute-inside-%d" % (kind, number))
        fill(sub.sub("real"), kind)
        replace(sub, number, sub.path("real/" + below))
        yield sub.refuse(top(sub, kind), "d.vmdk", *says(kind, NAME))

        sub = d.sub("%s-inside-%d" % (kind, number))
        fill(sub.sub("real"), kind)
        replace(sub, number, up + "real/" + below)
        yield sub.serve(top(sub, kind), SECRET)


def chains_of_links(d, kind):
    """Links to links, of which only the last leads out, or to each other."""
    fill(d.sub("outside-more-" + kind), kind)
    sub = d.sub(kind + "-by-way-of-others")
    for number in range(10):
        os.symlink("l%d" % (number + 1), sub.path("l%d" % number))
    os.symlink("../outside-more-%s/%s" % (kind, NAME), sub.path("l10"))
    yield sub.refuse(top(sub, kind, "l0"), "d.vmdk", *says(kind, "l0"))

    sub = d.sub(kind + "-loop")
    os.symlink("two", sub.path("one"))
    os.symlink("one", sub.path("two"))
    yield sub.refuse(top(sub, kind, "one"), "d.vmdk", 'recorded as "one"',
                     "Too many levels of symbolic links")


def hard_links(d, kind):
    """There is no telling which name of a file was the first: that in the
    directory of the disk is as good as the others."""
    outside = d.sub("outside-hard-" + kind)
    fill(outside, kind)
    sub = d.sub(kind + "-hard-link")
    os.link(outside.path(NAME), sub.path("shown"))
    yield sub.serve(top(sub, kind, "shown"), SECRET)


def make(d):
    for kind in "extent", "parent":
        yield from at_each_part(d, kind)
        yield from chains_of_links(d, kind)
        yield from hard_links(d, kind)

    # An absolute name is good if it is that of a file inside.
    for kind in "extent", "parent":
        sub = d.sub(kind + "-absolute-name")
        fill(sub, kind)
        yield sub.serve(top(sub, kind, sub.path(NAME)), SECRET)
