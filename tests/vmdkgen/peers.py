# SPDX-License-Identifier: BSD-3-Clause
"""Checking the generator itself against other implementations.

With VMDK_PEER=qemu (or 7z, libvmdk) tests/run-case does not start a server
but lets that program read every disk of the case that names it as a peer.
"""

import os
import subprocess

from . import verify


def command(peer, disk, out):
    if peer == "qemu":
        return ["qemu-img", "convert", "-q", "-f", "vmdk", "-O", "raw",
                disk, out]
    return ["7z", "x", "-y", "-bd", "-so", "-tvmdk", disk]


def copy(peer, disk, out):
    """A raw copy of a disk by the peer."""
    with open(out, "wb") as f:
        done = subprocess.run(command(peer, disk, out), check=False,
                              stdout=f if peer == "7z" else
                              subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode != 0:
        raise verify.Difference("%s failed: %s" % (
            peer, done.stderr.decode(errors="replace")))


def read_by_libvmdk(disk, content):
    """Compare through the Python binding of libvmdk."""
    import pyvmdk
    handle = pyvmdk.handle()
    handle.open(disk)
    handle.open_extent_data_files()
    for offset, length, state in verify.pieces(content):
        if state == verify.DATA:
            found = handle.read_buffer_at_offset(length, offset)
            verify.compare(content.read(offset, length), found, offset,
                           "libvmdk")
    handle.close()


def check(peer, served, directory):
    """Let the peer read one Served."""
    if peer not in served.peers:
        return False
    if peer == "libvmdk":
        read_by_libvmdk(served.path, served.content)
        return True
    out = os.path.join(directory, "peer-copy")
    copy(peer, served.path, out)
    verify.check_file(out, served.content, peer)
    os.unlink(out)
    return True
