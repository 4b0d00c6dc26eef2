#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Order of the first write of a server, from a log of its system calls.

usage: cid-first.py make DIRECTORY           make disks, print their paths
       cid-first.py write URI                change the first bytes
       cid-first.py check LOG DISK OLD-CID   look at the order
       cid-first.py cid DISK                 print the content ID
"""

import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from vmdkgen import case, check, content, disk          # noqa: E402

MARK = b"the first changed bytes"
SIZE = 4096
CALL = re.compile(r"(pwrite64|pwritev2?|write|f(?:data)?sync)"
                  r"\(\d+<([^>]*)>(.*)")


def make(top):
    """One disk of each writable kind, and children."""
    d = case.Directory(top)
    full = content.full(SIZE, 90)
    for label in ("sparse", "flat", "cowd", "child", "overwrite"):
        sub = d.sub(label)
        base = disk.mono(sub, "p.vmdk", full)
        if label in ("sparse", "child", "overwrite"):
            data = full if label == "overwrite" else content.empty(SIZE)
            disk.mono(sub, "d.vmdk", data,
                      parent=base if label == "child" else None)
        elif label == "flat":
            disk.link(sub, "d.vmdk", [disk.flat(sub, "f.vmdk", full)])
        else:
            part = disk.cowd(sub, "c.vmdk", content.empty(SIZE), grain=16)
            disk.link(sub, "d.vmdk", [part], parent=base)
        print(sub.path("d.vmdk"))


def write(uri):
    import nbd
    handle = nbd.NBD()
    handle.connect_uri(uri)
    handle.pwrite(MARK + bytes(65536 - len(MARK)), 65536)
    handle.shutdown()


def cid(path):
    return check.descriptor(path).keys["cid"].decode()


def judge(log, path, old):
    """The new ID, then a sync of its file, then data."""
    new = cid(path)
    if new == old:
        sys.exit("FAILED: the content ID is still %s" % old)
    written_to, synced = None, False
    with open(log, encoding="latin-1") as f:
        for line in f:
            found = CALL.search(line)
            if not found:
                continue
            call, name, rest = found.groups()
            if "sync" in call:
                synced = synced or name == written_to
            elif MARK.decode() in rest:
                break
            elif new in rest:
                written_to = written_to or name
        else:
            sys.exit("FAILED: the data was never written")
    if not written_to:
        sys.exit("FAILED: data was written before the content ID")
    if not synced:
        sys.exit("FAILED: data was written before the content ID was synced")


def main():
    what, *arguments = sys.argv[1:]
    if what == "cid":
        print(cid(*arguments))
        return
    {"make": make, "write": write, "check": judge}[what](*arguments)


if __name__ == "__main__":
    main()
