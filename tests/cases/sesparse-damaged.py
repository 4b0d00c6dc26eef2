# SPDX-License-Identifier: BSD-3-Clause
"""SESparse: dirty or wrong headers are refused, wrong entries fail alone."""

from vmdkgen import content, disk, sesparse


BAD = {
    "version": ({"version": 0x100000001}, ["version"]),
    "grain-size": ({"grainSize": 16}, ["grain"]),
    "table-size": ({"grainTableSize": 32}, ["grainTableSize"]),
    "flags": ({"flags": 1}, ["flags"]),
    "reserved": ({"reserved2": 1}, []),
    "capacity-0": ({"capacity": 0}, ["capacity"]),
    "capacity-huge": ({"capacity": 1 << 60}, ["capacity"]),
    "volatile-magic": ({"volatileMagic": 0xcafebabe}, []),
    "volatile-elsewhere": ({"volatileHeaderOffset": 1 << 60}, []),
    "directory-wraps": ({"grainDirOffset": (1 << 64) - 8}, []),
    "directory-past-end": ({"grainDirOffset": 1 << 40}, []),
    "directory-small": ({"grainDirSize": 0}, []),
    "directory-over-header": ({"grainDirOffset": 0}, []),
    "tables-over-directory": ({"grainTablesOffset": 4096}, []),
    "grains-over-tables": ({"grainsOffset": 6144}, []),
    "grains-wrap": ({"grainsOffset": (1 << 64) - 64}, []),
    "journal": ({"replayJournal": 1}, ["journal"]),
}
DATA = content.scattered(3 * 32768, 8, range(0, 12288, 28), 46)


def link_of(sub, **options):
    part = disk.sesparse(sub, "s.vmdk", DATA, **options)
    return disk.link(sub, "d.vmdk", [part])


def bad(d, label, damage, grain, count=1):
    sub = d.sub(label)
    link = link_of(sub)
    part = link.parts[0]
    damage(part.image)
    link.layer = part.image.fail(grain, count).content
    return sub.serve(link, errors=["s.vmdk"])


def make(d):
    for label, (fields, says) in BAD.items():
        sub = d.sub(label)
        yield sub.refuse(link_of(sub, fields=fields), "s.vmdk", *says)
    for label, value in (
            ("nibble-4", 4 << 60), ("nibble-15", 15 << 60),
            ("rest-of-0", 1), ("index-past-area", sesparse.entry(99999)),
            ("index-huge", sesparse.entry((1 << 60) - 1)),
            ("index-past-file", sesparse.entry(12000))):
        yield bad(d, "entry-" + label,
                  lambda i, v=value: i.set_gte(700, v), 700)
    for label, value in (
            ("nibble-2", 2 << 60), ("rest-of-0", 5),
            ("high-bits", 1 << 60 | 1 << 32),
            ("index-past-area", 1 << 60 | 5000)):
        yield bad(d, "directory-" + label,
                  lambda i, v=value: i.set_gde(1, v), 4096, 4096)
