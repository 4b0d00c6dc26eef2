# SPDX-License-Identifier: BSD-3-Clause
"""Streams of others that are marked as not closed cleanly: with a footer
they are read by it, without one they are incomplete, whatever their header's
padding holds.  Nothing is rebuilt that was not ours."""

from vmdkgen import content, disk


def make(d):
    data = content.pattern(70 * 128, 128, "DD.R" * 18, 35)
    unclean = {"uncleanShutdown": 1}
    for label in ("marked", "padding"):
        for end in ("no-footer", "cut"):
            sub = d.sub("%s-%s" % (label, end))
            link = disk.streamed(sub, "d.vmdk", data, fields=unclean,
                                 footer=end != "no-footer")
            if label == "padding":
                link.image.poke(79, bytes(range(255, 0, -1)))
            if end == "cut":
                link.image.truncate(link.image.file_size() * 2 // 3)
            yield sub.refuse(link, "d.vmdk", ("truncated", "incomplete"))

    for layout in ("A", "B", "hybrid"):
        sub = d.sub("whole-" + layout)
        link = disk.streamed(sub, "d.vmdk", data, fields=unclean,
                             layout=layout)
        yield sub.serve(link)
