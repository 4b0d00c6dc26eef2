# SPDX-License-Identifier: BSD-3-Clause
"""A write to part of a grain in the second extent of a split child: the rest
of the grain comes from the right place of the parent (qemu: b1)."""

from vmdkgen import content, disk, model, writable, written


SIZES = (4096, 2048, 3000)


def split(sub, name, makers, **keys):
    """Three extents of one kind."""
    parts = [maker(sub, "%s-s%d.vmdk" % (name, i), count)
             for i, (maker, count) in enumerate(zip(makers, SIZES))]
    return disk.link(sub, name + ".vmdk", parts, **keys)


def data(sub, name, count):
    seed = sum(name.encode())
    return disk.sparse(sub, name, content.full(count, seed), grain=128)


def empty(sub, name, count):
    return disk.sparse(sub, name, content.empty(count), grain=128)


def redo(sub, name, count):
    return disk.cowd(sub, name, content.empty(count), grain=16)


def make(d):
    for label, maker in (("sparse", empty), ("cowd", redo)):
        sub = d.sub(label)
        parent = split(sub, "parent", [data] * 3, cid="00000abc")
        child = split(sub, "child", [maker] * 3, parent=parent)
        kept = written.Untouched(writable.Target(child))
        now = model.Model(child.expected().read(0, sum(SIZES) * 512))
        with written.connected(child.path) as client:
            for sector, count in ((4097, 1), (4096 + 2048 + 5, 3),
                                  (4095, 2), (6143, 2), (9143, 1)):
                op = model.Op("write", sector * 512 + 7, count * 512 - 9, 0,
                              model.POOL[:count * 512 - 9])
                client.run([op])
                now.done(op)
            client.read_all(now, "after the writes")
        kept.check()
        written.check_files(child.path, now.data)
        if label == "sparse":       # no piece of this ends inside a grain
            written.check_by_qemu(child.path, now.data)
        yield sub.serve(child, written.Left(now.data))
