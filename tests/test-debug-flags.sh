#!/bin/bash
# -D vmdk.chain=1 tells which links were opened and from where, -D
# vmdk.map=1 where each part of a request was found.  nbdkit knows both
# flags, without them the messages are not there.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires_nbdsh
requires qemu-img --version
requires qemu-io --version

# never COMMAND...: it must fail.  (The shell's -e overlooks '! COMMAND'.)
never ()
{
    if "$@"; then fail "should not have worked: $*"; fi
}

make_tmpdir
cd "$tmpdir"
qemu-img create -q -f vmdk base.vmdk 8M
qemu-io -f vmdk -c 'write -P 1 0 65536' base.vmdk
qemu-img create -q -f vmdk -F vmdk -b base.vmdk top.vmdk
qemu-io -f vmdk -c 'write -P 2 65536 65536' top.vmdk

# messages LOG OPTION...: read a sector of each link and one of neither.
messages ()
{
    local log=$1
    shift
    # For --run, hence not expanded here.
    # shellcheck disable=SC2016
    nbdkit -U - -v "$@" vmdk top.vmdk --run '
        "$PYTHON" -c "
import nbd, sys
h = nbd.NBD()
h.connect_uri(sys.argv[1])
for n in range(3):
    h.pread(512, n * 65536)
h.shutdown()
" "$uri"' 2> "$log"
}

messages none
messages chain -D vmdk.chain=1
messages map -D vmdk.map=1
messages both -D vmdk.chain=1 -D vmdk.map=1
never grep -iE "debug flag|not used|warning" none chain map both

# One line for each link, with the name of its file.
never grep 'debug: link [01]:' none map
grep 'debug: link 0: top\.vmdk, monolithicSparse, CID' chain
grep 'debug: link 1: base\.vmdk, monolithicSparse, CID' chain

# A line for each step of each request.
never grep 'map:' none chain
grep 'map: 0 +512: link 0, hole' map
grep 'map: 0 +512: link 1, data at [0-9]* of .*base\.vmdk' map
grep 'map: 65536 +512: link 0, data at [0-9]* of .*top\.vmdk' map
grep 'map: 131072 +512: link 1, hole' map
grep 'debug: link 1:' both
grep 'map:' both

# Nonsense is still noticed.
nbdkit -U - -D vmdk.nonsense=1 vmdk top.vmdk --run true 2>&1 |
    grep 'nonsense'
