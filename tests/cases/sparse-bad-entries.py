# SPDX-License-Identifier: BSD-3-Clause
"""Entries of grain tables that point where no grain can be: EIO there
only."""

from vmdkgen import content, disk


def image(sub, **options):
    data = content.pattern(64 * 128, 128, "D" * 64, 13)
    return disk.mono(sub, "d.vmdk", data, **options)


def bad_grain(d, label, value):
    """One entry with this value (or a function of the image)."""
    sub = d.sub(label)
    link = image(sub)
    if callable(value):
        value = value(link.image)
    link.image.set_gte(20, value)
    link.layer = link.image.fail(20).content
    return sub.serve(link, errors=["d.vmdk"])


def make(d):
    yield bad_grain(d, "in-descriptor", 2)
    yield bad_grain(d, "end-of-descriptor", 20)
    yield bad_grain(d, "in-directory", lambda i: i.gd)
    yield bad_grain(d, "in-redundant-directory", lambda i: i.rgd)
    yield bad_grain(d, "in-table", lambda i: i.tables[0])
    yield bad_grain(d, "in-redundant-table", lambda i: i.rtables[0] + 1)
    yield bad_grain(d, "past-end", 0x100000)
    yield bad_grain(d, "all-ones", 0xffffffff)
    yield bad_grain(d, "wraps", 0xffffff81)
    yield bad_grain(d, "half-past-end",
                    lambda i: i.file_size() // 512 - 64)
