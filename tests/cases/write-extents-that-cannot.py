# SPDX-License-Identifier: BSD-3-Clause
"""Disks with ZERO and RDONLY extents among others: nothing shifts, writes to
an RDONLY extent fail with EPERM and change nothing, those beside it are done
(qemu: b7).  A link that is RDONLY as a whole is served read-only."""

import nbd

from vmdkgen import content, disk, model, writable, written
from vmdkgen.verify import Difference


COUNT = 1300                    # sectors of each extent


def parts_of(sub):
    data = content.pattern(COUNT, 128, "DD.DDD.DDDD", 62)
    return [disk.zero(COUNT),
            disk.sparse(sub, "a.vmdk", data),
            disk.sparse(sub, "b.vmdk", data, access="RDONLY"),
            disk.flat(sub, "c.raw", data),
            disk.zero(COUNT, access="RDONLY"),
            disk.flat(sub, "e.raw", data, access="RDONLY"),
            disk.cowd(sub, "f.vmdk", data, grain=1)]


def must_fail(client, now, offset, length, errors):
    for kind in ("write", "zero", "trim"):
        op = model.Op(kind, offset, length, 0, model.POOL[:length])
        (_, error), = client.run([op])
        if error not in errors:
            raise Difference("%s: expected %s, found %s"
                             % (op, " or ".join(errors), error))
    client.read_all(now, "after what must fail")


def make(d):
    sub = d.sub("mixed")
    link = disk.link(sub, "d.vmdk", parts_of(sub), create_type="custom")
    target = writable.Target(link)
    kept = written.Untouched(target)
    now = model.Model(target.bytes())
    with written.connected(link.path, errors=True) as client:
        for i in (2, 5):
            must_fail(client, now, i * COUNT * 512 + 1000, 5000, ("EPERM",))
        op = model.Op("write", 0, 5000, 0, model.POOL[:5000])
        (_, error), = client.run([op])
        if error is None:
            raise Difference("a ZERO extent took a write")
        for i in (1, 3, 6):             # both ends of the others
            for at in (i * COUNT, (i + 1) * COUNT - 3):
                op = model.Op("write", at * 512, 1536, 0, model.POOL[:1536])
                for one, error in client.run([op]):
                    model.judge(one, error)
                now.done(op)
        client.read_all(now, "after the writes")
    kept.check()
    written.check_files(link.path, now.data)
    yield sub.serve(link, written.Left(now.data))

    for label, maker in (("sparse", disk.sparse), ("flat", disk.flat)):
        sub = d.sub("whole-" + label)
        part = maker(sub, "a.vmdk", content.full(COUNT, 63),
                     access="RDONLY")
        link = disk.link(sub, "d.vmdk", [part])
        with written.connected(link.path, errors=True) as client:
            if not client.handles[0].is_read_only():
                raise Difference("%s: not served read-only" % label)
            try:
                client.handles[0].pwrite(b"x", 0)
                raise Difference("%s: it took a write" % label)
            except nbd.Error as e:
                if e.errno not in ("EPERM", "EROFS"):
                    raise
        yield sub.serve(link, readonly=True)
