#!/bin/bash
# A daemon that was started in one directory with a relative path to a disk
# in another finds all of it: extents and parents are relative to the disk,
# and the disk to the directory of the start, not to / where daemons work.
# What happens to the names afterwards does not matter either.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires qemu-img --version
requires qemu-io --version
requires nbdcopy --version

make_tmpdir
cd "$tmpdir"
mkdir -p here disks/old
"$PYTHON" "$abs_srcdir/make-raw.py" raw 2149580800 3

# A base and two children; the base and the first child of several extents.
cd disks
qemu-img convert -f raw -O vmdk -o subformat=twoGbMaxExtentSparse \
         ../raw old/base.vmdk
(cd old && qemu-img create -q -f vmdk -F vmdk -b base.vmdk \
                    -o subformat=twoGbMaxExtentSparse middle.vmdk)
qemu-img create -q -f vmdk -F vmdk -b old/middle.vmdk top.vmdk
qemu-io -f vmdk -c 'write -P 5 65536 65536' top.vmdk
qemu-img convert -f vmdk -O raw top.vmdk ../expected
grep -a 'parentFileNameHint="old/middle.vmdk"' top.vmdk

cd ../here
for path in ../disks/top.vmdk ../here/../disks/./top.vmdk; do
    start_daemon vmdk "$path"
    [ "$(readlink "/proc/$pid/cwd")" = / ]
    mv ../disks ../moved
    nbdcopy "$uri" ../copy
    qemu-img compare -f raw -F raw ../expected ../copy
    mv ../moved ../disks
    stop_daemon
done

# In the directory itself, with no slash in the name at all.
cd ../disks
start_daemon vmdk top.vmdk
nbdcopy "$uri" ../copy
qemu-img compare -f raw -F raw ../expected ../copy
stop_daemon
