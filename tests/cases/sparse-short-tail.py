# SPDX-License-Identifier: BSD-3-Clause
"""Files that end inside their last grain, legally and not."""

from vmdkgen import content, disk


SIZE = 10 * 128 + 37


def image(sub, **options):
    data = content.pattern(SIZE, 128, "D.DDZD..D.D", 10)
    return disk.mono(sub, "d.vmdk", data, short=True, **options)


def make(d):
    sub = d.sub("ends-at-capacity")
    yield sub.serve(image(sub), peers=["qemu"])

    sub = d.sub("full-last-grain")
    data = content.pattern(SIZE, 128, "D.DDZD..D.D", 10)
    yield sub.serve(disk.mono(sub, "d.vmdk", data))

    sub = d.sub("one-byte-too-short")
    link = image(sub)
    link.image.truncate(link.image.file_size() - 1)
    link.layer = link.image.fail(10).content
    yield sub.serve(link, errors=["d.vmdk"])

    sub = d.sub("inside-another-grain")
    order = lambda grains: sorted(grains, key=lambda g: (g == 2, g))
    link = image(sub, order=order)
    link.image.truncate(link.image.grains[2] * 512 + 128 * 512 - 512)
    link.layer = link.image.fail(2).content
    yield sub.serve(link, errors=["d.vmdk"])

    sub = d.sub("several-grains-missing")
    link = image(sub)
    link.image.truncate(link.image.grains[5] * 512 + 512)
    for grain in (5, 8, 10):
        link.image.fail(grain)
    link.layer = link.image.content
    yield sub.serve(link)
