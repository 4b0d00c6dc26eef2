#!/bin/bash
# What the server promises to clients: several connections, cache requests,
# block sizes that are powers of two whatever the grain, a description; and
# writes of all kinds, unless -r or the disk forbids them.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires qemu-img --version
requires nbdinfo --version
requires jq --version

# never COMMAND...: it must fail.  (The shell's -e overlooks '! COMMAND'.)
never ()
{
    if "$@"; then fail "should not have worked: $*"; fi
}

make_tmpdir
cd "$tmpdir"
truncate -s 64M raw
head -c 3M /dev/urandom | dd of=raw conv=notrunc status=none

# info FILTER: what nbdinfo says of the export, by jq.
info ()
{
    nbdinfo --json "$uri" | tee /dev/stderr | jq -r ".exports[0] | $1"
}

# blocks DISK PREFERRED
blocks ()
{
    start_nbdkit vmdk file="$1"
    [ "$(info '.block_size_minimum')" = 1 ]
    [ "$(info '.block_size_preferred')" = "$2" ]
    [ "$(info '.block_size_maximum')" = 4294967295 ]
    stop_nbdkit
}

qemu-img convert -f raw -O vmdk raw sparse.vmdk
qemu-img create -q -f vmdk -F vmdk -b sparse.vmdk child.vmdk
start_nbdkit vmdk child.vmdk
for can in multi-conn cache df flush fua trim zero fast-zero; do
    nbdinfo --can $can "$uri"
done
never nbdinfo --is read-only "$uri"
never nbdinfo --is rotational "$uri"
[ "$(nbdinfo --size "$uri")" = 67108864 ]
[ "$(info .description)" = "VMDK monolithicSparse, 2 links" ]
nbdinfo --list "$uri" | grep 'export="":'
stop_nbdkit

# With -r, and a disk that cannot be written.
qemu-img convert -f raw -O vmdk -o subformat=monolithicFlat raw marked.vmdk
sed -i 's/^RW /RDONLY /' marked.vmdk
for served in "-r vmdk child.vmdk" "vmdk marked.vmdk"; do
    # shellcheck disable=SC2086
    start_nbdkit $served
    for can in multi-conn cache df; do
        nbdinfo --can $can "$uri"
    done
    for can in trim zero fast-zero; do
        never nbdinfo --can $can "$uri"
    done
    nbdinfo --is read-only "$uri"
    [[ "$(info .description)" = "VMDK "*", read-only" ]]
    stop_nbdkit
done

# Grains of 64 KiB; no grains; then others, 4 KiB being the least that is
# advertised.
blocks sparse.vmdk 65536
qemu-img convert -f raw -O vmdk -o subformat=monolithicFlat raw flat.vmdk
blocks flat.vmdk 4096
chain=$abs_srcdir/raw-chain.py
for pair in hosted=2048:1048576 stream=64:32768 sesparse:4096 cowd=1:4096 \
            hosted=1:4096 hosted=16:8192; do
    blocks "$("$PYTHON" "$chain" raw "${pair%:*}" "${pair%:*}")" "${pair#*:}"
done

# COWD grains need be no power of two; 32 MiB is the most that is advertised.
cat > odd.py <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from vmdkgen import case, content, disk
d = case.Directory(".")
part = disk.cowd(d, "c-data", content.full(3000, 1), grain=24)
disk.link(d, "cowd-24.vmdk", [part])
for grain in 8192, 65536:
    disk.mono(d, "grain-%d.vmdk" % grain, content.full(100, 1), grain=grain)
END
"$PYTHON" odd.py "$abs_srcdir"
blocks cowd-24.vmdk 16384
blocks grain-8192.vmdk 4194304
blocks grain-65536.vmdk 33554432
