# SPDX-License-Identifier: BSD-3-Clause
"""The redundant directory serves when an entry of the primary is bad."""

from vmdkgen import content, disk


PAST_END = 0x7ffffff0


def image(sub, **options):
    data = content.pattern(4 * 512 * 4, 4, "DDZ.R" * 400, 9)
    return disk.mono(sub, "d.vmdk", data, grain=4, **options)


def make(d):
    for label, value in (("past-end", PAST_END), ("all-ones", 0xffffffff)):
        sub = d.sub(label)
        link = image(sub)
        link.image.set_gde(2, value)
        yield sub.serve(link, warns=["redundant"])

    sub = d.sub("two-entries")
    link = image(sub)
    link.image.set_gde(1, 0xffffff00)
    link.image.set_gde(3, 0xfffffff0)
    yield sub.serve(link, warns=["redundant"])

    # The copy is not consulted when the primary is good ...
    sub = d.sub("copy-bad")
    link = image(sub)
    for index in range(4):
        link.image.set_gde(index, PAST_END, redundant=True)
    yield sub.serve(link)

    # ... nor when the flag says that there is none.
    sub = d.sub("flag-clear")
    link = image(sub, flags=5)
    link.image.set_gde(2, PAST_END)
    link.layer = link.image.fail(1024, 512).content
    yield sub.serve(link)

    sub = d.sub("both-bad")
    link = image(sub)
    link.image.set_gde(0, PAST_END)
    link.image.set_gde(0, PAST_END, redundant=True)
    link.layer = link.image.fail(0, 512).content
    yield sub.serve(link, errors=["d.vmdk"])

    sub = d.sub("copy-same-as-primary")
    link = image(sub)
    link.image.set_header("rgdOffset", link.image.gd)
    yield sub.serve(link, warns=["redundant"])

    sub = d.sub("copy-at-zero")
    link = image(sub)
    link.image.set_header("rgdOffset", 0)
    yield sub.serve(link, warns=["redundant"])
