# SPDX-License-Identifier: BSD-3-Clause
"""create-parent=FILE over a disk of every kind: the child's bytes are as
they must be, it reads as its parent does, and the parent stays as it was."""

import hashlib
import os
import random
import subprocess

import created
from vmdkgen import content, disk, verify


SIZE = 40 * 256
TYPES = ("monolithic-sparse", "split-sparse", "vmfs-sparse")
# What the generator writes into each descriptor.
HW, ADAPTER, GEOMETRY = 7, "lsilogic", (203, 16, 63)


def data(rng, seed, letters="DD.Z."):
    return content.mixture(SIZE, 128, rng, seed, letters)


def flat(sub, rng, **keys):
    part = disk.flat(sub, "parent-flat.vmdk", data(rng, 31, "DD."))
    return disk.link(sub, "parent.vmdk", [part], **keys)


def vmfs(sub, rng, **keys):
    part = disk.vmfs(sub, "parent-flat.vmdk", data(rng, 32, "DD."))
    return disk.link(sub, "parent.vmdk", [part], **keys)


def mono(sub, rng, **keys):
    return disk.mono(sub, "parent.vmdk", data(rng, 33), **keys)


def streamed(sub, rng, **keys):
    return disk.streamed(sub, "parent.vmdk", data(rng, 34), **keys)


def cowd(sub, rng, **keys):
    part = disk.cowd(sub, "parent-delta.vmdk", data(rng, 35, "DD."),
                     grain=128)
    return disk.link(sub, "parent.vmdk", [part], **keys)


def sesparse(sub, rng, **keys):
    part = disk.sesparse(sub, "parent-sesparse.vmdk", data(rng, 36))
    return disk.link(sub, "parent.vmdk", [part], **keys)


def pieces(sub, rng, **keys):
    whole = data(rng, 37)
    cuts = (0, 2048, 7168, SIZE)
    parts = [disk.sparse(sub, "parent-s%d.vmdk" % i,
                         whole.slice(low, high - low))
             for i, (low, high) in enumerate(zip(cuts, cuts[1:]))]
    return disk.link(sub, "parent.vmdk", parts, **keys)


PARENTS = (flat, vmfs, mono, streamed, cowd, sesparse, pieces)


def digests(directory):
    found = {}
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), "rb") as f:
            found[name] = hashlib.sha256(f.read()).digest()
    return found


def create(sub, kind, parent, name, *more):
    """nbdkit makes the child and serves it to nobody."""
    before = digests(sub.dir)
    done = subprocess.run(
        ["nbdkit", "-U", "-", "vmdk", "create=true", "create-type=" + kind,
         "create-parent=" + parent, sub.path(name), *more, "--run", "true"],
        check=False, stderr=subprocess.PIPE)
    if done.returncode or done.stderr:
        raise verify.Difference("nbdkit: status %d, %s" % (
            done.returncode, done.stderr.decode(errors="replace")))
    after = digests(sub.dir)
    for path in before:
        if before[path] != after[path]:
            raise verify.Difference("%s was changed" % path)


