# SPDX-License-Identifier: BSD-3-Clause
"""Independent generator of VMware disks for the tests.

This package states the VMDK formats a second time, in Python, from the
format document alone.  It knows every byte that it wrote, so that what the
plugin serves can be compared with something that is not the plugin.  It
must never share code, tables or assumptions with common/vmdk.

content     what a disk holds: ranges of data, zeroes, absence, errors
descriptor  descriptor text
image       an extent file, and how to damage one field of it
hosted      hosted sparse extents
stream      stream-optimized extents
cowd        COWD extents
sesparse    SESparse extents
disk        whole links and chains made of the above
case        what a test case returns, and the directory that it works in
server      starting and stopping nbdkit
verify      comparing what is served with what is expected
peers       the same comparison through other implementations
hostile     the same for hostile disks, and their messages word for word
wording     the messages that such disks must lead to

About disks that were written to:

extents     the structures of an extent file, read strictly
packed      the same of a stream-optimized one
walk        going through a stream-optimized file, block by block
conform     whether such a file is as a finished one must be
check       what a clean writer must leave behind, and must not
reader      the content of a chain, by way of its own tables
writable    the kinds of disks that can be written to
streams     those of them that are stream-optimized
model       random requests, and the bytes that they must lead to
written     what is looked at after each stop
survivors   what may be there after the server was killed
refusal     disks that must not be written to
"""
