# SPDX-License-Identifier: BSD-3-Clause
"""search=DIR, repeatable, finds moved parents and extents by base name."""

from vmdkgen import content, disk


UPPER = content.pattern(1024, 128, "D.Z.", 340)
LOWER = content.pattern(1024, 128, "DDDDDDD", 341)


def apart(d, label, hint, place="old"):
    """A child in vm/, its parent in another directory beside."""
    sub = d.sub(label)
    vm, old = sub.sub("vm"), sub.sub(place)
    base = disk.mono(old, "base.vmdk", LOWER, cid="00000042")
    top = disk.mono(vm, "top.vmdk", UPPER, parent=base,
                    words={"hint": hint(base)} if hint else None)
    return sub, vm, old, top


def make(d):
    for label, hint in (
            ("relative-outside", None),
            ("absolute", lambda base: base.path),
            ("moved", lambda base: "/vmfs/volumes/x/vm/base.vmdk"),
            ("windows", lambda base: "E:\\x\\base.vmdk")):
        sub, vm, old, top = apart(d, label + "-refused", hint)
        yield vm.refuse(top, "top.vmdk", "base.vmdk", "search=",
                        label=label + "-refused")
        sub, vm, old, top = apart(d, label, hint)
        yield vm.serve(top, params=["search=" + old.dir], label=label)

    sub, vm, old, top = apart(d, "second-directory", None)
    none = sub.sub("none")
    yield vm.serve(top, params=["search=" + none.dir, "search=" + old.dir],
                   label="second-directory")

    sub, vm, old, top = apart(d, "not-in-any", lambda base: "gone.vmdk")
    yield vm.refuse(top, "gone.vmdk", "search=", old.dir,
                    params=["search=" + old.dir], label="not-in-any")

    sub, vm, old, top = apart(d, "relative-search", None)
    yield vm.serve(top, params=["search=old"], cwd=sub.dir,
                   label="relative-search")

    sub, vm, old, top = apart(d, "no-such-directory", None)
    yield vm.refuse(top, "nowhere", params=["search=" + sub.path("nowhere")],
                    label="no-such-directory")

    sub = d.sub("moved-extent")
    vm, old = sub.sub("vm"), sub.sub("old")
    part = disk.flat(old, "d-flat.vmdk", LOWER)
    link = disk.link(vm, "d.vmdk", [part])
    yield vm.serve(link, params=["search=" + old.dir], label="moved-extent")
    yield vm.refuse(link, "d.vmdk", "d-flat.vmdk", "search=",
                    label="moved-extent-refused")

    sub = d.sub("absolute-extent")
    vm, old = sub.sub("vm"), sub.sub("old")
    part = disk.flat(old, "d-flat.vmdk", LOWER)
    part.line = disk.extent_line(1024, "FLAT", old.path("d-flat.vmdk"), 0)
    link = disk.link(vm, "d.vmdk", [part])
    yield vm.serve(link, params=["search=" + old.dir],
                   label="absolute-extent")

    # The extents of a parent found so are beside the parent.
    sub = d.sub("parent-with-extents")
    vm, old = sub.sub("vm"), sub.sub("old")
    part = disk.flat(old, "base-flat.vmdk", LOWER)
    base = disk.link(old, "base.vmdk", [part])
    top = disk.mono(vm, "top.vmdk", UPPER, parent=base)
    yield vm.serve(top, params=["search=" + old.dir],
                   label="parent-with-extents")
