#!/bin/bash
# SIGTERM while requests are in flight on several connections: the server
# ends soon, with status 0, and nothing is freed under a request's feet.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires_nbdsh
requires qemu-img --version

make_tmpdir
cd "$tmpdir"
"$PYTHON" "$abs_srcdir/make-raw.py" raw 104859136 15
qemu-img convert -f raw -O vmdk -o subformat=streamOptimized raw disk.vmdk

for delay in 0 0.01 0.05; do
    # A cache that is too small keeps the codec busy.
    start_nbdkit vmdk disk.vmdk cache-size=1M
    "$PYTHON" - "$uri" "$pid" $delay <<'END'
import nbd, os, signal, sys, time
uri, pid, delay = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
handles, pending = [], []
for n in range(4):
    h = nbd.NBD()
    h.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
    h.connect_uri(uri)
    handles.append(h)
for h in handles:
    for n in range(30):
        buf = nbd.Buffer(1 << 20)
        h.aio_pread(buf, n * 3333333)
        h.aio_block_status(1 << 25, n << 20, lambda *args: 0)
        h.aio_cache(1 << 20, n << 20)
        pending.append(buf)
time.sleep(delay)
os.kill(pid, signal.SIGTERM)
# Take what still comes, until the server has hung up.  (nbdkit 1.32 aborts,
# whatever the plugin, when a client is gone that replies are sent to.)
for h in handles:
    while not (h.aio_is_dead() or h.aio_is_closed()):
        try:
            h.poll(-1)
        except nbd.Error:
            break
END
    # A minute is the machine's; it takes milliseconds.
    began=$SECONDS
    status=0
    wait "$pid" || status=$?
    [ $status -eq 0 ] || fail "the server ended with status $status"
    [ $((SECONDS - began)) -lt 60 ] || fail "it took too long"
    _servers=()
done
