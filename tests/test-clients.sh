#!/bin/bash
# libnbd's clients: nbdcopy in its modes (threads, synchronous, to and from
# other servers, into pipes, with checksums of what arrives), nbdinfo, and
# clients that connect in other ways than to a socket's name.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires_nbdsh
requires qemu-img --version
requires nbdcopy --version
requires nbdinfo --version

make_tmpdir
cd "$tmpdir"
"$PYTHON" "$abs_srcdir/make-raw.py" raw 50332160 13
qemu-img convert -f raw -O vmdk -o subformat=streamOptimized raw base.vmdk
qemu-img create -q -f vmdk -F vmdk -b base.vmdk disk.vmdk

start_nbdkit vmdk disk.vmdk
for options in "" --synchronous "-C 1 -R 1 -T 1" "-C 4 -R 64 -T 4" \
               "--request-size=4096" "--request-size=33554432" \
               "--allocated" "--no-extents" "--sparse=512" "--sparse=0"; do
    rm -f copy
    # shellcheck disable=SC2086
    nbdcopy $options "$uri" copy
    same raw copy
done
# Into a file that exists, is known to be zero, and stays sparse.
rm copy
truncate -s 50332160 copy
nbdcopy --destination-is-zero "$uri" copy
same raw copy
# Into a pipe.
nbdcopy "$uri" - | cmp - raw
# To nowhere, all of it read.
nbdcopy --progress=9 "$uri" null: 9> progress
tail -n 1 progress | grep -x 100/100
# To another server.
# shellcheck disable=SC2016
from=$uri nbdkit -U - memory 50332160 \
    --run 'nbdcopy "$from" "$uri" && nbdcopy "$uri" copy'
same raw copy
nbdinfo --map --totals "$uri" | tee totals
nbdinfo --map --totals "$uri" | awk '{ n += $1 } END { exit n != 50332160 }'
stop_nbdkit

# A server that the client starts: nbdcopy's brackets, and libnbd's
# connect_command, with one connection over stdin.
rm copy
nbdcopy -- [ nbdkit --exit-with-parent vmdk disk.vmdk ] copy
same raw copy
"$PYTHON" - raw <<'END'
import nbd, sys
content = open(sys.argv[1], "rb").read()
h = nbd.NBD()
h.connect_command(["nbdkit", "-s", "--exit-with-parent", "vmdk",
                   "disk.vmdk"])
assert h.get_size() == len(content)
for at in range(0, len(content), 1 << 20):
    want = content[at:at + (1 << 20)]
    assert h.pread(len(want), at) == want
h.shutdown()
h = nbd.NBD()
h.connect_systemd_socket_activation(["nbdkit", "vmdk", "disk.vmdk"])
assert h.pread(512, 0) == content[:512]
h.shutdown()
END
