# SPDX-License-Identifier: BSD-3-Clause
"""Hostile extent lines: the rows of vmdk-format.md 11.1 about extent names
and about the offsets of FLAT lines.

The other rows of 11.1 are in hostile-descriptor.py and hostile-parents.py.
"""

import os

from vmdkgen import case, content, descriptor, disk, wording, written

HOSTILE = True
SIZE = 1024
SECRET = content.full(SIZE, 710)
WHO = "the extent of line 8"
OWN_FILE = ("<disk>: expected each extent of the chain to have a file of its "
            "own, but %s is named twice, or holds a descriptor")
SHARED = "two of its extents share a part of one file"
URI = ('<disk>: the extent "%s" is an object of a vSAN or vVol datastore, not '
       "a file: export or clone the disk with VMware's tools")
NO_MAGIC = ("%s: expected the signature of a %s extent (KDMV, COWD or "
            "0xcafebabe), found the bytes 23 20 44 69: the extent is "
            "encrypted, damaged, or not the file that belongs here")
CUT = ("%s: expected the signature of a %s extent (KDMV, COWD or "
       "0xcafebabe), but the file has only %d bytes: it was truncated, or "
       "copied incompletely")
BAD_NAME = ("expected a file name of at most 4096 bytes and without control "
            "bytes")
BAD_OFFSET = "expected an offset in sectors after the name"
SHORT = ("%s: the descriptor expects %d bytes at offset %d of this extent, "
         "but the file has only %d bytes: it was truncated, or copied "
         "incompletely")


def lines(sub, *extents, **words):
    """A descriptor with these extent lines, from line 8 on."""
    words.setdefault("create_type", "custom")
    parts = [disk.Part(line, SECRET) for line in extents]
    return disk.link(sub, "d.vmdk", parts, **words)


def extent(sub, name, keyword="FLAT", **words):
    """A disk whose one extent has this name."""
    offset = 0 if keyword == "FLAT" else None
    return lines(sub, disk.extent_line(SIZE, keyword, name, offset), **words)


def places(sub):
    """What names could lead to, outside the directory of the disk."""
    outside = sub.sub("outside")
    disk.raw_file(outside.path("secret.raw"), SECRET)
    inside = sub.sub("disk")
    inside.sub("x")
    os.symlink("../outside/secret.raw", inside.path("file-link"))
    os.symlink("../outside", inside.path("dir-link"))
    os.symlink("/etc/passwd", inside.path("absolute-link"))
    return inside


# label: (name, what was tried instead)
OUTSIDE = {
    "passwd": ("/etc/passwd", ["passwd"]),
    "device": ("/dev/zero", ["zero"]),
    "proc": ("/proc/self/environ", ["environ"]),
    "fd": ("/proc/self/fd/0", ["0"]),
    "two-slashes": ("//host/share/x.raw", ["x.raw"]),
    "up": ("../outside/secret.raw", ["../outside/secret.raw", "secret.raw"]),
    "up-and-up": ("../" * 60 + "etc/passwd",
                  ["../" * 60 + "etc/passwd", "passwd"]),
    "down-and-up": ("x/../../outside/secret.raw",
                    ["x/../../outside/secret.raw", "secret.raw"]),
    "link-to-file": ("file-link", ["file-link"]),
    "link-to-directory": ("dir-link/secret.raw",
                          ["dir-link/secret.raw", "secret.raw"]),
    "absolute-link": ("absolute-link", ["absolute-link"]),
}
# Windows' names are tried as they are, then with our separators.
FOREIGN = {
    "drive": ("C:\\secret.raw", ["C:\\x5csecret.raw", "secret.raw"]),
    "unc": ("\\\\host\\share\\secret.raw",
            ["\\x5c\\x5chost\\x5cshare\\x5csecret.raw", "secret.raw"]),
    "up-on-windows": ("..\\outside\\secret.raw",
                      ["..\\x5coutside\\x5csecret.raw",
                       "../outside/secret.raw", "secret.raw"]),
}


def outside(d):
    for label, (name, tried) in list(OUTSIDE.items()) + list(
            FOREIGN.items()):
        sub = places(d.sub(label))
        link = extent(sub, name)
        yield sub.refuse(link, label=label, exact=wording.outside(
            WHO, name, ["<dir>/" + one for one in tried]))
    for label, name in (("home", "~/secret.raw"),
                        ("variable", "$HOME/secret.raw"),
                        ("json", "json:{'driver':'file'}"),
                        ("protocol", "fat:rw:secret.raw"),
                        ("windows-stream", "d.raw:secret"),
                        ("command", "|cat secret.raw")):
        sub = places(d.sub(label))
        base = name.split("/")[-1]
        tried = [name] if base == name else [name, base]
        yield sub.refuse(extent(sub, name), label=label,
                         exact=wording.missing(
                             WHO, name, ["<dir>/" + one for one in tried]))
    for label, name in (("nbd", "nbd://localhost/x"),
                        ("file-uri", "file:///etc/passwd"),
                        ("vsan", "vsan://523d7e5c-1f2a")):
        sub = d.sub(label)
        yield sub.refuse(extent(sub, name), exact=URI % name)


