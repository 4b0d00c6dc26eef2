# SPDX-License-Identifier: BSD-3-Clause
"""Descriptors that must not be guessed at."""

from vmdkgen import content, disk


FLAT = 'RW 2048 FLAT "d.raw" 0'
MAX = (1 << 55) - 1

# label: (extent lines, descriptor keywords, what the message says)
BAD = {
    "unknown-type": (['RW 2048 SOMETHING "d.raw" 0'], {}, ["SOMETHING"]),
    "unknown-type-among-others": ([FLAT, 'RW 2048 QCOW "d.raw"'], {},
                                  ["QCOW"]),
    "no-type": (["RW 2048"], {}, []),
    "no-name": (["RW 2048 FLAT"], {}, []),
    "quote-not-closed": (['RW 2048 FLAT "d.raw'], {}, []),
    "count-not-a-number": (['RW 20x48 FLAT "d.raw" 0'], {}, []),
    "count-hex": (['RW 0x800 FLAT "d.raw" 0'], {}, []),
    "count-2-55": (["RW %d ZERO" % (MAX + 1)], {}, []),
    "count-2-64": (["RW %d ZERO" % (1 << 64)], {}, []),
    "count-huge": (["RW %s ZERO" % ("9" * 300)], {}, []),
    "sum-2-55": (["RW %d ZERO" % MAX, "RW 1 ZERO"], {}, []),
    "offset-2-55": (['RW 8 FLAT "d.raw" %d' % (1 << 55)], {}, []),
    "offset-huge": (['RW 8 FLAT "d.raw" %s' % ("9" * 40)], {}, []),
    "offset-and-count": (['RW 8 FLAT "d.raw" %d' % (MAX - 3)], {}, []),
    "sparse-offset": (['RW 2048 SPARSE "s.vmdk" 8'], {}, ["offset"]),
    "empty-name": (['RW 2048 FLAT "" 0'], {}, []),
    "no-extents": ([], {}, ["extent"]),
    "only-empty-extents": (["RW 0 ZERO"], {}, ["extent"]),
    "version-0": ([FLAT], {"version": 0}, ["version"]),
    "version-4": ([FLAT], {"version": 4}, ["version", "4"]),
    "version-huge": ([FLAT], {"version": "9" * 50}, ["version"]),
    "version-negative": ([FLAT], {"version": -1}, ["version"]),
    "line-too-long": ([FLAT], {"extra": ["# " + "x" * 70000]}, ["line"]),
    "text-too-long": ([FLAT], {"extra": ["# " + "x" * 60000] * 290}, []),
    "name-too-long": (['RW 2048 FLAT "%s" 0' % ("x" * 5000)], {}, []),
    "too-many-extents": (["RW 1 ZERO"] * 65537, {}, ["65536"]),
    "sparse-over-raw": (['RW 2048 SPARSE "d.raw"'], {}, ["d.raw"]),
    "sparse-over-text": (['RW 2048 SPARSE "other.vmdk"'], {},
                         ["other.vmdk"]),
    "cowd-over-raw": (['RW 2048 VMFSSPARSE "d.raw"'], {}, ["d.raw"]),
    "sesparse-over-raw": (['RW 2048 SESPARSE "d.raw"'], {}, ["d.raw"]),
    "control-in-name": (['RW 2048 FLAT "d\x01.raw" 0'], {}, []),
}


def make(d):
    data = content.full(2048, 112)
    for label, (lines, words, says) in BAD.items():
        sub = d.sub(label)
        disk.flat(sub, "d.raw", data)
        disk.sparse(sub, "s.vmdk", data)
        disk.link(sub, "other.vmdk", [disk.flat(sub, "o.raw", data)])
        parts = [disk.Part(line, content.empty(1)) for line in lines]
        link = disk.link(sub, "d.vmdk", parts, **words)
        yield sub.refuse(link, "d.vmdk", *says)

    sub = d.sub("embedded-two-lines-monolithic")
    disk.flat(sub, "o.raw", data)
    link = disk.mono(sub, "d.vmdk", data, words={
        "lines": ['RW 2048 SPARSE "d.vmdk"', 'RW 2048 SPARSE "o.raw"']})
    yield sub.refuse(link, "d.vmdk")
