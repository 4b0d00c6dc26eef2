#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Seeds for the fuzzers, made by the generator of the tests.

usage: seeds.py DIRECTORY

Makes DIRECTORY/TARGET/NAME for each target: small disks of every kind, in
the container of input.h, without the sectors that are zero.
"""

import os
import random
import shutil
import struct
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "tests"))

from vmdkgen import case, content, descriptor, disk     # noqa: E402

NAMES = ["top.vmdk"] + [letter + ".vmdk" for letter in "abcdef"]
SCRIPT = 7
MAX_RECORD = 127                # sectors
TOP = NAMES[0]


# ---- the container ----

def record(number, sector, data):
    return struct.pack("<BBHI", number, 0, len(data), sector) + data


def spans(data):
    """(first, end) sectors that are not zero; the last one always."""
    last = max(0, (len(data) - 1) // 512)
    start = None
    for n in range(last + 2):
        block = data[n * 512:(n + 1) * 512]
        wanted = n <= last and (n == last or any(block))
        full = start is not None and n - start == MAX_RECORD
        if start is not None and (not wanted or full):
            yield start, n
            start = None
        if wanted and start is None:
            start = n


def pack_file(number, data):
    return b"".join(record(number, first, data[first * 512:end * 512])
                    for first, end in spans(data)) if data else b""


def pack(directory, script=b""):
    """All files of a directory, and a script."""
    out = b""
    for number, name in enumerate(NAMES):
        path = os.path.join(directory, name)
        if os.path.exists(path):
            with open(path, "rb") as f:
                out += pack_file(number, f.read())
    assert set(os.listdir(directory)) <= set(NAMES), os.listdir(directory)
    return out + (record(SCRIPT, 0, script) if script else b"")


# ---- disks ----

def data(size=18, grain=2, letters="DD.R", seed=35):
    return content.pattern(size, grain, letters * 9, seed)


def packed(letters="DD.D.BR"):
    """What packs well."""
    return data(70, 8, letters)


def sparse_images():
    for name, options in {
            "plain": {},
            "no-redundant": {"redundant": False},
            "absent-tables": {"tables": "used"},
            "v2": {"version": 2}, "v3": {"version": 3},
            "reverse": {"order": "reverse"},
            "gaps": {"gap": 3, "align": 1},
            "short": {"short": True}}.items():
        yield "sparse-" + name, lambda d, o=options: disk.mono(
            d, TOP, data(), grain=2, gtes=128, descriptor_size=2, **o)
    for grain, gtes in ((1, 128), (2, 512), (3, 128), (8, 256), (16, 1024)):
        yield "sparse-%d-%d" % (grain, gtes), lambda d, g=grain, t=gtes: \
            disk.mono(d, TOP, data(5 * g, g), grain=g, gtes=t,
                      descriptor_size=2)
    yield "sparse-zeroed", lambda d: disk.mono(
        d, TOP, data(letters="DZ.B"), grain=2, gtes=128, descriptor_size=2)
    yield "sparse-far", lambda d: disk.mono(
        d, TOP, content.scattered(1 << 20, 8, [0, 1, 5000, 130000], 3),
        grain=8, gtes=512, tables="used", descriptor_size=2)
    yield "sparse-huge", lambda d: disk.mono(
        d, TOP, content.scattered(1 << 30, 128, [0, 1 << 22], 3),
        tables="used", redundant=False)


def stream_images():
    layouts = {"a": {}, "b": {"layout": "B"}, "hybrid": {"layout": "hybrid"}}
    for name, layout in layouts.items():
        for more, options in {
                "": {}, "-reverse": {"reverse": True},
                "-short-last": {"full": False}, "-raw": {"raw": True},
                "-no-values": {"marker_values": False},
                "-trailing": {"trailing": b"x" * 700},
                "-no-eos": {"eos": False},
                "-unclean": {"fields": {"uncleanShutdown": 1}},
                "-empty-tables": {"empty_tables": True},
                "-bad-grain": {"packed": {1: lambda p: p[:-3]}},
                "-no-footer": {"footer": False},
        }.items():
            yield "stream-%s%s" % (name, more), \
                lambda d, o={**layout, **options}: disk.streamed(
                    d, TOP, packed(), grain=8, gtes=128, descriptor_size=2, **o)
        yield "stream-%s-zeroed" % name, lambda d, o=layout: disk.streamed(
            d, TOP, packed("DZ.B"), grain=8, gtes=128,
            descriptor_size=2, **o)
        yield "stream-%s-tables" % name, lambda d, o=layout: disk.streamed(
            d, TOP, content.scattered(8192, 8, [0, 3, 300, 1000], 5),
            grain=8, gtes=128, descriptor_size=2, **o)
        yield "stream-%s-usual" % name, lambda d, o=layout: disk.streamed(
            d, TOP, data(300, 128, "D.D"), **o)
    for end in ("no-footer", "cut"):
        yield "stream-unclean-" + end, lambda d, e=end: unclean(d, e)
    yield "stream-external", lambda d: disk.link(
        d, TOP, [disk.stream(d, "a.vmdk", packed(), grain=8, gtes=128,
                             descriptor_size=0)])


def unclean(d, end):
    """What others leave, as in cases/stream-unclean.py."""
    link = disk.streamed(d, TOP, packed(), grain=8, gtes=128, descriptor_size=2,
                         fields={"uncleanShutdown": 1},
                         footer=end != "no-footer")
    link.image.poke(79, bytes(range(255, 0, -1)))
    if end == "cut":
        link.image.truncate(link.image.file_size() * 2 // 3)


SESPARSE_DDB = (("ddb.grain", "8"),
                ("ddb.longContentID", "0" * 24 + "0172e8a4"))


def other_images():
    yield "cowd", lambda d: disk.link(d, TOP, [
        disk.cowd(d, "a.vmdk", data(20, 1, "DDZ."))])
    yield "cowd-all", lambda d: disk.link(d, TOP, [
        disk.cowd(d, "a.vmdk", data(40, 2, "D.Z"), grain=2, tables="all")])
    yield "cowd-data", lambda d: disk.link(d, TOP, [
        disk.cowd(d, "a.vmdk", data(40, 2, "DD.R"), grain=2)])
    yield "cowd-bare", lambda d: disk.cowd(d, TOP, data(20, 1, "DDZ."))
    yield "sesparse", lambda d: disk.link(d, TOP, [
        disk.sesparse(d, "a.vmdk", data(40, 8, "DZ.D"))], ddb=SESPARSE_DDB)
    yield "sparse-bare", lambda d: disk.sparse(d, TOP, data(), grain=2,
                                               gtes=128)
    yield "flat", lambda d: disk.link(d, TOP, [
        disk.flat(d, "a.vmdk", data(20, 4, "D.R"), offset=3, after=2)])
    yield "vmfs", lambda d: disk.link(d, TOP, [
        disk.vmfs(d, "a.vmdk", data(20, 4, "D.R"))])
    yield "zero", lambda d: disk.link(d, TOP, [
        disk.zero(1 << 40), disk.zero(7, access="RDONLY")])
    yield "noaccess", lambda d: disk.link(d, TOP, [
        disk.flat(d, "a.vmdk", data(8, 4, "D"), access="NOACCESS"),
        disk.sparse(d, "b.vmdk", data(16, 8), grain=8, gtes=128)])
    yield "split-sparse", lambda d: disk.link(d, TOP, [
        disk.sparse(d, n, data(16, 4, seed=i), grain=4, gtes=128)
        for i, n in enumerate(("a.vmdk", "b.vmdk", "c.vmdk"), 1)])
    yield "split-mixed", lambda d: disk.link(d, TOP, mixed_parts(d),
                                             create_type="custom")
    yield "twice", lambda d: disk.link(d, TOP, [
        disk.flat(d, "a.vmdk", data(8, 4, "D")),
        disk.Part('RW 4 FLAT "a.vmdk" 2', data(4, 4, "D"))])


def mixed_parts(d):
    return [disk.sparse(d, "a.vmdk", data(6, 2), grain=2, gtes=128),
            disk.flat(d, "b.vmdk", data(9, 3, "D.")), disk.zero(5),
            disk.cowd(d, "c.vmdk", data(6, 1, "D.")),
            disk.stream(d, "d.vmdk", packed("D.B"), grain=8, gtes=128,
                        descriptor_size=0)]


# ---- chains ----

SIZE = 76                       # sectors; ends inside of a grain


def flat_base(d, name, letters="D.R"):
    return disk.link(d, name, [disk.flat(d, "f.vmdk", data(SIZE, 4, letters))])


def mono(d, name, parent=None, letters="D.Z"):
    return disk.mono(d, name, data(SIZE, 8, letters, 11), parent=parent,
                     grain=8, gtes=128, descriptor_size=2,
                     cid="%08x" % len(name))


def streamed(d, name, parent=None):
    return disk.streamed(d, name, data(SIZE, 8, ".D.", 12), parent=parent,
                         grain=8, gtes=128, descriptor_size=2)


def cowd_link(d, name, parent=None, grain=1):
    return disk.link(d, name, [disk.cowd(d, "e.vmdk",
                                         data(SIZE, grain, "..D", 13),
                                         grain=grain)], parent=parent)


def chains():
    yield "two", lambda d: mono(d, TOP, flat_base(d, "a.vmdk"))
    yield "full", lambda d: mono(d, TOP, flat_base(d, "a.vmdk", "DR"), "DD..")
    yield "full-stream", lambda d: streamed(
        d, TOP, flat_base(d, "a.vmdk", "DR"))
    yield "full-cowd", lambda d: cowd_link(
        d, TOP, flat_base(d, "a.vmdk", "DR"), 4)
    yield "two-sparse", lambda d: mono(d, TOP, mono(d, "a.vmdk"))
    yield "three", lambda d: streamed(d, TOP, mono(
        d, "a.vmdk", flat_base(d, "b.vmdk")))
    yield "four", lambda d: mono(d, TOP, streamed(d, "a.vmdk", cowd_link(
        d, "b.vmdk", flat_base(d, "c.vmdk"))))
    yield "loop", lambda d: disk.mono(
        d, TOP, data(SIZE, 8), grain=8, gtes=128, descriptor_size=2,
        words={"hint": TOP, "parent_cid": "0172e8a4"})
    yield "wrong-cid", lambda d: disk.mono(
        d, TOP, data(SIZE, 8), parent=mono(d, "a.vmdk"), grain=8, gtes=128,
        descriptor_size=2, words={"parent_cid": "12345678"})
    yield "missing", lambda d: disk.mono(
        d, TOP, data(SIZE, 8), grain=8, gtes=128, descriptor_size=2,
        words={"hint": "gone.vmdk", "parent_cid": "12345678"})
    yield "guessed", lambda d: disk.mono(
        d, TOP, data(SIZE, 8), parent=mono(d, "a.vmdk"), grain=8, gtes=128,
        descriptor_size=2, words={"hint": "C:\\\\disks\\\\a.vmdk"})


# ---- scripts ----

WRITE, ZERO, FLUSH, COMPARE, STATUS, REOPEN = 0, 3, 5, 6, 7, 15
BYTES = 128                     # added: in bytes, not sectors
FREE = 2


def request(rng):
    """One request for fuzz-write.c, which takes places modulo the disk's size.
    Most are smaller than a grain; the rest trim grains and look at them.
    """
    action = rng.choice((WRITE, WRITE, WRITE, ZERO, ZERO, FLUSH, COMPARE,
                         STATUS, REOPEN))
    unit, start, count = rng.choice((
        (BYTES, 65535, 1500), (BYTES, 65535, 4000), (0, 65535, 7),
        (0, 65535, 24), (0, 65535, 255)))
    how = rng.randrange(256)
    if action == ZERO and rng.random() < 0.7:
        how |= FREE
        unit, count = 0, 64
    if action == REOPEN:
        unit = 0
    return struct.pack("<BBHH", action | unit, how, rng.randint(0, start),
                       rng.randint(1, count))


def script(rng):
    """Options and requests for fuzz-write.c."""
    return bytes([rng.choice((0, 1, 4, 8, 12, 16)),
                  rng.choice((0, 0, 128, 255))]) + b"".join(
        request(rng) for _ in range(rng.randint(4, 40)))


# What the core does not write to takes no requests; and what takes long.
ONE_SCRIPT = ("chain-loop", "chain-missing", "chain-wrong-cid", "cowd",
              "cowd-all", "cowd-bare", "sesparse", "sparse-3-128",
              "sparse-bare", "sparse-huge", "sparse-v3", "stream-a-no-footer",
              "stream-unclean-cut", "stream-unclean-no-footer", "twice", "zero")


def write_seeds(out, name, top, n):
    for i in range(1 if name in ONE_SCRIPT else n):
        rng = random.Random("%s %d" % (name, i))
        out("write", "%s-%d" % (name, i), pack(top, script(rng)))


# ---- targets ----

def made(makers):
    """(name, directory) of each disk; the directory is gone afterwards."""
    for name, make in makers:
        top = tempfile.mkdtemp(prefix="seed")
        try:
            make(case.Directory(top))
            yield name, top
        finally:
            shutil.rmtree(top)


def images(out):
    for makers in (sparse_images(), stream_images(), other_images()):
        for name, top in made(makers):
            out("image", name, pack(top, bytes(range(40))))
            write_seeds(out, name, top, 8)
            if name.startswith("stream"):
                for how in (0, 2, 6, 10, 18, 34, 36, 40, 48):
                    out("stream", "%s-%d" % (name, how),
                        pack(top, bytes([how, how % 7, how * 3 % 100])))
            for file in sorted(os.listdir(top)):
                with open(os.path.join(top, file), "rb") as f:
                    front(out, name + "-" + file, f.read(8192))


HEADERS = {b"KDMV": 0, b"COWD": 1, b"\xbe\xba\xfe\xca": 2}


def front(out, name, head):
    """What is in the front of a file, for the parsers."""
    kind = HEADERS.get(head[:4])
    if kind is not None:
        size = struct.pack(">Q", 1 << 30)
        out("header", name, bytes([kind]) + size + head[:2048])
    if kind == 2:
        out("header", name + "-volatile", bytes([3]) + size + head[512:1024])
    start = head.find(b"# Disk Desc")
    if start >= 0:
        out("descriptor", name, head[start:].split(b"\0")[0])


def chain_inputs(out):
    for name, top in made(chains()):
        write_seeds(out, "chain-" + name, top, 24)
        for how in (0, 1, 2, 8):
            out("chain", "%s-%d" % (name, how), pack(top, bytes([how])))


def descriptors(out):
    lines = ['RW 40 SPARSE "a.vmdk"', 'RDONLY 7 FLAT "b \'c\'.vmdk" 12',
             "NOACCESS 5 ZERO"]
    for name, options in {
            "all": {"encoding": "windows-1252", "native": "no", "hint": "p",
                    "parent_cid": "1"},
            "cbt": {"version": 3, "change_track": "a-ctk.vmdk"},
            "crlf": {"eol": "\r\n"}, "mark": {"mark": True},
            "short-cid": {"cid": "F"}, "blanks": {"equals": " = "},
            "first": {"extents_first": True}, "pad": {"pad": 100},
            "ids": {"ddb": SESPARSE_DDB + (
                ("ddb.uuid.modification",
                 "12345678-1234-1234-1234-123456789abc"),)}}.items():
        out("descriptor", name, descriptor.build(lines, **options))


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: seeds.py DIRECTORY")

    def out(target, name, data):
        directory = os.path.join(sys.argv[1], target)
        os.makedirs(directory, exist_ok=True)
        with open(os.path.join(directory, name), "wb") as f:
            f.write(data)

    images(out)
    chain_inputs(out)
    descriptors(out)


if __name__ == "__main__":
    main()
