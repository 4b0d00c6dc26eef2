#!/bin/bash
# Block status of a range that ends in a damaged place tells what is in front
# of it; only a question about the damaged place itself fails.
# So the sound part of a damaged disk can be copied.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires_nbdsh
requires qemu-img --version
requires qemu-io --version

make_tmpdir
cd "$tmpdir"

qemu-img create -q -f vmdk whole.vmdk 1M
qemu-io -f vmdk -c 'write -P 1 0 1M' whole.vmdk > /dev/null
# The first grain is at 64 KiB; of the fourth, a part is cut off.
head -c $((65536 * 4 + 1000)) whole.vmdk > cut.vmdk

cat > status.py <<'END'
import sys
import nbd

h = nbd.NBD()
h.add_meta_context(nbd.CONTEXT_BASE_ALLOCATION)
h.connect_uri(sys.argv[1])
size, sound = h.get_size(), 3 * 65536


def ask(count, offset):
    found = []
    h.block_status(count, offset, lambda m, o, e, err: found.extend(e) or 0)
    return found


assert ask(size, 0) == [sound, 0], ask(size, 0)
assert ask(sound + 1, 1)[0] == sound - 1
try:
    print(ask(size - sound, sound))
    sys.exit("block status of the damaged grain should have failed")
except nbd.Error as error:
    assert error.errno == "EIO", error
h.shutdown()
END

start_nbdkit vmdk cut.vmdk
"$PYTHON" status.py "$uri"
stop_nbdkit
