# SPDX-License-Identifier: BSD-3-Clause
"""The tolerant grammar: case, blanks, order, comments, junk, duplicates."""

from vmdkgen import content, disk


DATA = content.pattern(2048, 128, "D.DDB" * 4, 110)


def upper(line):
    return line if b"d.raw" in line else line.upper()


def lower(line):
    return line.lower()


def indent(line):
    return b" \t " + line + b"\t  "


STRICT = {
    "strict": {},
    "lower-case": {"transform": lower},
    "upper-case": {"transform": upper},
    "blanks-around-equals": {"equals": "  = \t"},
    "indented": {"transform": indent},
    "extents-first": {"extents_first": True},
    "parent-cid-first": {"order": ("parentCID", "CID")},
    "encoding-first": {"order": ("encoding",), "encoding": "UTF-8"},
    "version-last": {"order": ("CID", "parentCID", "createType", "version")},
    "other-title": {"title": "# Description file of some converter"},
    "no-ddb": {"ddb": ()},
    "unknown-keys": {"extra": ["some.key = \"1\"", "another=2"]},
    "junk-lines": {"extra": ["what is this", "= 5", "]{}"]},
    "access-word-in-key": {"extra": ["RWx=1", "RW=1", "RDONLYthing = 2"]},
    "native-snapshot-no": {"native": "no"},
    "change-tracking": {"version": 3, "change_track": "/etc/passwd"},
    "version-2": {"version": 2},
    "trailing-text": {"extra": ["encoding=\"UTF-8\" and so on"]},
    "cid-unpadded": {"cid": "1a"},
    "cid-upper": {"cid": "ABCDEF01"},
    "cid-reserved": {"cid": "fffffffe"},
    "comment-hint": {"extra": ["# parentFileNameHint=\"/etc/passwd\"",
                               "  #parentCID=00000001"]},
    "hint-without-parent": {"hint": "no-such-file.vmdk"},
    "key-inside-value": {"extra": ["x = \"parentCID=00000001\""]},
    "duplicate-parent-cid": {"extra": ["parentCID=00000001"]},
    "duplicate-type": {"extra": ["createType=\"vmfsRawDeviceMap\""]},
    "zero-count": {"extra": ["NOACCESS 0 ZERO ", "RW 0 FLAT \"x\" 0"]},
    "bios-geometry-zero": {"ddb": (("ddb.geometry.cylinders", "0"),
                                   ("ddb.geometry.heads", ""))},
}


WARNS = {
    "junk-lines": ["line 6", "line 7", "line 8"],
    "version-2": ["version"],
    "trailing-text": ["line 6"],
    "hint-without-parent": ["parentFileNameHint"],
    "duplicate-parent-cid": ["line 6"],
    "duplicate-type": ["line 6"],
    "zero-count": ["line 6", "line 7"],
}


def make(d):
    for label, options in STRICT.items():
        sub = d.sub(label)
        part = disk.flat(sub, "d.raw", DATA)
        yield sub.serve(disk.link(sub, "d.vmdk", [part], **options),
                        warns=WARNS.get(label, []))

    for label, line in (
            ("tabs", 'RW\t2048\tFLAT\t"d.raw"\t0'),
            ("many-blanks", '  RW   2048  \t FLAT    "d.raw"    0   '),
            ("no-quotes", "RW 2048 FLAT d.raw 0"),
            ("mixed-case", 'rW 2048 Flat "d.raw" 0'),
            ("leading-zeroes", 'RW 0002048 FLAT "d.raw" 000')):
        sub = d.sub("line-" + label)
        part = disk.flat(sub, "d.raw", DATA, line=line)
        yield sub.serve(disk.link(sub, "d.vmdk", [part],
                                  create_type="custom"))

    sub = d.sub("no-cid-at-all")
    part = disk.flat(sub, "d.raw", DATA)
    sub.write("d.vmdk", "version=1\n" + part.line)
    yield sub.serve("d.vmdk", DATA.base())
