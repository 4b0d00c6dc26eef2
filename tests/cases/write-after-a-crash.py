# SPDX-License-Identifier: BSD-3-Clause
"""Hosted sparse disks as a killed writer leaves them: marked as not closed
cleanly, and the redundant tables say something else than the primary ones.
The primary ones count; after a write and a clean stop all is in order.  The
same without the mark, or with two owners of a place, can only be read."""

from vmdkgen import content, disk, hosted, model, refusal, written
from vmdkgen.verify import Difference


GRAIN, GTES = 8, 128
SIZE = GRAIN * GTES * 3 + 5             # four tables
STEP = GRAIN * 512
# Tables 0 and 1 have data, 2 and 3 little.
GRAINS = ("DD.D." * 60)[:2 * GTES] + "." * 40 + "D"
TORN = GTES + 3                         # a grain of table 1 with data
ELSEWHERE = 2 * GTES * STEP + 5 * STEP + 77
THERE = TORN * STEP + 1000
PLACES = {"elsewhere": ELSEWHERE, "there": THERE}
DIFFERS = "in the redundant copy of that table"
SHARED = "lies where another grain or a grain table is"


def only_redundant(image):
    image.set_gte(TORN, 0)
    return range(TORN, TORN + 1), None


def only_primary(image):
    image.set_gte(TORN, 0, redundant=True)
    return (), None


def zeroed(image):
    image.set_gte(TORN, 1)
    return range(TORN, TORN + 1), "zero"


def redundant_table(image):
    image.set_gde(1, 0)
    return range(GTES, 2 * GTES), None


def make_disk(sub, damage, child, unclean):
    """The link, and the bytes that it holds by its primary tables."""
    parent = below = None
    if child:
        parent = disk.mono(sub, "p.vmdk", content.full(SIZE, 71))
        below = parent.expected().read(0, SIZE * 512)
    link = disk.mono(sub, "d.vmdk",
                     content.pattern(SIZE, GRAIN, GRAINS, 72), parent=parent,
                     grain=GRAIN, gtes=GTES, version=2,
                     flags=hosted.NEWLINE | hosted.REDUNDANT
                     | hosted.ZEROGRAIN,
                     fields={"uncleanShutdown": unclean})
    data = bytearray(link.expected().read(0, SIZE * 512))
    grains, state = damage(link.image)
    for g in grains:
        start, end = g * STEP, (g + 1) * STEP
        data[start:end] = bytes(STEP) if state or not below \
            else below[start:end]
    return link, data


def unclean(link):
    offset, _ = hosted.FIELDS["uncleanShutdown"]
    return link.image.peek(offset, 1)[0]


def into_another(image):
    image.set_gte(TORN, image.grains[0], redundant=True)


def primary_into_another(image):
    image.set_gte(TORN, image.grains[0])


DAMAGES = ((only_redundant, False), (only_redundant, True),
           (only_primary, False), (only_primary, True), (zeroed, True),
           (redundant_table, False), (redundant_table, True))


def make(d):
    for damage, child in DAMAGES:
        name = "%s-%s" % (damage.__name__.replace("_", "-"),
                          "child" if child else "base")
        for where, offset in PLACES.items():
            sub = d.sub(name + "-" + where)
            link, data = make_disk(sub, damage, child, 1)
            if unclean(link) != 1:
                raise Difference("the disk is not as it was wanted")
            now = model.Model(data)
            written.write_once(link.path, now, offset, 700)
            if unclean(link) != 0:
                raise Difference("%s: still marked as unclean" % sub.dir)
            # What belonged to the redundant copy alone may be left.
            written.check_files(link.path, now.data, leaks=True)
            written.check_by_qemu(link.path, now.data)
            written.write_once(link.path, now, offset + 4 * STEP, 700)
            written.check_files(link.path, now.data, leaks=True)
            yield sub.serve(link, written.Left(now.data))
        link, _ = make_disk(d.sub(name + "-clean"), damage, child, 0)
        refusal.check(link.path, DIFFERS)

    for damage in (into_another, primary_into_another):
        sub = d.sub(damage.__name__.replace("_", "-"))
        link = disk.mono(sub, "d.vmdk",
                         content.pattern(SIZE, GRAIN, GRAINS, 73),
                         grain=GRAIN, gtes=GTES,
                         fields={"uncleanShutdown": 1})
        damage(link.image)
        refusal.check(link.path, SHARED)
