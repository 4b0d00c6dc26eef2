# SPDX-License-Identifier: BSD-3-Clause
"""Descriptor text.

The default is the strict form that VMware's own products write.  Every
departure that the tests need (order, spaces, case, line ends, padding,
byte-order mark, charset) is a keyword here; anything stranger is raw text
in the test case itself.
"""

DDB = (
    ("ddb.virtualHWVersion", "7"),
    ("ddb.geometry.cylinders", "203"),
    ("ddb.geometry.heads", "16"),
    ("ddb.geometry.sectors", "63"),
    ("ddb.adapterType", "lsilogic"),
)

NO_PARENT = "ffffffff"
UTF8_MARK = b"\xef\xbb\xbf"


def encode(text, charset):
    """Bytes stay as they are, text is encoded."""
    return text if isinstance(text, bytes) else text.encode(charset)


def header_lines(cid, parent_cid, create_type, hint, version, encoding,
                 native, extra, equals, charset):
    """The keys before the extents, as (key, line) pairs in strict order."""
    keys = [("version", version)]
    if encoding is not None:
        keys.append(("encoding", '"%s"' % encoding))
    keys += [("CID", cid), ("parentCID", parent_cid)]
    if native is not None:
        keys.append(("isNativeSnapshot", '"%s"' % native))
    keys.append(("createType", '"%s"' % create_type))
    lines = [(key, ("%s%s%s" % (key, equals, value)).encode())
             for key, value in keys if value is not None]
    if hint is not None:
        lines.append(("parentFileNameHint", b"parentFileNameHint"
                      + equals.encode() + b'"' + encode(hint, charset)
                      + b'"'))
    lines += [("", encode(line, charset)) for line in extra]
    return lines


def ordered(lines, order):
    """The header lines, those named in order first."""
    if order is None:
        return [line for _, line in lines]
    named = {key: line for key, line in lines}
    rest = [line for key, line in lines if key not in order]
    return [named[key] for key in order if key in named] + rest


def build(extents, cid="0172e8a4", parent_cid=NO_PARENT,
          create_type="monolithicSparse", hint=None, version=1,
          encoding=None, native=None, extra=(), ddb=DDB, change_track=None,
          title="# Disk DescriptorFile", equals="=", order=None,
          eol="\n", charset="utf-8", mark=False, pad=0, final=True,
          extents_first=False, transform=None):
    """The text of a descriptor, in bytes.

    extents is a list of complete extent lines.  order names header keys in
    the wanted order, transform is applied to every line, pad is the number
    of NUL bytes after the text, mark puts a byte-order mark in front.
    """
    head = header_lines(cid, parent_cid, create_type, hint, version,
                        encoding, native, extra, equals, charset)
    header = ordered(head, order)
    body = [b"# Extent description"]
    body += [encode(line, charset) for line in extents]
    tail = []
    if change_track is not None:
        tail += [b"", b"# Change Tracking File",
                 b'changeTrackPath="' + encode(change_track, charset) + b'"']
    tail += [b"", b"# The Disk Data Base ", b"#DDB", b""]
    tail += [encode('%s = "%s"' % pair, charset) for pair in ddb]
    first, second = (body, header) if extents_first else (header, body)
    lines = [encode(title, charset)] + first + [b""] + second + tail
    if transform is not None:
        lines = [transform(line) for line in lines]
    text = encode(eol, charset).join(lines)
    if final:
        text += encode(eol, charset)
    return (UTF8_MARK if mark else b"") + text + bytes(pad)
