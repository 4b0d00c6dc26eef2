# SPDX-License-Identifier: BSD-3-Clause
"""256 links are served, 257 are refused."""

from vmdkgen import content, disk


def chain(sub, count):
    """A chain with one grain of its own in every link."""
    top = None
    for i in range(count):
        data = content.scattered(260 * 8, 8, [i], 300 + i)
        top = disk.mono(sub, "l%d.vmdk" % i, data, parent=top, grain=8,
                        cid="%08x" % (i + 1), redundant=False)
    return top


def make(d):
    sub = d.sub("256")
    yield sub.serve(chain(sub, 256))
    sub = d.sub("257")
    yield sub.refuse(chain(sub, 257), "256")
