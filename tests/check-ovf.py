#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Does an OVF describe the files next to it?

usage: check-ovf.py FILE.ovf CAPACITY POPULATED

Stated from DMTF's OVF 1.1 (DSP0243) and CIM's element order, not from who
made the file: every reference leads somewhere, sizes are those of the files,
the disk's are the given ones, and the virtual hardware is complete.
"""

import os
import sys
import xml.etree.ElementTree as ElementTree

OVF = "{http://schemas.dmtf.org/ovf/envelope/1}"
CIM = "{http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/"
RASD = CIM + "CIM_ResourceAllocationSettingData}"
VSSD = CIM + "CIM_VirtualSystemSettingData}"
FORMAT = ("http://www.vmware.com/interfaces/specifications/vmdk.html"
          "#streamOptimized")
PROCESSOR, MEMORY, SCSI, NETWORK, DISK = "3", "4", "6", "10", "17"


def need(truth, *what):
    if not truth:
        sys.exit("check-ovf.py: " + " ".join(str(part) for part in what))


def children(element, *names):
    """It has exactly these children, in this order."""
    found = [child.tag for child in element]
    need(found == [OVF + name for name in names], element.tag, "has", found)
    return list(element)


def attributes(element):
    """All of them are OVF's."""
    need(all(key.startswith(OVF) for key in element.attrib), element.attrib)
    return {key[len(OVF):]: value for key, value in element.attrib.items()}


def references(element, directory):
    """id -> name of each file, whose size is right."""
    names = {}
    for file in children(element, "File"):
        file = attributes(file)
        path = os.path.join(directory, file["href"])
        need(int(file["size"]) == os.path.getsize(path), file)
        names[file["id"]] = file["href"]
    return names


def disks(section, names, capacity, populated):
    """The identity of the one disk."""
    info, disk = children(section, "Info", "Disk")
    disk = attributes(disk)
    need(disk["fileRef"] in names, disk)
    need(disk["capacityAllocationUnits"] == "byte", disk)
    need(int(disk["capacity"]) == capacity, disk, "not", capacity)
    need(int(disk["populatedSize"]) == populated, disk, "not", populated)
    need(disk["format"] == FORMAT, disk)
    need(info.text, "no Info")
    return disk["diskId"]


def fields(item, space):
    """name -> text; CIM's schema wants them in the order of their names."""
    names = [child.tag[len(space):] for child in item]
    need(all(child.tag.startswith(space) for child in item), names)
    need(names == sorted(set(names)), names)
    return {name: child.text for name, child in zip(names, item)}


def hardware(section, disk, networks):
    """What there is, and what belongs to what."""
    system = section.find(OVF + "System")
    need(fields(system, VSSD)["VirtualSystemType"].startswith("vmx-"), system)
    items = [fields(item, RASD) for item in section.findall(OVF + "Item")]
    need(len(section) == len(items) + 2, "something else in the hardware")
    by_id = {item["InstanceID"]: item for item in items}
    need(len(by_id) == len(items), "two items have one InstanceID")
    kinds = {item["ResourceType"]: item for item in items}
    need(sorted(kinds) == sorted((PROCESSOR, MEMORY, SCSI, NETWORK, DISK)),
         "the kinds are", sorted(kinds))
    for kind in PROCESSOR, MEMORY:
        need(int(kinds[kind]["VirtualQuantity"]) > 0, kinds[kind])
    need(kinds[DISK]["HostResource"] == "ovf:/disk/" + disk, kinds[DISK])
    need(by_id[kinds[DISK]["Parent"]] is kinds[SCSI], kinds[DISK])
    need(kinds[SCSI]["ResourceSubType"] == "lsilogic", kinds[SCSI])
    need(kinds[NETWORK]["Connection"] in networks, kinds[NETWORK])


def main():
    path, capacity, populated = sys.argv[1], *map(int, sys.argv[2:])
    with open(path, "rb") as file:
        need(file.read(5) == b"<?xml", "it does not begin with <?xml")
    root = ElementTree.parse(path).getroot()
    need(root.tag == OVF + "Envelope", root.tag)
    files, disk, network, system = children(
        root, "References", "DiskSection", "NetworkSection", "VirtualSystem")
    names = references(files, os.path.dirname(path))
    disk = disks(disk, names, capacity, populated)
    networks = {attributes(n)["name"] for n in network.findall(OVF + "Network")}
    need(attributes(system)["id"], "the system has no id")
    _, _, _, section = children(system, "Info", "Name",
                                "OperatingSystemSection",
                                "VirtualHardwareSection")
    hardware(section, disk, networks)


if __name__ == "__main__":
    main()
