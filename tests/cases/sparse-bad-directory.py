# SPDX-License-Identifier: BSD-3-Clause
"""Grain directory entries that point where no table can be."""

from vmdkgen import content, disk


def bad_table(d, label, value):
    """Three tables, the second entry of the directory is bad."""
    sub = d.sub(label)
    data = content.full(3 * 512 * 4, 14)
    link = disk.mono(sub, "d.vmdk", data, grain=4, redundant=False)
    link.image.set_gde(1, value(link.image) if callable(value) else value)
    link.layer = link.image.fail(512, 512).content
    return sub.serve(link, errors=["d.vmdk"])


def make(d):
    yield bad_table(d, "past-end", 0x7fffffff)
    yield bad_table(d, "all-ones", 0xffffffff)
    yield bad_table(d, "half-past-end", lambda i: i.file_size() // 512 - 2)
    yield bad_table(d, "in-descriptor", 5)
    yield bad_table(d, "over-directory", lambda i: i.gd - 3)