def no_bytes(d):
    """What is not in the file is not told as found."""
    for keyword in ("SPARSE", "VMFSSPARSE", "SESPARSE"):
        for size in (0, 3):
            sub = d.sub("%s-of-%d-bytes" % (keyword, size))
            sub.write("f", b"KDM"[:size])
            yield sub.refuse(extent(sub, "f", keyword),
                             exact=CUT % (wording.extent("f"), keyword, size))


def no_regular_file(d):
    """Each also under a keyword whose driver would look at the content."""
    for keyword in ("FLAT", "SPARSE", "VMFSSPARSE", "SESPARSE"):
        sub = d.sub("fifo-" + keyword)
        os.mkfifo(sub.path("f"))
        yield sub.refuse(extent(sub, "f", keyword),
                         exact=wording.special(WHO, "f", "f"))
    sub = d.sub("directory")
    sub.sub("f")
    yield sub.refuse(extent(sub, "f"), exact=wording.special(WHO, "f", "f"))
    sub = d.sub("dot")
    yield sub.refuse(extent(sub, "."), exact=wording.special(WHO, ".", "."))
    sub = d.sub("socket")
    case.make_socket(sub.path("f"))
    yield sub.refuse(extent(sub, "f"), exact=wording.special(WHO, "f", "f"))
    # Where devices may be looked for, they are found, and not used.
    for name in ("zero", "tty"):
        sub = d.sub("device-" + name)
        yield sub.refuse(extent(sub, "/dev/" + name), params=["search=/dev"],
                         exact=wording.special(WHO, "/dev/" + name, name))


def one_file_twice(d):
    for keyword in ("FLAT", "SPARSE", "VMFSSPARSE", "SESPARSE"):
        sub = d.sub("the-descriptor-itself-" + keyword)
        yield sub.refuse(extent(sub, "d.vmdk", keyword),
                         exact=OWN_FILE % "<dir>/d.vmdk")
    sub = d.sub("a-hard-link-to-the-descriptor")
    link = extent(sub, "e.vmdk")
    os.link(link.path, sub.path("e.vmdk"))
    yield sub.refuse(link, exact=OWN_FILE % "<dir>/e.vmdk")
    for keyword in ("SPARSE", "VMFSSPARSE", "SESPARSE"):
        sub = d.sub("another-descriptor-" + keyword)
        disk.link(sub, "e.vmdk", [disk.flat(sub, "e.raw", SECRET)])
        yield sub.refuse(extent(sub, "e.vmdk", keyword),
                         exact=NO_MAGIC % (wording.extent("e.vmdk"), keyword))
    sub = d.sub("another-descriptor-is-only-bytes")
    text = descriptor.build(['RW 8 FLAT "/etc/passwd" 0'], pad=512)[:512]
    sub.write("e.vmdk", text)
    link = lines(sub, 'RW 1 FLAT "e.vmdk" 0')
    yield sub.serve(link.path, written.Left(text))
    sub = d.sub("sparse-twice")
    part = disk.sparse(sub, "s.vmdk", SECRET)
    yield sub.refuse(disk.link(sub, "d.vmdk", [part, part]),
                     exact=OWN_FILE % "<dir>/s.vmdk")
    sub = d.sub("sparse-as-flat-too")
    part = disk.sparse(sub, "s.vmdk", SECRET)
    both = [part, disk.Part('RW 8 FLAT "s.vmdk" 0', SECRET)]
    yield sub.refuse(disk.link(sub, "d.vmdk", both, create_type="custom"),
                     exact=OWN_FILE % "<dir>/s.vmdk")
    for label, second, start in (
            ("overlap", "f.raw", SIZE - 1), ("overlap-whole", "f.raw", 0),
            ("overlap-by-hard-link", "hard.raw", 9),
            ("overlap-by-symbolic-link", "soft.raw", 9)):
        sub = d.sub(label)
        disk.raw_file(sub.path("f.raw"), content.full(2 * SIZE, 711))
        os.link(sub.path("f.raw"), sub.path("hard.raw"))
        os.symlink("f.raw", sub.path("soft.raw"))
        whole = content.full(2 * SIZE, 711)
        link = disk.link(sub, "d.vmdk", [
            disk.Part(disk.extent_line(SIZE, "FLAT", "f.raw", 0),
                      whole.slice(0, SIZE)),
            disk.Part(disk.extent_line(SIZE, "FLAT", second, start),
                      whole.slice(start, SIZE))])
        yield sub.serve(link, reason=SHARED)


