# SPDX-License-Identifier: BSD-3-Clause
"""Disks whose grains lie in the file in such an order that nothing is next to
its neighbour, more than can be sorted as spans: what is in use, what is free,
what two grains share and what a crash left different is found all the same."""

from vmdkgen import content, disk, model, refusal, written


SIZE = 66000                    # sectors, and grains
TORN = 40007
SHARED = "grain %d, at sector %d, or one of those behind it, lies where another"


def scattered(sub, **fields):
    """The last quarter of the disk has no grains."""
    data = content.pattern(SIZE + SIZE // 4, 1, "D" * SIZE + "." * SIZE, 81)
    return disk.mono(sub, "d.vmdk", data, grain=1, order="reverse",
                     fields=fields)


def make(d):
    link = scattered(d.sub("good"))
    now = model.Model(bytearray(link.expected().read(
        0, (SIZE + SIZE // 4) * 512)))
    written.write_once(link.path, now, SIZE * 512 - 1000, 3000)
    written.check_files(link.path, now.data)
    yield d.sub("good-again").serve(link, written.Left(now.data))

    link = scattered(d.sub("shared"))
    first, second = 3, SIZE - 5
    place = link.image.grains[second]
    for redundant in (False, True):
        link.image.set_gte(first, place, redundant=redundant)
    refusal.check(link.path, SHARED % (second, place))

    # The entry was cleared in one copy only when the writer was killed.
    link = scattered(d.sub("torn"), uncleanShutdown=1)
    link.image.set_gte(TORN, 0)
    data = bytearray(link.expected().read(0, (SIZE + SIZE // 4) * 512))
    data[TORN * 512:(TORN + 1) * 512] = bytes(512)
    now = model.Model(data)
    written.write_once(link.path, now, SIZE * 512 - 1000, 3000)
    written.check_files(link.path, now.data, leaks=True)
