#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What happens when another program changes, cuts off or replaces a file of a
disk while it is served: for test-spoilt-files.sh.

Each Story makes a disk, serves it, reads it all, lets the other program do its
work, and tells which parts of the disk must fail from then on (EIO, with one
message that names the file and says what was done) and which must read as
before.  Wrong bytes and zeroes are never right.
"""

import os
import shutil
import sys
import time

import nbd

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from vmdkgen import case, content, disk, written        # noqa: E402
from vmdkgen.verify import Difference                   # noqa: E402

SIZE = 4096                             # sectors of each disk
HALF = SIZE // 2
NOTICED = 10                            # seconds, on the slowest machine
REPLACED, CUT, CHANGED = (b"another file has taken its name",
                          b"another program has cut it off",
                          b"another program has changed it")


# ---- disks ----

def sparse(d):
    return disk.mono(d, "d.vmdk", content.full(SIZE, 1), grain=16), "d.vmdk"


def empty(d):
    """Nothing but tables: what is absent must not be made up either."""
    return disk.mono(d, "d.vmdk", content.empty(SIZE), grain=16), "d.vmdk"


def packed(d):
    data = content.full(SIZE, 2)
    return disk.streamed(d, "d.vmdk", data, grain=128), "d.vmdk"


def cowd(d):
    part = disk.cowd(d, "x.vmdk", content.full(SIZE, 3), grain=4)
    return disk.link(d, "d.vmdk", [part]), "x.vmdk"


def sesparse(d):
    part = disk.sesparse(d, "x.vmdk", content.full(SIZE, 4))
    return disk.link(d, "d.vmdk", [part]), "x.vmdk"


def flat(d):
    part = disk.flat(d, "x.raw", content.full(SIZE, 5))
    return disk.link(d, "d.vmdk", [part]), "x.raw"


def split(d):
    """The other program has to do with the second half."""
    parts = [disk.sparse(d, "x%d.vmdk" % i, content.full(HALF, 6 + i),
                         grain=16) for i in range(2)]
    return disk.link(d, "d.vmdk", parts), "x1.vmdk"


def over(make, children):
    """Children of a link: the first half of the disk is in the top one."""
    def chain(d):
        top, name = make(d)
        os.rename(d.path("d.vmdk"), d.path("base.vmdk"))
        top.path = d.path("base.vmdk")
        name = "base.vmdk" if name == "d.vmdk" else name
        for i in range(children):
            last = i == children - 1
            layer = content.pattern(SIZE, HALF, "D.", 10) if last \
                else content.empty(SIZE)
            top = disk.mono(d, "d.vmdk" if last else "c%d.vmdk" % i, layer,
                            parent=top, cid="%08x" % (0xc0 + i), grain=16)
        return top, name
    return chain


def under_descriptor(d):
    """The other program has to do with the descriptor of a parent."""
    return over(split, 1)(d)[0], "base.vmdk"


# ---- what the other program does ----

def overwrite(path):
    """A byte in the middle, the same size."""
    with open(path, "r+b") as f:
        f.seek(os.path.getsize(path) // 2)
        byte = f.read(1)
        f.seek(-1, 1)
        f.write(bytes([byte[0] ^ 255]))


def copy_over(path):
    """cp OTHER FILE: another disk in the same file."""
    size = os.path.getsize(path)
    with open(path, "r+b") as f:
        f.truncate(0)
        f.write(b"\0" * size)


def cut_off(path):
    os.truncate(path, os.path.getsize(path) // 2)


def empty_out(path):
    os.truncate(path, 0)


def replace(path):
    """mv OTHER FILE."""
    shutil.copy(path, path + ".new")
    overwrite(path + ".new")
    os.rename(path + ".new", path)


def move_and_replace(path):
    """mv FILE OLD; mv OTHER FILE."""
    shutil.copy(path, path + ".new")
    overwrite(path + ".new")
    os.rename(path, path + ".old")
    os.rename(path + ".new", path)


def remove(path):
    os.unlink(path)


def touch(path):
    os.utime(path)


def look(path):
    """What does no harm."""
    os.chmod(path, 0o640)
    os.link(path, path + ".link")
    os.unlink(path + ".link")
    with open(path, "rb") as f:
        f.read()


# ---- stories ----

class Story:
    """says None: nothing may happen; bad is the range of sectors that must
    fail then."""

    def __init__(self, make, act, says, bad=(0, SIZE), readonly=True,
                 written_first=False, params=()):
        self.make = make
        self.act = act
        self.says = says
        self.bad = bad
        self.readonly = readonly
        self.written_first = written_first
        self.params = params


TABLES = (sparse, empty, packed, cowd, sesparse)


def stories():
    for make in TABLES:
        yield Story(make, overwrite, CHANGED)
        yield Story(make, copy_over, CHANGED)
        yield Story(make, cut_off, CUT)
        yield Story(make, empty_out, CUT)
        yield Story(make, replace, REPLACED)
        yield Story(make, remove, None)
        yield Story(make, look, None)
        yield Story(make, move_and_replace, REPLACED)
        yield Story(make, touch, None, params=["lock=false"])
    yield Story(flat, replace, REPLACED)
    yield Story(flat, touch, None)
    yield Story(flat, cut_off, CUT)
    yield Story(flat, cut_off, CUT, readonly=False, written_first=True)
    yield Story(flat, look, None)
    yield Story(split, overwrite, CHANGED, (HALF, SIZE))
    yield Story(split, replace, REPLACED, (HALF, SIZE))
    for make in (sparse, empty, flat, cowd, packed):
        for children in (1, 2, 5):
            chain = over(make, children)
            yield Story(chain, overwrite, CHANGED, (HALF, SIZE))
            yield Story(chain, replace, REPLACED, (HALF, SIZE))
            yield Story(chain, look, None)
    yield Story(under_descriptor, touch, CHANGED, (HALF, SIZE))
    yield Story(under_descriptor, replace, REPLACED, (HALF, SIZE))
    yield Story(under_descriptor, look, None)
    for make in (sparse, empty, cowd, flat, packed):
        yield Story(make, replace, REPLACED, readonly=False)
        yield Story(make, look, None, readonly=False, written_first=True)
    for make in (sparse, cowd, flat, packed):
        yield Story(make, replace, REPLACED, readonly=False,
                    written_first=True)
    yield Story(sparse, overwrite, CHANGED, readonly=False)
    yield Story(sparse, cut_off, CUT, readonly=False, written_first=True)


def read(handle, start, end):
    return handle.pread((end - start) * 512, start * 512)


def wait_for_failure(handle, start, end):
    limit = time.monotonic() + NOTICED
    while time.monotonic() < limit:
        try:
            read(handle, start, end)
        except nbd.Error as e:
            if e.errno != "EIO":
                raise
            return
        time.sleep(0.02)
    raise Difference("reading goes on as if nothing had happened")


def must_fail(what, call, *arguments):
    try:
        call(*arguments)
    except nbd.Error as e:
        if e.errno == "EIO":
            return
        raise
    raise Difference("a %s did not fail" % what)


def check_failing(handle, story, start):
    """Any request, anywhere in there, each with one message."""
    must_fail("read", handle.pread, 512, start * 512)
    if story.bad[1] == SIZE:
        must_fail("read", handle.pread, 512, SIZE * 512 - 512)
    if story.readonly:
        return
    must_fail("write", handle.pwrite, b"w" * 512, start * 512)
    must_fail("trim", handle.trim, 8192, start * 512)


def check_messages(running, story, name):
    found = [line for line in running.messages().split(b"\n")
             if story.says in line]
    if not found:
        raise Difference("no message says: %s" % story.says.decode())
    for line in found:
        if name.encode() not in line:
            raise Difference("a message does not name %s: %s" % (name, line))


def tell(d, story):
    link, name = story.make(d)
    data = link.expected().read(0, SIZE * 512)
    with written.serving(d.path("d.vmdk"), story.params,
                         readonly=story.readonly,
                         errors=story.says is not None) as running:
        handle = nbd.NBD()
        handle.connect_unix(running.socket)
        if handle.is_read_only() != story.readonly:
            raise Difference("read-only is %s" % handle.is_read_only())
        if story.written_first:
            handle.pwrite(data[:512], 0)
            handle.flush()
        if read(handle, 0, SIZE) != data:
            raise Difference("the disk does not read right")
        time.sleep(0.02)                # another time stamp
        story.act(d.path(name))
        if story.written_first and story.says == REPLACED:
            must_fail("flush", handle.flush)    # however early
        low, high = story.bad
        if story.says is None:
            time.sleep(0.2)
            low = high = SIZE
        else:
            wait_for_failure(handle, low, low + 16)
            time.sleep(0.1)     # what was cut off fails before that is noticed
            check_failing(handle, story, low)
        if low and read(handle, 0, low) != data[:low * 512]:
            raise Difference("the rest of the disk does not read right")
        if story.says:
            check_messages(running, story, name)
        handle.shutdown()


def tell_of_descriptor(d, begun):
    """The content ID of what is written would go to a file that nobody finds
    any more, and children of the old content would be believed.  begun: it
    has gone there, when the file has lost its name."""
    link, _ = split(d)
    data = link.expected().read(0, SIZE * 512)
    with written.serving(link.path, errors=True) as running:
        handle = nbd.NBD()
        handle.connect_unix(running.socket)
        if begun:
            data = b"w" * 512 + data[512:]
            handle.pwrite(data[:512], 0)
            handle.flush()
        replace(link.path)
        for _ in range(2):
            if begun:
                handle.pwrite(data[:512], 0)
                must_fail("flush", handle.flush)
            else:
                must_fail("write", handle.pwrite, b"w" * 512, 0)
        if read(handle, 0, SIZE) != data:
            raise Difference("the disk does not read right")
        check_messages(running, Story(split, replace, REPLACED), "d.vmdk")
        handle.shutdown()


def main():
    top = case.Directory(sys.argv[1])
    failed = 0
    for begun in (False, True):
        tell_of_descriptor(top.sub("descriptor-%d" % begun), begun)
    for i, story in enumerate(stories()):
        began = time.monotonic()
        label = "%d-%s-%s" % (i, story.make.__name__, story.act.__name__)
        sub = top.sub(label)
        try:
            tell(sub, story)
            print("ok %s (%.2f s)" % (label, time.monotonic() - began))
        except (Difference, nbd.Error) as e:
            failed += 1
            print("FAIL %s: %s" % (label, e))
        shutil.rmtree(sub.dir)
    sys.exit(1 if failed else 0)


main()
