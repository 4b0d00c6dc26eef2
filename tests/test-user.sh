#!/bin/bash
# Files are opened before nbdkit gives up its privileges: 'nbdkit -u nobody'
# serves a disk that only root may read, chain and all.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires qemu-img --version
requires nbdcopy --version
# This is about root: for an ordinary user there is nothing to test.
if [ "$(id -u)" -ne 0 ]; then
    echo "not root: nothing to test"
    exit 0
fi

make_tmpdir
cd "$tmpdir"
umask 077
head -c 3000000 "$plugin" > raw
truncate -s 8M raw
qemu-img convert -f raw -O vmdk raw base.vmdk
qemu-img create -q -f vmdk -F vmdk -b base.vmdk top.vmdk

# The file with its process number is written by nobody.
chmod 777 "$tmpdir"
start_nbdkit -u nobody vmdk top.vmdk
[ "$(stat -c %U "/proc/$pid")" = nobody ]
nbdcopy "$uri" copy
same raw copy
stop_nbdkit
