#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Compare block status over NBD with what the file says.

usage: same-map.py URI DISK             with qemu-img's map of the disk
       same-map.py URI --holes FILE...  with the holes of flat extents

Both are brought to one form first: neighbours of the same type joined.
"""

import json
import os
import subprocess
import sys


def run(*command):
    return json.loads(subprocess.run(command, check=True,
                                     stdout=subprocess.PIPE).stdout)


def join(parts):
    """[offset, length, zero] with neighbours alike joined."""
    out = []
    for offset, length, zero in parts:
        if out and sum(out[-1][:2]) != offset:
            sys.exit("the map has a gap or goes back at %d" % offset)
        if out and out[-1][2] == zero:
            out[-1][1] += length
        elif length > 0:
            out.append([offset, length, zero])
    return out


def served(uri):
    for part in run("nbdinfo", "--map", "--json", uri):
        if part["type"] not in (0, 3):
            sys.exit("type %d at %d" % (part["type"], part["offset"]))
        yield part["offset"], part["length"], part["type"] == 3


def by_qemu(disk):
    for part in run("qemu-img", "map", "-f", "vmdk", "--output=json", disk):
        yield part["start"], part["length"], part["zero"]


def by_holes(files):
    """The holes of files that follow each other on the disk."""
    base = 0
    for name in files:
        with open(name, "rb", buffering=0) as f:
            size = os.fstat(f.fileno()).st_size
            at = 0
            while at < size:
                try:
                    data = os.lseek(f.fileno(), at, os.SEEK_DATA)
                except OSError:
                    data = size
                if data > at:
                    yield base + at, data - at, True
                at = data
                if at < size:
                    end = os.lseek(f.fileno(), at, os.SEEK_HOLE)
                    yield base + at, end - at, False
                    at = end
        base += size


def main():
    uri, files = sys.argv[1], sys.argv[2:]
    want = by_holes(files[1:]) if files[0] == "--holes" else by_qemu(files[0])
    want, found = join(want), join(served(uri))
    for i in range(max(len(want), len(found))):
        if want[i:i + 1] != found[i:i + 1]:
            sys.exit("entry %d (offset, length, zero): expected %s, found %s"
                     % (i, want[i:i + 1], found[i:i + 1]))
    print("%d entries agree" % len(want))


if __name__ == "__main__":
    main()
