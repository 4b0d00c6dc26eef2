# SPDX-License-Identifier: BSD-3-Clause
"""Compressed grains that hold no grain: what to put under packed= of a
stream (Options in stream.py).

Each function takes what a good writer compressed, or returns one that does.
"""

import gzip
import zlib

from . import stream


def flipped(position):
    """One byte of the compressed data is another."""
    def change(packed):
        data = bytearray(packed)
        data[position] ^= 0x55
        return bytes(data)
    return change


def other(data):
    """Quite other data, compressed."""
    return lambda packed: stream.deflate(data)


def with_dictionary(packed):
    """The same data; but zlib's reader has to be told with which dictionary."""
    data = zlib.decompress(packed)
    codec = zlib.compressobj(6, zlib.DEFLATED, 15, 8, 0, data[:512])
    return codec.compress(data) + codec.flush()


def gzipped(packed):
    """The same data in the format of gzip."""
    return gzip.compress(zlib.decompress(packed))
