#!/bin/bash
# SIGTERM while clients are connected ends the server cleanly: exit status
# 0, promptly.  nbdkit does not call .close then.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires_nbdsh

make_tmpdir
disk=$abs_top_srcdir/examples/appliance.vmdk

start_nbdkit vmdk "$disk"
"$PYTHON" - "$sock" "$pid" <<'END'
import nbd, os, signal, sys, time
clients = []
for _ in range(3):
    h = nbd.NBD()
    h.connect_unix(sys.argv[1])
    h.pread(65536, 1 << 20)
    clients.append(h)
os.kill(int(sys.argv[2]), signal.SIGTERM)
# Still connected while the server ends.
time.sleep(0.5)
END

status=0
wait "$pid" || status=$?
[ $status -eq 0 ] || fail "the server ended with status $status"
