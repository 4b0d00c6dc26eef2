# SPDX-License-Identifier: BSD-3-Clause
"""Stream-optimized disks to write to: the layouts of all writers, sizes of
grains and tables that few use, over every parent.

Small ones are closed canonically, unless the plugin is told otherwise; so
each but those named "fast" must be canonical after it was written to.
"""

from . import disk, writable
from .writable import SIZE, Target, chain, cid, some

FAST = "stream-close=fast"


def base(grain=128, letters="D..R", params=(), size=SIZE, **options):
    """A disk without a parent."""
    def make(d, rng):
        data = some(size, grain, rng, letters)
        link = disk.streamed(d, "d.vmdk", data, grain=grain, cid=cid(rng),
                             **options)
        return Target(link, params=params, loose=FAST in params,
                      qemu=options.get("gtes", 512) <= 512)
    return make


def child(grain, *makers, params=(), letters="D....", **options):
    """A child over a chain."""
    def make(d, rng):
        link = disk.streamed(d, "d.vmdk", some(SIZE, grain, rng, letters),
                             parent=chain(d, rng, makers), grain=grain,
                             cid=cid(rng), **options)
        return Target(link, params=params, loose=FAST in params)
    return make


def pieces(d, rng):
    """Several extents, their descriptor in a file of its own."""
    parts = [disk.stream(d, "d-s%03d.vmdk" % i, some(count, grain, rng),
                         grain=grain, gtes=gtes, layout=layout,
                         descriptor_size=0)
             for i, (count, grain, gtes, layout) in enumerate((
                 (1024, 128, 512, "A"), (4096, 8, 128, "B"),
                 (768, 16, 512, "hybrid"), (SIZE - 5888, 128, 128, "A")), 1)]
    return Target(disk.link(d, "d.vmdk", parts, cid=cid(rng)), qemu=False)


def mixed(d, rng):
    """One stream-optimized extent among others."""
    parts = [disk.sparse(d, "a.vmdk", some(1280, 16, rng), grain=16),
             disk.stream(d, "b.vmdk", some(2500, 8, rng), grain=8, gtes=128,
                         layout="B"),
             disk.flat(d, "c.raw", some(SIZE - 3780, 8, rng, "D."))]
    link = disk.link(d, "d.vmdk", parts, create_type="custom", cid=cid(rng))
    return Target(link, qemu=False)


KINDS = {
    "stream-a": base(),
    "stream-b": base(layout="B"),
    "stream-hybrid": base(layout="hybrid"),
    "stream-empty": base(letters="."),
    "stream-fast": base(params=[FAST]),
    "stream-b-fast": base(layout="B", params=[FAST]),
    "stream-hybrid-fast": base(16, layout="hybrid", params=[FAST]),
    "stream-short-last": base(layout="B", full=False),
    "stream-reversed": base(16, reverse=True, gtes=128),
    "stream-zeroed": base(layout="B", letters="D.Z"),
    "stream-a-zeroed": base(64, letters="D.Z"),
    "stream-small-grains": base(8, gtes=128),
    "stream-small-grains-fast": base(8, gtes=128, params=[FAST]),
    "stream-16": base(16, size=8960),
    "stream-large-tables": base(8, gtes=1024),
    "stream-large-grains": base(1024, letters="D.R"),
    "stream-large-grains-fast": base(1024, letters="D.", params=[FAST]),
    "stream-level-1": base(32, params=["compression-level=1"]),
    "stream-level-12": base(32, params=["compression-level=12"]),
    "stream-small-cache": base(32, params=["cache-size=1M"]),
    "stream-pieces": pieces,
    "stream-mixed": mixed,
    "stream-child-of-flat": child(128, writable.below_flat),
    "stream-child-of-sparse": child(16, writable.below_sparse, gtes=128),
    "stream-child-of-stream": child(64, writable.below_stream,
                                    letters="D..Z"),
    "stream-child-of-cowd": child(8, writable.below_cowd, layout="B"),
    "stream-child-of-three": child(32, writable.below_split,
                                   writable.below_cowd,
                                   writable.below_stream),
    "stream-child-fast": child(16, writable.below_sparse, params=[FAST]),
    "stream-child-no-zeroed-grains": child(16, writable.below_sparse,
                                           params=["zeroed-grains=off"]),
}
# Of every kind that can be written to.
ALL = {**writable.KINDS, **KINDS}
