# SPDX-License-Identifier: BSD-3-Clause
"""Line ends, byte-order mark, NUL padding, missing final newline, size."""

from vmdkgen import content, disk


DATA = content.pattern(2048, 128, "D.DDB" * 4, 111)

CHOICES = {
    "crlf": {"eol": "\r\n"},
    "cr-before-crlf": {"eol": "\r\r\n"},
    "mark": {"mark": True},
    "mark-crlf": {"mark": True, "eol": "\r\n"},
    "nul-padding": {"pad": 200},
    "nul-padding-large": {"pad": 300000},
    "no-final-newline": {"final": False},
    "no-final-newline-nul": {"final": False, "pad": 1},
    "long-comment": {"extra": ["# " + "x" * 60000]},
    "large": {"extra": ["# " + "x" * 70] * 30000},
}


def make(d):
    for label, options in CHOICES.items():
        sub = d.sub(label)
        part = disk.flat(sub, "d.raw", DATA)
        link = disk.link(sub, "d.vmdk", [part], **options)
        yield sub.serve(link)
        if label.startswith(("long", "large")) or options.get("pad"):
            continue
        sub = d.sub("embedded-" + label)
        yield sub.serve(disk.mono(sub, "d.vmdk", DATA, words=options))

    sub = d.sub("text-after-nul")
    part = disk.flat(sub, "d.raw", DATA)
    link = disk.link(sub, "d.vmdk", [part], pad=1)
    with open(link.path, "ab") as f:
        f.write(b'RW 100 ZERO\nRW 5 NONSENSE "x"\nparentCID=1\n')
    yield sub.serve(link)

    sub = d.sub("embedded-fills-its-area")
    line = "x" * 55000
    words = {"extra": ["# " + line], "final": False}
    text = disk.embedded_text("/d.vmdk", 2048, None, "0172e8a4",
                              "monolithicSparse", words)
    size = -(-len(text) // 512)
    words["extra"] = ["# " + line + "y" * (size * 512 - len(text) - 1)]
    yield sub.serve(disk.mono(sub, "d.vmdk", DATA, words=words,
                              descriptor_size=size))
