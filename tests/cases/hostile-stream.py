# SPDX-License-Identifier: BSD-3-Clause
"""Hostile streams: the rows of vmdk-format.md 11.3 about the sizes, the data
and the addresses of grains, about entries and directories, footers, and what
comes behind the end of the stream.

The row about markers that are out of order or unknown is in
hostile-stream-log.py, since only the log of an unclosed disk is walked.
"""

from vmdkgen import content, disk, model, wording, written
from vmdkgen.mispacked import flipped, gzipped, other, with_dictionary
from vmdkgen.wording import BEYOND, IN_HEADER, STREAM_OUTSIDE

HOSTILE = True
SECTORS = 16                    # of a grain
GRAIN = SECTORS * 512
SIZE = 40 * SECTORS
PLAIN = content.pattern(SIZE, SECTORS, "DD.R" * 10, 770)
ONES = (1 << 64) - 1
GD = ("a place inside the file, behind header and descriptor, for the whole "
      "grain directory")
OTHER = "does not begin with the marker of that grain"
LARGE = "claims more bytes than a packed grain can have"
PAST = "continues beyond the end of the file"
NO_DATA = "does not inflate"
MORE = "inflates to more than a grain's bytes"
LESS = "inflates to less than a grain's bytes"
NO_FOOTER = ("<disk>: expected the footer of a stream-optimized disk at the "
             "end of the file, since the header says that the grain directory "
             "is there, but found none: the download or copy is incomplete, "
             "fetch it again")
NO_DIRECTORY = ("<disk>: expected the grain directory, behind its marker, at "
                "sector %d, where the footer at the end of the file says that "
                "it is, but it is not there: the file is damaged, or more "
                "than one stream")
DIFFERENT = ("<disk>: expected the footer at the end of the file to repeat "
             "the header, but for the place of the grain directory: they "
             "differ, so the file is damaged")
AFTER_DATA = ("<disk>: there are bytes after the compressed data of a grain; "
              "they are ignored")
AFTER_END = ("<disk>: there are bytes after the end of the stream; they are "
             "ignored")
RAW = ("<disk>: grains are compressed as bare deflate (RFC 1951) instead of "
       "zlib (RFC 1950): other programs will not read this disk, and nothing "
       "proves that its content is right")


def plain(sub, **options):
    """The disk that has something wrong in one place."""
    return disk.streamed(sub, "d.vmdk", PLAIN, grain=SECTORS, **options)


# What is wrong with grain 9.
DATA = {
    "lba-of-another-grain": ({"lba": {9: 8 * SECTORS}}, OTHER),
    "lba-unaligned": ({"lba": {9: 9 * SECTORS + 1}}, OTHER),
    "lba-at-the-capacity": ({"lba": {9: SIZE}}, OTHER),
    "lba-2-60": ({"lba": {9: 1 << 60}}, OTHER),
    "lba-wraps": ({"lba": {9: 1 << 55 | 9 * SECTORS}}, OTHER),
    "size-0": ({"sizes": {9: 0}}, OTHER),
    "size-1": ({"sizes": {9: 1}}, NO_DATA),
    "size-as-large-as-it-may-be-cut": ({"sizes": {9: 40}}, NO_DATA),
    "size-too-large-by-one": ({"sizes": {9: 2 * GRAIN + 1025}}, LARGE),
    "size-2-31": ({"sizes": {9: 1 << 31}}, LARGE),
    "size-all-ones": ({"sizes": {9: (1 << 32) - 1}}, LARGE),
    "bomb": ({"packed": {9: other(bytes(16 << 20))}}, MORE),
    "one-byte-more": ({"packed": {9: other(b"a" * (GRAIN + 1))}}, MORE),
    "one-byte-less": ({"packed": {9: other(b"a" * (GRAIN - 1))}}, LESS),
    "nothing": ({"packed": {9: other(b"")}}, LESS),
    "preset-dictionary": ({"packed": {9: with_dictionary}}, NO_DATA),
    "truncated": ({"packed": {9: lambda packed: packed[:-5]}}, NO_DATA),
    "without-checksum": ({"packed": {9: lambda packed: packed[:-4]}},
                         NO_DATA),
    "wrong-checksum": ({"packed": {9: flipped(-1)}}, NO_DATA),
    "wrong-byte": ({"packed": {9: flipped(40)}}, NO_DATA),
    "gzip": ({"packed": {9: gzipped}}, NO_DATA),
    "not-deflate": ({"packed": {9: lambda packed: b"\xff" * 99}}, NO_DATA),
}


def grains(d):
    """A grain is not looked into before it is read: writing is no harm."""
    for label, (options, problem) in DATA.items():
        sub = d.sub(label)
        link = plain(sub, **options)
        link.layer = link.image.fail(9).content
        yield sub.serve(link, exact=[wording.grain(
            9, link.image.grains[9], problem)])
    sub = d.sub("size-past-end")
    link = plain(sub, sizes={39: 17000})
    link.layer = link.image.fail(39).content
    yield sub.serve(link, exact=[wording.grain(39, link.image.grains[39],
                                               PAST)])
    sub = d.sub("trailing-data")
    yield sub.serve(plain(sub, packed={9: lambda packed: packed + b"after"}),
        warns=[AFTER_DATA])
    sub = d.sub("bare-deflate")
    yield sub.serve(plain(sub, raw=True),
                    warns=[RAW])
    # One compressed grain for many: only one of them is it.
    sub = d.sub("one-grain-for-many")
    link = plain(sub)
    at = link.image.grains[21]
    for g in range(2, 38, 5):
        link.image.set_gte(g, at)
        link.image.fail(g)
    link.layer = link.image.content
    yield sub.serve(link, exact=[wording.grain(g, at, OTHER)
                                 for g in range(2, 38, 5)])


