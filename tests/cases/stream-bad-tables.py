# SPDX-License-Identifier: BSD-3-Clause
"""Damaged tables of a stream: what they cover fails, the rest reads right."""

from vmdkgen import content, disk


def image(sub, **options):
    data = content.scattered(4 * 65536, 128, range(0, 2048, 40), 32)
    return disk.streamed(sub, "d.vmdk", data, **options)


def make(d):
    for layout in ("A", "B", "hybrid"):
        sub = d.sub("entry-past-end-" + layout)
        link = image(sub, layout=layout)
        link.image.set_gte(80, 0x7fffffff)
        link.layer = link.image.fail(80).content
        yield sub.serve(link, errors=["d.vmdk"])

        sub = d.sub("entry-in-descriptor-" + layout)
        link = image(sub, layout=layout)
        link.image.set_gte(80, 3)
        link.layer = link.image.fail(80).content
        yield sub.serve(link, errors=["d.vmdk"])

        sub = d.sub("entry-of-other-grain-" + layout)
        link = image(sub, layout=layout)
        link.image.set_gte(80, link.image.grains[120])
        link.layer = link.image.fail(80).content
        yield sub.serve(link, errors=["d.vmdk"])

        sub = d.sub("directory-entry-past-end-" + layout)
        link = image(sub, layout=layout)
        link.image.set_gde(1, 0x7fffffff)
        link.layer = link.image.fail(512, 512).content
        yield sub.serve(link, errors=["d.vmdk"])
