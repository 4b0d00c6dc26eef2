# SPDX-License-Identifier: BSD-3-Clause
"""Files outside the directory of the disk are never opened."""

import os

from vmdkgen import case, content, disk


SECRET = content.full(1024, 350)


def extent(sub, name, keyword="FLAT"):
    """A disk whose one extent has this name."""
    offset = 0 if keyword == "FLAT" else None
    line = disk.extent_line(1024, keyword, name, offset)
    return disk.link(sub, "d.vmdk", [disk.Part(line, SECRET)])


def make(d):
    outside = d.sub("outside")
    disk.raw_file(outside.path("secret.raw"), SECRET)
    disk.mono(outside, "secret.vmdk", SECRET, cid="00000001")

    for label, name in (
            ("absolute", outside.path("secret.raw")),
            ("up", "../outside/secret.raw"),
            ("down-and-up", "x/../../outside/secret.raw"),
            ("passwd", "/etc/passwd"),
            ("device", "/dev/zero"),
            ("proc", "/proc/self/environ"),
            ("link-to-file", "file-link"),
            ("link-to-directory", "dir-link/secret.raw"),
            ("absolute-link", "absolute-link")):
        sub = d.sub("extent-" + label)
        sub.sub("x")
        os.symlink("../outside/secret.raw", sub.path("file-link"))
        os.symlink("../outside", sub.path("dir-link"))
        os.symlink("/etc/passwd", sub.path("absolute-link"))
        yield sub.refuse(extent(sub, name), "d.vmdk", name)

    for label, hint in (
            ("up", "../outside/secret.vmdk"),
            ("absolute", outside.path("secret.vmdk")),
            ("link", "parent-link.vmdk")):
        sub = d.sub("parent-" + label)
        os.symlink("../outside/secret.vmdk", sub.path("parent-link.vmdk"))
        top = disk.mono(sub, "d.vmdk", content.empty(1024), words={
            "parent_cid": "00000001", "hint": hint})
        yield sub.refuse(top, "d.vmdk", hint, "search=")

    for label, keyword in (("flat", "FLAT"), ("sparse", "SPARSE")):
        sub = d.sub("fifo-" + label)
        os.mkfifo(sub.path("f"))
        yield sub.refuse(extent(sub, "f", keyword), "d.vmdk", "regular")
        sub = d.sub("directory-" + label)
        os.mkdir(sub.path("f"))
        yield sub.refuse(extent(sub, "f", keyword), "d.vmdk")

    sub = d.sub("socket")
    case.make_socket(sub.path("f"))
    yield sub.refuse(extent(sub, "f"), "d.vmdk", "f")

    sub = d.sub("disk-is-a-directory")
    os.mkdir(sub.path("d.vmdk"))
    yield sub.refuse("d.vmdk", "d.vmdk")
    sub = d.sub("disk-is-a-fifo")
    os.mkfifo(sub.path("d.vmdk"))
    yield sub.refuse("d.vmdk", "d.vmdk", "regular")
    sub = d.sub("disk-is-missing")
    yield sub.refuse("d.vmdk", "d.vmdk", "No such file")

    sub = d.sub("link-that-stays-inside")
    disk.raw_file(sub.path("real.raw"), SECRET)
    os.symlink("real.raw", sub.path("shown.raw"))
    yield sub.serve(extent(sub, "shown.raw"))

    sub = d.sub("dots-that-stay-inside")
    disk.raw_file(sub.path("real.raw"), SECRET)
    sub.sub("x")
    yield sub.serve(extent(sub, "x/../real.raw"))
