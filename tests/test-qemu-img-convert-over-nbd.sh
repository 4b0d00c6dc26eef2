#!/bin/bash
# qemu-img as the client: info, compare, measure, map and convert of a
# served disk, the latter with eight requests in flight and out of order.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires qemu-img --version
requires jq --version

make_tmpdir
cd "$tmpdir"
size=104859136
"$PYTHON" "$abs_srcdir/make-raw.py" raw $size 1

for kind in monolithicSparse streamOptimized monolithicFlat; do
    qemu-img convert -f raw -O vmdk -o subformat=$kind raw $kind.vmdk
    start_nbdkit vmdk $kind.vmdk
    qemu-img info --output=json "$uri" | jq -e ".\"virtual-size\" == $size"
    qemu-img measure -O qcow2 "$uri"
    qemu-img compare -f raw -F raw raw "$uri"
    for options in "" "-m 8 -W" "-m 16 -W -S 512"; do
        qemu-img convert -t unsafe -f raw -O raw $options "$uri" copy
        same raw copy
        rm copy
    done
    qemu-img convert -t unsafe -f raw -O qcow2 -m 8 -W "$uri" copy.qcow2
    qemu-img compare -f raw -F qcow2 raw copy.qcow2
    # Found to be different when it is.
    cp --sparse=never raw other
    printf x | dd of=other bs=1 seek=70000 conv=notrunc status=none
    status=0
    qemu-img compare -f raw -F raw other "$uri" || status=$?
    [ $status -eq 1 ]
    stop_nbdkit
done
