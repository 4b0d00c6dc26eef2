# SPDX-License-Identifier: BSD-3-Clause
"""Hostile streams that claim not to have been closed: the row of
vmdk-format.md 11.3 about markers that are out of order, unknown or say that
gigabytes follow.

Only then is a stream walked from marker to marker, by the log that the
header tells of (common/vmdk/stream.h).  What the walk does not understand
ends it: the grains behind that are not there, which is told.
"""

import struct
import zlib

from vmdkgen import content, disk, stream, wording

HOSTILE = True
SIZE = 40 * 128
PLAIN = content.pattern(SIZE, 128, "DD.R" * 10, 780)
COUNT = len([g for g in range(40) if g % 4 != 2])       # grains of data
BEFORE_20 = len([g for g in range(20) if g % 4 != 2])
START = 128                     # the sector where the log begins
NONCE = 0x1122334455667788
ONES = (1 << 64) - 1
REBUILT = ("<disk>: the disk was not closed by the program that wrote it "
           "last: its grain tables were rebuilt from its log; grains in it: %d")
BEHIND = ("<disk>: %d bytes behind the end of the log are not understood: if "
          "the host has crashed, that is what had not been flushed; if not, "
          "the file is damaged, so copy it first; it is left as it is until "
          "something is written")
LEFT_OUT = ("<disk>: incomplete grains of the log, of requests that had not "
            "been flushed, were left out: %d")
NO_RECORD = ("<disk>: the disk was not closed, and the record in its header "
             "that tells how to find its grains is damaged: it cannot be read")
NO_LOG = ("<disk>: the disk was not closed, and the record in its header says "
          "that the log begins at sector %d and the grain directory at sector "
          "%d, which are not both in the file's %d: the file is damaged or "
          "incomplete")


def record(start=START, gd=0, wrong=0):
    """What the header says of the log."""
    body = struct.pack("<8sQQQQ", b"NBDKLOG1", NONCE, gd, start, 0)
    return body + struct.pack("<I", zlib.crc32(body) ^ wrong)


def orders(lines, nonce=NONCE, count=None):
    """A sector that says which entries grains have."""
    body = bytearray(512)
    struct.pack_into("<QII8sQII", body, 0, 0, 0, 4, b"NBDKORD1", nonce,
                     len(lines) if count is None else count, 0)
    for i, (grain, entry) in enumerate(lines):
        struct.pack_into("<QI", body, 40 + 12 * i, grain, entry)
    struct.pack_into("<I", body, 36, zlib.crc32(body))
    return bytes(body)


def unclosed(sub, start=START, gd=0, wrong=0, **options):
    link = disk.streamed(sub, "d.vmdk", PLAIN,
                         fields={"uncleanShutdown": 1}, **options)
    link.image.poke(256, record(start, gd, wrong))
    return link


def cut_before_20(link):
    """What is left when the walk ends in front of grain 20."""
    link.layer = PLAIN.mark(20 * 128, SIZE - 20 * 128, "absent")
    return link


def ends(d):
    """What is put in front of grain 20 ends the walk there."""
    grain = stream.grain_block
    packed = stream.deflate(bytes(65536))
    for label, block in (
            ("type-5", stream.marker(5)), ("type-2-31", stream.marker(1 << 31)),
            ("type-all-ones", stream.marker((1 << 32) - 1, ONES)),
            ("directory-of-2-60", stream.marker(2, 1 << 60)),
            ("directory-of-all-ones", stream.marker(2, ONES)),
            ("footer-of-2-55", stream.marker(3, 1 << 55)),
            ("end-in-the-middle", stream.marker(0)),
            ("end-of-2-60", stream.marker(0, 1 << 60)),
            ("grain-at-the-capacity", grain(SIZE, packed)),
            ("grain-at-2-63", grain(1 << 63, packed)),
            ("grain-unaligned", grain(20 * 128 + 1, packed)),
            ("grain-of-all-ones", grain(20 * 128, packed, (1 << 32) - 1)),
            ("grain-one-byte-too-long", grain(20 * 128, packed,
                                              2 * 65536 + 1025)),
            ("grain-past-end", grain(20 * 128, packed, 130000))):
        sub = d.sub(label)
        before = {20: block}
        link = unclosed(sub, before=before)
        if label == "grain-past-end":
            # Cut the file, so that so many bytes are not left in it.
            link.image.truncate(link.image.grains[20] * 512 + 60000)
        end = link.image.grains[20] * 512 - len(block)
        behind = link.image.file_size() - end
        yield sub.serve(cut_before_20(link), warns=[
            REBUILT % BEFORE_20, BEHIND % behind])


def passed_over(d):
    """What is put in front of grain 20 is stepped over.  Served for writing,
    such a disk would be closed properly in the end."""
    for label, block in (
            ("progress", stream.marker(4) * 3),
            ("progress-of-2-60", stream.marker(4, 1 << 60)),
            ("directory-of-3", stream.marker(2, 3) + b"\xff" * 1536),
            ("footer-of-1", stream.marker(3, 1) + b"\xff" * 512),
            ("table-of-2-60", stream.marker(1, 1 << 60) + b"\xff" * 2048),
            ("orders-of-another-log", orders([(0, 2)], NONCE + 1)),
            ("orders-too-many", orders([(0, 2)], count=(1 << 32) - 1)),
            ("orders-of-no-grain", orders([(40, 2), (ONES, 3)]))):
        sub = d.sub("passed-" + label)
        yield sub.serve(unclosed(sub, before={20: block}), readonly=True,
                        warns=[REBUILT % COUNT])
    sub = d.sub("passed-damaged-grain")
    bad = stream.grain_block(8 * 128, b"\x78\x01" + b"\xff" * 5000)
    yield sub.serve(unclosed(sub, before={20: bad}), readonly=True,
                    warns=[REBUILT % COUNT, LEFT_OUT % 1])
    # It says where grain 9 is: in the descriptor, or nowhere.
    for label, entry, problem in (
            ("descriptor", 3, wording.IN_HEADER),
            ("2-31", 1 << 31, wording.BEYOND),
            ("last", (1 << 32) - 2, wording.BEYOND)):
        sub = d.sub("orders-to-" + label)
        link = unclosed(sub, before={20: orders([(9, entry)])})
        link.layer = link.image.fail(9).content
        yield sub.serve(link, warns=[REBUILT % COUNT],
                        exact=[wording.grain(9, entry, problem)],
                        reason=wording.damaged(wording.STREAM_OUTSIDE % (
                            9, entry * 512)))


def records(d):
    sub = d.sub("record-with-a-wrong-checksum")
    yield sub.refuse(unclosed(sub, wrong=1), exact=NO_RECORD)
    for label, start, gd in (
            ("start-0", 0, 0), ("start-in-descriptor", 20, 0),
            ("start-past-end", 1 << 40, 0), ("start-all-ones", ONES, 0),
            ("directory-past-end", START, 1 << 40),
            ("directory-2-55", START, 1 << 55),
            ("directory-all-ones", START, ONES)):
        sub = d.sub("record-" + label)
        link = unclosed(sub, start, gd)
        yield sub.refuse(link, exact=NO_LOG % (
            start, gd, link.image.file_size() // 512))


def make(d):
    for group in (ends, passed_over, records):
        yield from group(d)
