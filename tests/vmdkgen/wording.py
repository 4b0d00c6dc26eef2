# SPDX-License-Identifier: BSD-3-Clause
"""How the server words what is wrong with a disk, for cases that compare
whole messages.

Each function makes one message from its values; <disk> and <dir> are filled
in by hostile.py.  The constants are parts of messages.  The wording is stated
here once, so that a better sentence is a change of one line.
"""

UNKNOWN = ": the file is damaged, incomplete, or of a kind that is not known"
CUT = ": the file is damaged or incomplete"

# What is wrong with the place of a grain that is read: the problem of grain().
IN_HEADER = "lies in the header or the descriptor"
IN_TABLE = "lies in a grain table or grain directory"
BEYOND = "lies beyond the end of the file"
# What follows table(), with the sector of a table that is read.
ALONE = (", at sector %d: expected it to have its place for itself, but "
         "another table lies there too: the file is damaged")

# What is wrong for those who would write: the problem of damaged(), with the
# number of the grain or the grain table and its sector; see fill().
IN_FRONT = "grain %d is said to be at sector %d, which is in the header"
OUTSIDE = ("grain %d is said to be at sector %d, beyond the end of the file, "
           "which has %d bytes")
TWICE = ("grain %d, at sector %d, or one of those behind it, lies where "
         "another grain or a grain table is")
NO_TABLE = "grain table %d is said to be at sector %d, where none can be"
TABLE_TWICE = "grain table %d, at sector %d, lies where something else is"
# The same of a stream-optimized disk, with the number and the byte.
STREAM_OUTSIDE = ("grain %d, said to be at byte %d of the file, lies beyond "
                  "its end or in its header")


def fill(problem, number, sector, size):
    """For damaged(); size: of the file, which not all problems tell."""
    return problem % (number, sector, size)[:problem.count("%d")]


def extent(name):
    """How messages call an extent that is not in the file of the disk."""
    return "<dir>/%s (an extent of <disk>)" % name


def quoted(text, most=300):
    """Bytes as they are shown: what a terminal would obey, escaped."""
    if isinstance(text, str):
        text = text.encode()
    shown = "".join(chr(b) if 0x20 <= b < 0x7f and b != 0x5c
                    else "\\x%02x" % b for b in text[:most])
    return shown + ("..." if len(text) > most else "")


def outside(what, recorded, tried=(), name="<disk>"):
    """A name that is not followed; tried are the guesses, with paths."""
    return ('%s: %s is recorded as "%s", which leads outside the directory '
            "of the disk (as every absolute symbolic link does), so it is not "
            "opened%s%s: if you trust this disk, name the directory that the "
            "file is in with search=DIR" % (
                name, what, quoted(recorded), "; also tried " * bool(tried),
                ", ".join(tried)))


def missing(what, recorded, tried, name="<disk>"):
    """A name that leads nowhere."""
    return ('%s: cannot find %s, recorded as "%s"; tried %s: copy it there, '
            "or name the directory that it is in with search=DIR" % (
                name, what, quoted(recorded), ", ".join(tried)))


def special(what, recorded, found, name="<disk>"):
    """A name that leads to what is no regular file."""
    return ('%s: expected %s, recorded as "%s", to be a regular file, found '
            'that "%s" is none' % (name, what, quoted(recorded),
                                   quoted(found)))


def header(field, value, expected, name="<disk>"):
    """A field of a header that cannot be."""
    return "%s: the header's %s is %d (0x%x), expected %s%s" % (
        name, field, value, value, expected, UNKNOWN)


def line(number, problem, found, name="<disk>"):
    """A line of a descriptor that cannot be."""
    return '%s: line %d of the descriptor: %s: found "%s"' % (
        name, number, problem, quoted(found))


def odd_line(number, what, found, name="<disk>"):
    """The warning about a line that can."""
    return '%s: line %d of the descriptor: %s: "%s"' % (
        name, number, what, quoted(found))


def key(name, expected, found):
    """The value of a key that cannot be."""
    return '<disk>: expected %s as %s in the descriptor, found "%s"' % (
        expected, name, quoted(found))


def damaged(problem, name="<disk>"):
    """The reason not to write to a disk whose file is damaged."""
    return ("%s is damaged: %s; writing could damage more, so copy the disk "
            "to a new one" % (name, problem))


def grain(number, sector, problem, gtes=512, name="<disk>"):
    """A read of a grain whose entry says that it is where it cannot be."""
    return ("%s: grain %d (entry %d of grain table %d), said to be at byte "
            "%d of the file, %s%s" % (name, number, number % gtes,
                                      number // gtes, sector * 512, problem,
                                      CUT))


def table(number, gtes=512, name="<disk>"):
    """How messages about a grain table begin."""
    return "%s: grain table %d (of grains %d to %d)" % (
        name, number, number * gtes, (number + 1) * gtes - 1)


def directory(number, raw, size, gtes=512, name="<disk>"):
    """A read of grains whose entry of the grain directory cannot be."""
    return ("%s: entry %d of the grain directory: expected a table inside "
            "the file's %d bytes, behind header and descriptor and outside "
            "the directories, found 0x%x%s" % (
                table(number, gtes, name), number, size, raw, CUT))
