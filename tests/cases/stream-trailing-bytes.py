# SPDX-License-Identifier: BSD-3-Clause
"""Bytes after the end of a stream, up to about 64 KiB, do not matter; what
is not padding is worth a warning."""

from vmdkgen import content, disk


def make(d):
    data = content.pattern(40 * 128, 128, "DD.R" * 10, 24)
    for count in (1, 100, 512, 1000, 1024, 10240, 32768, 60000, 64000):
        for label, byte in (("zeroes", b"\0"), ("text", b"pad!")):
            sub = d.sub("%d-%s" % (count, label))
            tail = (byte * count)[:count]
            link = disk.streamed(sub, "d.vmdk", data, trailing=tail)
            warns = ["after the end"] if label == "text" else []
            yield sub.serve(link, warns=warns)
