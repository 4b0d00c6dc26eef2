# SPDX-License-Identifier: BSD-3-Clause
"""What writers of streams may choose: compression, markers, tables, order."""

from vmdkgen import content, disk, stream


DATA = "DRD..DB.RRD"

CHOICES = {
    "level-0": {"level": 0},
    "level-1": {"level": 1},
    "level-9": {"level": 9},
    "reversed": {"reverse": True},
    "marker-values-zero": {"marker_values": False},
    "empty-tables": {"empty_tables": True},
    "progress-markers": {"before": {5: stream.marker(4),
                                    40: stream.marker(4) * 3}},
    "unknown-marker": {"before": {0: stream.marker(77, 2) + b"x" * 1024}},
    "descriptor-1-sector": {"descriptor_size": 1},
    "unaligned-overhead": {"overhead": 38},
    "large-overhead": {"overhead": 5000},
    "short-last": {"full": False},
    "redundant-flag": {"flags": 0x30003},
    "newline-flag-clear": {"flags": 0x30000},
    "version-1": {"version": 1},
    "no-eos": {"eos": False},
    "b-no-eos": {"layout": "B", "eos": False},
    "b-redundant-flag": {"layout": "B", "flags": 0x30003},
    "b-zero-tail": {"layout": "B", "trailing": bytes(65536)},
    "b-short-last": {"layout": "B", "full": False},
    "b-reversed": {"layout": "B", "reverse": True},
    "hybrid-short-last": {"layout": "hybrid", "full": False},
    "hybrid-no-footer": {"layout": "hybrid", "footer": False},
}
NOT_QEMU = ("no-eos", "unknown-marker")


def make(d):
    text = DATA * 7
    size = len(text) * 128 - 51
    data = content.pattern(size, 128, text[:-1] + "D", 22)
    for label, options in CHOICES.items():
        sub = d.sub(label)
        words = {"ddb": ()} if options.get("descriptor_size") else None
        link = disk.streamed(sub, "d.vmdk", data, words=words, **options)
        yield sub.serve(link, peers=[] if label in NOT_QEMU else ["qemu"])
