# SPDX-License-Identifier: BSD-3-Clause
"""Damaged grains of a stream fail alone, the rest reads right."""

from vmdkgen import content, disk
from vmdkgen.mispacked import flipped, gzipped, other, with_dictionary

PLAIN = content.pattern(40 * 128, 128, "DD.R" * 10, 31)
GRAIN = 128 * 512


BAD = {
    "wrong-lba": {"lba": {9: 8 * 128}},
    "lba-unaligned": {"lba": {9: 9 * 128 + 1}},
    "lba-past-end": {"lba": {9: 1 << 60}},
    "adler": {"packed": {9: flipped(-1)}},
    "data-flipped": {"packed": {9: flipped(40)}},
    "too-short": {"packed": {9: other(b"a" * (GRAIN - 1))}},
    "too-long": {"packed": {9: other(b"a" * (GRAIN + 1))}},
    "bomb": {"packed": {9: other(bytes(64 << 20))}},
    "empty": {"packed": {9: other(b"")}},
    "cut": {"packed": {9: lambda packed: packed[:-5]}},
    "size-zero": {"sizes": {9: 0}},
    "size-one": {"sizes": {9: 1}},
    "size-all-ones": {"sizes": {9: 0xffffffff}},
    "preset-dictionary": {"packed": {9: with_dictionary}},
    "gzip": {"packed": {9: gzipped}},
    "not-deflate": {"packed": {9: lambda packed: b"\xff" * len(packed)}},
}


def make(d):
    for label, options in BAD.items():
        sub = d.sub(label)
        link = disk.streamed(sub, "d.vmdk", PLAIN, **options)
        link.layer = link.image.fail(9).content
        yield sub.serve(link, errors=["d.vmdk"])

    sub = d.sub("size-past-end")
    link = disk.streamed(sub, "d.vmdk", PLAIN, sizes={39: 130000})
    link.layer = link.image.fail(39).content
    yield sub.serve(link, errors=["d.vmdk"])

    sub = d.sub("bytes-after-the-stream-are-ignored")
    link = disk.streamed(sub, "d.vmdk", PLAIN,
                         packed={9: lambda packed: packed + b"after"})
    yield sub.serve(link, warns=["after the compressed data"])
