# SPDX-License-Identifier: BSD-3-Clause
"""What is no regular file is not opened as an extent, a parent or a disk, nor
is anything that the kernel shows of processes; and nothing waits."""

import contextlib
import os
import pty
import stat

from vmdkgen import case, content, disk


SECRET = content.full(1024, 352)
# What is shown of the server itself; 1 is the file with its messages.
SHOWN = ("/proc/self/fd/1", "/proc/self/fd/3", "/dev/fd/1", "/dev/stdin",
         "/dev/stdout", "/proc/self/root/etc/passwd", "/proc/self/exe",
         "/proc/self/cwd/file", "/proc/thread-self/fd/1")


def extent(sub, name, keyword="FLAT"):
    offset = 0 if keyword == "FLAT" else None
    line = disk.extent_line(1024, keyword, name, offset)
    return disk.link(sub, "d.vmdk", [disk.Part(line, SECRET)])


def parent(sub, name):
    return disk.mono(sub, "d.vmdk", content.empty(1024),
                     words={"parent_cid": "00000001", "hint": name})


USES = {
    "flat": ("the extent of line 8", extent),
    "sparse": ("the extent of line 8",
               lambda sub, name: extent(sub, name, "SPARSE")),
    "parent": ("the parent", parent),
}


def shown_by_the_kernel(d):
    for number, name in enumerate(SHOWN):
        for use, (what, make_top) in USES.items():
            leads_out = '%s is recorded as "%%s", which leads outside the ' \
                "directory of the disk (as every absolute symbolic link " \
                "does), so it is not opened" % what
            sub = d.sub("shown-%d-%s" % (number, use))
            yield sub.refuse(make_top(sub, name), "d.vmdk", leads_out % name)
            sub = d.sub("link-to-shown-%d-%s" % (number, use))
            os.symlink(name, sub.path("link"))
            yield sub.refuse(make_top(sub, "link"), "d.vmdk",
                             leads_out % "link")

    # Not even where the user has named such a directory.
    for use, (what, make_top) in USES.items():
        sub = d.sub("search-in-proc-" + use)
        yield sub.refuse(make_top(sub, "1"), "d.vmdk", what,
                         'recorded as "1"',
                         ("Too many levels of symbolic links",
                          "cannot find"),
                         params=["search=/proc/self/fd"])


@contextlib.contextmanager
def terminal():
    """The number of a new one that stays; nobody writes to it."""
    master, slave = pty.openpty()
    try:
        yield os.fstat(slave).st_rdev
    finally:
        os.close(slave)
        os.close(master)


def kinds(tty):
    """Name -> function (path) that makes one."""
    made = {"fifo": os.mkfifo, "socket": case.make_socket,
            "directory": os.mkdir}
    if os.geteuid() != 0:
        print("-- not root: no devices")
        return made
    for name, mode, number in (
            ("terminal", stat.S_IFCHR, tty),
            ("zero", stat.S_IFCHR, os.makedev(1, 5)),
            ("console", stat.S_IFCHR, os.makedev(5, 1)),
            ("loop", stat.S_IFBLK, os.makedev(7, 0)),
            ("no-driver", stat.S_IFBLK, os.makedev(259, 1 << 18))):
        made[name] = lambda path, mode=mode, number=number: \
            os.mknod(path, mode | 0o666, number)
    return made


def not_regular(d, tty):
    for name, make_one in kinds(tty).items():
        for use, (what, make_top) in USES.items():
            # By its name, and by a link that stays inside.
            for way in "itself", "link":
                sub = d.sub("%s-%s-%s" % (name, use, way))
                make_one(sub.path("one"))
                os.symlink("one", sub.path("link"))
                wanted = "one" if way == "itself" else "link"
                yield sub.refuse(
                    make_top(sub, wanted), "d.vmdk",
                    'expected %s, recorded as "%s", to be a regular file, '
                    'found that "%s" is none' % (what, wanted, wanted))

        sub = d.sub("%s-disk" % name)
        make_one(sub.path("d.vmdk"))
        wanted = "d.vmdk: expected a regular file that holds a VMDK, " + (
            "found a directory: name the .vmdk in it" if name == "directory"
            else "but this is none")
        yield sub.refuse("d.vmdk", wanted)


def make(d):
    yield from shown_by_the_kernel(d)
    with terminal() as tty:
        yield from not_regular(d, tty)