def odd_bytes(d):
    for label, name in (("tab", "d\t.raw"), ("return", "d\r.raw"),
                        ("escape", "d\x1b]0;title\x07\x1b[31m.raw"),
                        ("delete", "d\x7f.raw"), ("bell", "d\x07.raw")):
        sub = d.sub("name-with-" + label)
        link = extent(sub, name)
        yield sub.refuse(link, exact=wording.line(
            8, BAD_NAME, 'RW 1024 FLAT "%s" 0' % name))
    sub = d.sub("name-empty")
    yield sub.refuse(extent(sub, ""), exact=wording.line(
        8, "expected the name of the extent's file", 'RW 1024 FLAT "" 0'))
    # A newline ends the line; what comes behind is no message of ours.
    sub = d.sub("name-with-newline")
    yield sub.refuse(
        extent(sub, "d\nnbdkit: error: all is well"),
        exact='<disk>: line 8 of the descriptor: expected a closing quote '
              'behind the name: found "RW 1024 FLAT "d"')
    # C1 controls, which some terminals obey, and what is no UTF-8 at all.
    for label, name, shown in (
            ("c1", b"d\xc2\x9b31m.raw", "d\\xc2\\x9b31m.raw"),
            ("no-utf-8", b"d\xff\xfe.raw", "d\\xff\\xfe.raw"),
            ("overlong", b"d\xc0\xaf.raw", "d\\xc0\\xaf.raw"),
            ("backslash", b"d\\x1b[31m.raw", "d\\x5cx1b[31m.raw")):
        sub = d.sub("name-" + label)
        line = b'RW 1024 FLAT "' + name + b'" 0'
        tried = ["<dir>/" + shown]
        if label == "backslash":
            tried += ["<dir>/d/x1b[31m.raw", "<dir>/x1b[31m.raw"]
        yield sub.refuse(lines(sub, line), exact=(
            '<disk>: cannot find the extent of line 8, recorded as "%s"; '
            "tried %s: copy it there, or name the directory that it is in "
            "with search=DIR" % (shown, ", ".join(tried))))
    # The name that the user gives is no better.
    sub = d.sub("disk-name")
    name = "d\nnbdkit: error: \x1b[2J.vmdk"
    sub.write(name, "Dear disk")
    yield sub.refuse(name, exact=(
        '<dir>/d\\x0anbdkit: error: \\x1b[2J.vmdk: expected a VMDK, found a '
        'text without a "version=" line, which every descriptor has: name '
        "the descriptor of the disk, or serve raw data with the file plugin"))


def long_names(d):
    """255 bytes is what a host's file may have, 4095 a path."""
    for label, name in (("255", "n" * 255),
                        ("4095", "./" * 2020 + "n" * 55)):
        sub = d.sub("name-of-" + label)
        disk.flat(sub, "f.raw", SECRET)
        os.rename(sub.path("f.raw"), sub.path(os.path.basename(name)))
        yield sub.serve(extent(sub, name))
    for label, name in (("256", "n" * 256), ("4095-at-once", "n" * 4095),
                        ("4096", "n" * 4096)):
        sub = d.sub("name-of-" + label)
        yield sub.refuse(extent(sub, name), exact=wording.missing(
            WHO, name, ["<dir>/" + wording.quoted(name)]))
    sub = d.sub("name-of-4096-with-slashes")
    name = "a/" * 2047 + "bb"
    yield sub.refuse(extent(sub, name), exact=wording.missing(
        WHO, name, ["<dir>/" + wording.quoted(name), "<dir>/bb"]))
    for count in (4097, 60000):
        sub = d.sub("name-of-%d" % count)
        yield sub.refuse(extent(sub, "n" * count), exact=wording.line(
            8, BAD_NAME, 'RW 1024 FLAT "%s" 0' % ("n" * count)))


def offsets(d):
    for label, offset in (("2-54", 1 << 54), ("2-55", 1 << 55),
                          ("2-55-minus-count", (1 << 54) - SIZE),
                          ("2-64", 1 << 64), ("of-40-digits", "9" * 40),
                          ("negative", -1), ("hex", "0x10")):
        sub = d.sub("offset-" + label)
        disk.raw_file(sub.path("f.raw"), SECRET)
        line = 'RW %d FLAT "f.raw" %s' % (SIZE, offset)
        yield sub.refuse(lines(sub, line),
                         exact=wording.line(8, BAD_OFFSET, line))
    for label, count, offset, size in (
            ("one-sector-short", SIZE + 1, 0, SIZE * 512),
            ("one-byte-short", SIZE, 0, SIZE * 512 - 1),
            ("offset-past-end", SIZE, 1, SIZE * 512),
            ("offset-2-40", 8, 1 << 40, SIZE * 512),
            ("offset-largest", SIZE, (1 << 54) - 1 - SIZE, SIZE * 512),
            ("empty-file", 1, 0, 0)):
        for access in ("RW", "RDONLY"):
            sub = d.sub("flat-%s-%s" % (label, access))
            disk.raw_file(sub.path("f.raw"), SECRET, size)
            line = disk.extent_line(count, "FLAT", "f.raw", offset, access)
            yield sub.refuse(lines(sub, line), exact=SHORT % (
                wording.extent("f.raw"), count * 512, offset * 512, size))
    sub = d.sub("offset-on-sparse")
    disk.sparse(sub, "s.vmdk", SECRET)
    line = 'RW 1024 SPARSE "s.vmdk" 8'
    yield sub.refuse(lines(sub, line), exact=wording.line(
        8, "expected no offset for this type of extent", line))


def make(d):
    for group in (outside, no_bytes, no_regular_file, one_file_twice, odd_bytes,
                  long_names, offsets):
        yield from group(d)
