# SPDX-License-Identifier: BSD-3-Clause
"""Headers of hosted sparse extents that must be refused."""

from vmdkgen import content, disk


BAD = {
    "version-0": ({"version": 0}, ["version", "0"]),
    "version-4": ({"version": 4}, ["version", "4"]),
    "version-huge": ({"version": 0xffffffff}, ["version"]),
    "flag-18": ({"flags": 0x40003}, ["flag"]),
    "flag-31": ({"flags": 0x80000003}, ["flag"]),
    "compressed-flag-only": ({"flags": 0x30003}, ["compress"]),
    "algorithm-only": ({"compressAlgorithm": 1}, ["compress"]),
    "algorithm-2": ({"flags": 0x30001, "compressAlgorithm": 2},
                    ["compress"]),
    "no-markers": ({"flags": 0x10001, "compressAlgorithm": 1}, ["marker"]),
    "newlines-cr": ({"doubleEndLineChar1": 0x0a},
                    [("newline", "line end", "text mode", "text-mode")]),
    "newlines-lf": ({"singleEndLineChar": 0x0d},
                    [("newline", "line end", "text mode", "text-mode")]),
    "capacity-huge": ({"capacity": 1 << 63}, ["capacity"]),
    "capacity-all-ones": ({"capacity": 0xffffffffffffffff}, ["capacity"]),
    "capacity-petabytes": ({"capacity": 1 << 50}, []),
    "grain-0": ({"grainSize": 0}, ["grain"]),
    "grain-3": ({"grainSize": 3}, ["grain", "3"]),
    "grain-100": ({"grainSize": 100}, ["grain", "100"]),
    "grain-131072": ({"grainSize": 131072}, ["grain", "131072"]),
    "grain-2-40": ({"grainSize": 1 << 40}, ["grain"]),
    "gtes-0": ({"numGTEsPerGT": 0}, ["0"]),
    "gtes-64": ({"numGTEsPerGT": 64}, ["64"]),
    "gtes-500": ({"numGTEsPerGT": 500}, ["500"]),
    "gtes-131072": ({"numGTEsPerGT": 131072}, ["131072"]),
    "gtes-all-ones": ({"numGTEsPerGT": 0xffffffff}, []),
    "gd-0": ({"gdOffset": 0}, ["directory"]),
    "gd-at-end": ({"gdOffset": 0xffffffffffffffff}, []),
    "gd-huge": ({"gdOffset": 1 << 62}, ["directory"]),
    "gd-past-end": ({"gdOffset": 1 << 30}, ["directory"]),
    "gd-wraps": ({"gdOffset": 1 << 55}, ["directory"]),
}


def make(d):
    data = content.pattern(20480, 128, "D.D", 20)
    for label, (fields, says) in BAD.items():
        sub = d.sub(label)
        link = disk.mono(sub, "d.vmdk", data, fields=fields)
        yield sub.refuse(link, "d.vmdk", *says)

    sub = d.sub("cut-in-header")
    link = disk.mono(sub, "d.vmdk", data)
    link.image.truncate(300)
    yield sub.refuse(link, "d.vmdk")

    sub = d.sub("cut-in-descriptor")
    link = disk.mono(sub, "d.vmdk", data)
    link.image.truncate(700)
    yield sub.refuse(link, "d.vmdk")

    sub = d.sub("cut-in-directory")
    link = disk.mono(sub, "d.vmdk", content.empty(1 << 28))
    link.image.truncate(link.image.gd * 512 + 100)
    yield sub.refuse(link, "d.vmdk")
