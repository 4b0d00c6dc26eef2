# SPDX-License-Identifier: BSD-3-Clause
"""Every createType whose extents are understood is served, unknown ones
too."""

from vmdkgen import content, disk


FLAT = ("monolithicFlat", "twoGbMaxExtentFlat", "2GbMaxExtentFlat", "custom",
        "fullDevice", "partitionedDevice", "somethingNew", "MONOLITHICFLAT")
VMFS = ("vmfs", "vmfsPreallocated", "vmfsEagerZeroedThick", "vmfsThick",
        "vmfsThin")
SPARSE = ("monolithicSparse", "twoGbMaxExtentSparse", "2GbMaxExtentSparse",
          "custom")
QEMU = ("monolithicFlat", "twoGbMaxExtentFlat", "vmfs",
        "twoGbMaxExtentSparse", "vmfsSparse", "seSparse")


def make(d):
    data = content.pattern(640, 128, "D.D.D", 50)
    for makers, types in ((disk.flat, FLAT), (disk.vmfs, VMFS),
                          (disk.sparse, SPARSE),
                          (disk.cowd, ("vmfsSparse",)),
                          (disk.sesparse, ("seSparse", "vmfsSeSparse"))):
        for kind in types:
            sub = d.sub("%s-%s" % (makers.__name__, kind))
            part = makers(sub, "d-part.vmdk", data)
            link = disk.link(sub, "d.vmdk", [part], create_type=kind)
            yield sub.serve(link, peers=["qemu"] if kind in QEMU else [])
    sub = d.sub("no-create-type")
    part = disk.flat(sub, "d-flat.vmdk", data)
    sub.write("d.vmdk", "# Disk DescriptorFile\nversion=1\nCID=12345678\n"
              "parentCID=ffffffff\n" + part.line + "\n")
    yield sub.serve("d.vmdk", data.base())
