# SPDX-License-Identifier: BSD-3-Clause
"""Disks whose data is elsewhere or unreadable, each with its own sentence."""

from vmdkgen import content, disk


LINES = {
    "rdm": ('RW 2048 VMFSRDM "d-rdm.vmdk"', "vmfsRawDeviceMap", {},
            ["d.vmdk", "raw device"]),
    "rdm-passthrough": ('RW 2048 VMFSRDM "d-rdmp.vmdk"',
                        "vmfsPassthroughRawDeviceMap", {},
                        ["d.vmdk", "raw device"]),
    "raw-device": ('RW 2048 VMFSRAW "/vmfs/devices/disks/x"', "vmfsRaw", {},
                   ["d.vmdk", "device"]),
    "vsan": ('RW 2048 VMFS "vsan://523d7e5c-1f2a"', "vmfs", {},
             ["d.vmdk", "vsan://523d7e5c-1f2a"]),
    "vvol": ('RW 2048 VMFS "vvol://rfc4122.1b9c"', "vmfs", {},
             ["d.vmdk", "vvol://rfc4122.1b9c"]),
    "uri": ('RW 2048 FLAT "nbd://localhost/x" 0', "monolithicFlat", {},
            ["d.vmdk", "nbd://localhost/x"]),
    "vsan-sparse": ('RW 2048 VSANSPARSE "d-delta.vmdk"', "vsanSparse", {},
                    ["d.vmdk", "vsan"]),
    "native-snapshot": ('RW 2048 VMFS "d.raw"', "vmfs", {"native": "yes"},
                        ["d.vmdk", "native snapshot"]),
    "native-snapshot-case": ('RW 2048 VMFS "d.raw"', "vmfs",
                             {"native": "YES"},
                             ["d.vmdk", "native snapshot"]),
    "native-parent": ('RW 2048 VMFS "d.raw"', "vmfs",
                      {"ddb": (("ddb.nativeParentHint", "x.vmdk"),)},
                      ["d.vmdk", "native"]),
    "object-parent": ('RW 2048 VMFSSPARSE "d-delta.vmdk"', "vmfsSparse",
                      {"parent_cid": "00000001", "ddb": ((
                          "ddb.objectParentUri", "vsan://1234-5678"),)},
                      ["d.vmdk", ("objectParentUri", "vsan")]),
    "encrypted-key": ('RW 2048 VMFS "d.raw"', "vmfs",
                      {"extra": ['encryptionKeys = "vmware:key/list/()"']},
                      ["d.vmdk", "encrypted"]),
    "encrypted-key-safe": ('RW 2048 FLAT "d.raw" 0', "monolithicFlat",
                           {"extra": ['keySafe="vmware:key/list/()"']},
                           ["d.vmdk", "encrypted"]),
    "encrypted-filter": ('RW 2048 VMFS "d.raw"', "vmfs",
                         {"ddb": (("ddb.iofilters", "vmwarevmcrypt"),)},
                         ["d.vmdk", "encrypted"]),
}

BYTES = {
    "change-tracking-file": (bytes.fromhex("a27219f6") + bytes(1020),
                             ["change"]),
    "half-written": (b"vmdk" + b"\1\0\0\0" + bytes(2000),
                     ["interrupted"]),
    "random": (content.sectors(400 | content.DENSE, 0, 4), ["VMDK"]),
    "zeroes": (bytes(4096), ["VMDK"]),
    "empty-file": (b"", ["VMDK"]),
    "one-byte": (b"K", ["VMDK"]),
    "only-magic": (b"KDMV", []),
    "text": (b"Dear disk,\nthis is a letter.\n", ["VMDK"]),
    "utf-16": (b"\xff\xfe" + "version=1\n".encode("utf-16-le"),
               ["UTF-16"]),
    "utf-16-be": (b"\xfe\xff" + "version=1\n".encode("utf-16-be"),
                  ["UTF-16"]),
    "one-character": (b"#", ['a text without a "version=" line']),
    "utf-16-without-mark": ("# Disk DescriptorFile\nversion=1\n".encode(
        "utf-16-le"), []),
    "qcow2": (b"QFI\xfb\0\0\0\3" + bytes(1000), ["VMDK"]),
    "cowd-alone-cut": (b"COWD" + bytes(100), []),
    "sesparse-cut": (bytes.fromhex("bebafeca00000000") + bytes(100), []),
}


def make(d):
    for label, (line, kind, words, says) in LINES.items():
        sub = d.sub(label)
        disk.raw_file(sub.path("d.raw"), content.full(2048, 401))
        disk.cowd(sub, "d-delta.vmdk", content.full(2048, 402), grain=128)
        link = disk.link(sub, "d.vmdk",
                         [disk.Part(line, content.empty(2048))],
                         create_type=kind, **words)
        yield sub.refuse(link, *says)
    for label, (data, says) in BYTES.items():
        sub = d.sub(label)
        sub.write("d.vmdk", data)
        yield sub.refuse("d.vmdk", "d.vmdk", *says)
