# SPDX-License-Identifier: BSD-3-Clause
"""Sparse, COWD, SESparse and stream extents opened without a descriptor."""

import random

from vmdkgen import content, disk


def make(d):
    data = content.mixture(4096, 8, random.Random(115), 115, "DD.Z.")
    plain = content.mixture(4096, 8, random.Random(116), 116, "DD..")
    for makers, held in ((disk.sparse, data), (disk.cowd, plain),
                         (disk.sesparse, data), (disk.stream, data)):
        sub = d.sub(makers.__name__)
        options = {} if makers is disk.sesparse else {"grain": 8}
        makers(sub, "x.vmdk", held, **options)
        yield sub.serve("x.vmdk", held.base(), warns=["descriptor"])