def make(d):
    rng = random.Random(41)
    for parent in PARENTS:
        for i, kind in enumerate(TYPES):
            sub = d.sub("%s-%s" % (parent.__name__, kind))
            made = parent(sub, rng, cid="%08x" % (0x1234abc + i))
            create(sub, kind, made.path, "child.vmdk")
            created.check(kind, SIZE, HW, ADAPTER, sub.path("child.vmdk"),
                          made.cid, "parent.vmdk", GEOMETRY)
            # Nobody's data: qemu takes SESparse parents too.
            yield sub.serve("child.vmdk", made.expected(), peers=["qemu"])

    # A child of a child of a child, with values of its own.
    sub = d.sub("grandchildren")
    made = mono(sub, rng, cid="00000007")
    for name, above, kind in (("1.vmdk", "parent.vmdk", "monolithic-sparse"),
                              ("2.vmdk", "1.vmdk", "vmfs-sparse"),
                              ("3.vmdk", "2.vmdk", "split-sparse")):
        create(sub, kind, sub.path(above), name)
        created.check(kind, SIZE, HW, ADAPTER, sub.path(name), "00000007",
                      above, GEOMETRY)
    create(sub, "monolithic-sparse", sub.path("3.vmdk"), "4.vmdk",
           "create-adapter-type=ide", "create-hwversion=workstation6",
           "create-size=%d" % (SIZE * 512))
    created.check("monolithic-sparse", SIZE, 6, "ide", sub.path("4.vmdk"),
                  "00000007", "3.vmdk")
    yield sub.serve("4.vmdk", made.expected(), peers=["qemu"])

    # What the top link does not say the base does; and nobody says anything.
    sub = d.sub("inherited-from-base")
    made = mono(sub, rng, words={"ddb": (
        ("ddb.adapterType", "pvscsi"), ("ddb.virtualHWVersion", "19"))})
    part = disk.cowd(sub, "top-delta.vmdk",
                     content.mixture(SIZE, 1, rng, 38, "D" + "." * 30))
    top = disk.link(sub, "top.vmdk", [part], parent=made, ddb=(
        ("ddb.longContentID", "0" * 32),))
    create(sub, "vmfs-sparse", top.path, "child.vmdk")
    created.check("vmfs-sparse", SIZE, 19, "lsilogic",
                  sub.path("child.vmdk"), top.cid, "top.vmdk")
    yield sub.serve("child.vmdk", top.expected(), peers=["qemu"])

    sub = d.sub("inherited-from-nobody")
    made = mono(sub, rng, words={"ddb": ()})
    create(sub, "monolithic-sparse", made.path, "child.vmdk")
    created.check("monolithic-sparse", SIZE, 4, "buslogic",
                  sub.path("child.vmdk"), made.cid, "parent.vmdk")
    yield sub.serve("child.vmdk", made.expected(), peers=["qemu"])

    # The parent is elsewhere: the whole path, without its symbolic links.
    sub = d.sub("elsewhere")
    made = mono(sub.sub("base"), rng)
    os.symlink("base", sub.path("link"))
    create(sub.sub("child"), "monolithic-sparse",
           sub.path("link/parent.vmdk"), "child.vmdk")
    path = sub.path("child/child.vmdk")
    created.check("monolithic-sparse", SIZE, HW, ADAPTER, path, made.cid,
                  os.path.realpath(made.path), GEOMETRY)
    yield sub.serve("child/child.vmdk", made.expected(), peers=["qemu"],
                    params=["search=" + sub.path("base")],
                    label="elsewhere")
    yield sub.refuse("child/child.vmdk", "parent.vmdk", label="not-named")

    # A name that looks like a protocol's or a drive's.
    for name in ("nbd:x.vmdk", "c:x.vmdk"):
        sub = d.sub("name-" + name[0])
        made = disk.mono(sub, name, data(rng, 39))
        create(sub, "monolithic-sparse", made.path, "child.vmdk")
        created.check("monolithic-sparse", SIZE, HW, ADAPTER,
                      sub.path("child.vmdk"), made.cid, "./" + name,
                      GEOMETRY)
        yield sub.serve("child.vmdk", made.expected())

    yield from refused(d, rng)


def refused(d, rng):
    """No child can be made over these."""
    asked = ["create=true"]

    sub = d.sub("other-size")
    made = mono(sub, rng)
    yield sub.refuse("new.vmdk", "size of its parent", params=asked + [
        "create-parent=" + made.path, "create-size=1G"])

    sub = d.sub("bare-extent")
    disk.sparse(sub, "x-s001.vmdk", data(rng, 40))
    yield sub.refuse("new.vmdk", "no CID", params=asked + [
        "create-parent=" + sub.path("x-s001.vmdk")])

    sub = d.sub("cid-of-nobody")
    made = mono(sub, rng, cid="ffffffff")
    yield sub.refuse("new.vmdk", "ffffffff", params=asked + [
        "create-parent=" + made.path])

    for name in ('a"b.vmdk', "a\\b.vmdk"):
        sub = d.sub("quote" if '"' in name else "backslash")
        made = mono(sub, rng)
        os.rename(made.path, sub.path(name))
        yield sub.refuse("new.vmdk", "cannot be recorded", params=asked + [
            "create-parent=" + sub.path(name)])

    sub = d.sub("itself")
    made = mono(sub, rng)
    yield sub.refuse("parent.vmdk", "exists", params=asked + [
        "create-parent=" + made.path])