# label: (what entry 9 says, what is wrong for readers; for writers too?)
GTE = {
    "in-header": (lambda i: 2, IN_HEADER, True),
    "end-of-descriptor": (lambda i: 20, IN_HEADER, True),
    "in-padding": (lambda i: 100, OTHER, False),
    "in-table": (lambda i: i.tables[0], OTHER, False),
    "in-directory": (lambda i: i.gd, OTHER, False),
    "in-footer": (lambda i: i.footer, OTHER, False),
    "at-the-end": (lambda i: i.file_size() // 512, BEYOND, True),
    "2-31": (lambda i: 1 << 31, BEYOND, True),
    "all-ones": (lambda i: (1 << 32) - 1, BEYOND, True),
}


def tables(d):
    for label, (value, problem, worse) in GTE.items():
        sub = d.sub("gte-" + label)
        link = plain(sub)
        at = value(link.image)
        link.image.set_gte(9, at)
        link.layer = link.image.fail(9).content
        reason = wording.damaged(STREAM_OUTSIDE % (9, at * 512)) \
            if worse else None
        yield sub.serve(link, exact=[wording.grain(9, at, problem)],
                        reason=reason)
    data = content.scattered(3 * 65536, 128, range(0, 1536, 40), 771)
    for layout in ("A", "B"):
        for label, value in (("in-descriptor", 3), ("in-directory", None),
                             ("all-ones", (1 << 32) - 1)):
            sub = d.sub("gde-%s-%s" % (label, layout))
            link = disk.streamed(sub, "d.vmdk", data, layout=layout)
            at = link.image.gd if value is None else value
            link.image.set_gde(1, at)
            link.layer = link.image.fail(512, 512).content
            problem = wording.directory(1, at, link.image.file_size())
            yield sub.serve(link, exact=[problem],
                            reason=wording.damaged(problem))


def footers(d):
    for label, fields, exact in (
            ("capacity-up", {"capacity": 1 << 20}, DIFFERENT),
            ("capacity-all-ones", {"capacity": ONES}, wording.header(
                "capacity", ONES, "less than 2^54 sectors")),
            ("capacity-of-more-tables", {"capacity": 1 << 38},
             None),
            ("grain-size", {"grainSize": 64}, DIFFERENT),
            ("table-size", {"numGTEsPerGT": 1024}, DIFFERENT),
            ("version", {"version": 1}, DIFFERENT),
            ("flags", {"flags": 0x30005}, DIFFERENT),
            ("directory-all-ones", {"gdOffset": ONES}, NO_DIRECTORY % ONES),
            ("directory-0", {"gdOffset": 0}, NO_DIRECTORY % 0),
            ("directory-1", {"gdOffset": 1}, NO_DIRECTORY % 1),
            ("directory-before-the-grains", {"gdOffset": 30},
             NO_DIRECTORY % 30),
            ("directory-past-end", {"gdOffset": 1 << 40},
             NO_DIRECTORY % (1 << 40)),
            ("directory-wraps", {"gdOffset": 1 << 55 | 30},
             NO_DIRECTORY % (1 << 55 | 30))):
        sub = d.sub("footer-" + label)
        link = plain(sub, footer_fields=fields)
        yield sub.refuse(link, exact=exact or wording.header(
            "gdOffset", link.image.gd, GD))
    sub = d.sub("footer-missing")
    yield sub.refuse(plain(sub, footer=False),
                     exact=NO_FOOTER)
    sub = d.sub("footer-cut-off")
    link = plain(sub)
    link.image.truncate(link.image.file_size() // 2)
    yield sub.refuse(link, exact=NO_FOOTER)
    sub = d.sub("footer-too-far")
    link = plain(sub, trailing=bytes(80000))
    yield sub.refuse(link, exact=NO_FOOTER)


def behind_the_end(d):
    """A second stream, whose footer is the last, but is about itself."""
    few = content.scattered(SIZE, SECTORS, (3, 30), 772)
    sub = d.sub("second-stream")
    second = disk.streamed(sub.sub("x"), "e.vmdk", few,
                           grain=SECTORS).image
    link = plain(sub)
    link.image.append(second.peek(128 * 512, second.file_size()))
    yield sub.serve(link, warns=[AFTER_END])
    sub = d.sub("second-stream-that-hides-the-footer")
    second = plain(sub.sub("x")).image
    link = plain(sub)
    link.image.append(second.peek(0, second.file_size()))
    link.image.poke((second.gd - 1) * 512, b"\xff" * 512)
    yield sub.refuse(link, exact=NO_DIRECTORY % second.gd)
    sub = d.sub("other-bytes")
    yield sub.serve(plain(sub, trailing=b"\x1b[2J" * 500),
                    warns=[AFTER_END])


def overheads(d):
    """It is nothing that a stream is read by, or written to."""
    for value in (0, 1 << 32, 1 << 63, ONES):
        sub = d.sub("overhead-%d" % value)
        link = plain(sub, fields={"overHead": value},
                             footer_fields={"overHead": value})
        yield sub.serve(link)
        now = model.Model(link.expected().read(0, SIZE * 512))
        written.write_once(link.path, now, 9 * GRAIN + 512, 3000)
        yield sub.serve(link, written.Left(now.data),
                        label="overhead-%d-written" % value)


def make(d):
    for group in (grains, tables, footers, behind_the_end, overheads):
        yield from group(d)
