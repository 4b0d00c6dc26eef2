# SPDX-License-Identifier: BSD-3-Clause
"""Where parents are found: sub-directories, Windows hints, moved disks."""

import os

from vmdkgen import case, content, disk


UPPER = content.pattern(1024, 128, "D.Z.", 330)
LOWER = content.pattern(1024, 128, "DDDDDDD", 331)


def pair(sub, place, hint):
    """The parent at this place, named so by the child."""
    sub.sub(os.path.dirname(place) or ".")
    base = disk.mono(sub, place, LOWER, cid="00000042")
    return disk.mono(sub, "top.vmdk", UPPER, parent=base,
                     words={"hint": hint})


HINTS = {
    "bare": ("base.vmdk", "base.vmdk"),
    "dot": ("base.vmdk", "./base.vmdk"),
    "sub-directory": ("a/b/base.vmdk", "a/b/base.vmdk"),
    "dots-that-stay-inside": ("base.vmdk", "a/../base.vmdk"),
    "windows-relative": ("a/base.vmdk", "a\\base.vmdk"),
    "windows-absolute": ("base.vmdk", "C:\\VMs\\win\\base.vmdk"),
    "windows-slashes": ("base.vmdk", "D:/VMs/win/base.vmdk"),
    "unc": ("base.vmdk", "\\\\server\\share\\base.vmdk"),
    "vmfs": ("base.vmdk", "/vmfs/volumes/5f3e-11/vm/base.vmdk"),
    "spaces": ("my base.vmdk", "my base.vmdk"),
}


def make(d):
    for label, (place, hint) in HINTS.items():
        sub = d.sub(label)
        if label.startswith("dots"):
            sub.sub("a")
        yield sub.serve(pair(sub, place, hint))

    sub = d.sub("grandparent-up-and-inside")
    base = disk.mono(sub, "base.vmdk", LOWER, cid="00000041")
    sub.sub("m")
    middle = disk.mono(sub, "m/middle.vmdk", content.pattern(
        1024, 128, "..D", 332), parent=base, cid="00000042")
    yield sub.serve(disk.mono(sub, "top.vmdk", UPPER, parent=middle))

    sub = d.sub("opened-through-symbolic-link")
    top = pair(sub.sub("real"), "base.vmdk", "base.vmdk")
    os.symlink("real/top.vmdk", sub.path("shown.vmdk"))
    yield sub.serve("shown.vmdk", top.expected())

    sub = d.sub("relative-path")
    top = pair(sub, "base.vmdk", "base.vmdk")
    yield case.Served("top.vmdk", top.expected(), cwd=sub.dir,
                      label="relative-path")

    sub = d.sub("missing")
    top = pair(sub, "base.vmdk", "lost/base.vmdk")
    os.unlink(sub.path("base.vmdk"))
    yield sub.refuse(top, "top.vmdk", "lost/base.vmdk", "search=")

    # A wrong CID at the recorded place is not a reason to look elsewhere.
    sub = d.sub("wrong-at-recorded-place")
    top = pair(sub, "base.vmdk", "a/base.vmdk")
    sub.sub("a")
    disk.mono(sub, "a/base.vmdk", LOWER, cid="00000043")
    yield sub.refuse(top, "00000042", "00000043")

    sub = d.sub("raw-is-no-parent")
    top = pair(sub, "base.vmdk", "base.vmdk")
    disk.raw_file(sub.path("base.vmdk"), LOWER)
    yield sub.refuse(top, "base.vmdk")

    for label, hint in (("nbd", "nbd://host/export"), ("json", "json:{}"),
                        ("vsan", "vsan://1234"), ("empty", "")):
        sub = d.sub("scheme-" + label)
        top = pair(sub, "base.vmdk", hint)
        yield sub.refuse(top, "top.vmdk")
