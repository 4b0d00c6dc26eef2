# SPDX-License-Identifier: BSD-3-Clause
"""What the tables of an extent say against writing: one damage each, found
at the first connection that wants to write, told with its place; the disk
is served read-only and no byte changes."""

from vmdkgen import content, disk, refusal


GRAIN = 16
SIZE = 512 * GRAIN * 2 + 700   # three grain tables
GRAINS = "DD.D" * 260


def sparse(sub):
    """A monolithic disk, damaged afterwards."""
    link = disk.mono(sub, "d.vmdk", content.pattern(SIZE, GRAIN, GRAINS, 21),
                     grain=GRAIN)
    return link, link.image


def split(sub):
    """The second extent of two is the one to damage."""
    data = content.pattern(SIZE, GRAIN, GRAINS, 22)
    parts = [disk.sparse(sub, name, data, grain=GRAIN)
             for name in ("a.vmdk", "b.vmdk")]
    return disk.link(sub, "d.vmdk", parts), parts[1].image


def cowd(sub):
    part = disk.cowd(sub, "d-delta.vmdk",
                     content.pattern(SIZE, 1, GRAINS, 23))
    return disk.link(sub, "d.vmdk", [part]), part.image


def both(image, grain, value):
    image.set_gte(grain, value)
    if image.rtables:
        image.set_gte(grain, value, redundant=True)


def redundant_entry(image):
    image.set_gte(5, image.grains[5] + GRAIN, redundant=True)


def redundant_missing(image):
    image.set_gte(513, 0, redundant=True)


def same_grain(image):
    both(image, 1, image.grains[3])


def half_a_grain(image):
    both(image, 1, image.grains[3] + GRAIN // 2)


def beyond(image):
    both(image, 4, image.file_size() // 512 + GRAIN)


def last_is_cut(image):
    last = max(image.grains, key=image.grains.get)
    image.truncate((image.grains[last] + 1) * 512)


def cut_in_a_row(image):
    """Grains 3, 4 and 5 are side by side; 3 is still there."""
    image.truncate(image.grains[4] * 512 + 200)
    return ("grain 4 is said to be at sector %d, beyond the end of the file, "
            "which has %d bytes; writing" % (image.grains[4],
                                             image.file_size()))


def in_table(image):
    both(image, 4, image.tables[max(image.tables)])


def in_directory(image):
    both(image, 4, image.gd)


def in_header(image):
    both(image, 4, 2)


def zeroed(image):
    both(image, 2, 1)


def table_beyond(image):
    image.set_gde(1, 1 << 30)


def table_in_header(image):
    image.set_gde(1, 1)


def table_in_table(image):
    image.set_gde(1, image.tables[0] + 1)


def redundant_table_beyond(image):
    image.set_gde(2, 1 << 30, redundant=True)


def one_table(image):
    image.set_gde(1, image.tables[1], redundant=True)


def tables_exchanged(image):
    """The tables of two directory entries, in one directory alone."""
    image.set_gde(0, image.tables[1])
    image.set_gde(1, image.tables[0])


SHARED = "lies where another grain or a grain table is"

# damage -> what is said, or what it returns; which of the makers it is for
DAMAGES = (
    (redundant_entry, "entry 5 of grain table 0 is ", (sparse, split)),
    (redundant_missing, "entry 1 of grain table 1 is ", (sparse,)),
    (tables_exchanged, "in the redundant copy", (sparse,)),
    (same_grain, SHARED, (sparse, split, cowd)),
    (half_a_grain, SHARED, (sparse,)),
    (beyond, "grain 4 is said to be at sector ", (sparse, split, cowd)),
    (last_is_cut, "beyond the end of the file, which has ", (sparse,)),
    (cut_in_a_row, None, (sparse, split, cowd)),
    (in_table, SHARED, (sparse, split, cowd)),
    (in_directory, SHARED, (sparse, cowd)),
    (in_header, "grain 4 is said to be at sector 2, which is in the header",
     (sparse, cowd)),
    (zeroed, "grain 2 is marked as zeroed", (sparse, split)),
    (table_beyond, "grain table 1 is said to be at sector 1073741824",
     (sparse, split, cowd)),
    (table_in_header, "grain table 1", (sparse, cowd)),
    (table_in_table, "lies where something else is", (sparse, cowd)),
    (redundant_table_beyond, "grain table 2 is said to be at sector",
     (sparse, split)),
    (one_table, "grain table 1 and its redundant copy are one", (sparse,)),
)


def make(d):
    for damage, sentence, makers in DAMAGES:
        for maker in makers:
            sub = d.sub("%s-%s" % (damage.__name__.replace("_", "-"),
                                   maker.__name__))
            link, image = maker(sub)
            said = damage(image)
            refusal.check(link.path, sentence or said)
            # With redundant tables alone in question, all can be read.
            if damage in (redundant_entry, redundant_missing,
                          redundant_table_beyond):
                yield sub.serve(link)
    # The control: the same disks undamaged.
    for maker in (sparse, split, cowd):
        link, _ = maker(d.sub("good-" + maker.__name__))
        refusal.check_writable(link.path)
