#!/bin/bash
# Random small writes, trims and zeroes on stream-optimized disks, fresh ones
# and those of other writers, from four connections.  See stream-random.py.
#
# VMDK_STREAM_SEED=N for other writes.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires_nbdsh
requires qemu-img --version

make_tmpdir
export TMPDIR=$tmpdir
mkdir "$tmpdir/d"
"$PYTHON" "$abs_srcdir/stream-random.py" "$tmpdir/d" "${VMDK_STREAM_SEED:-1}"
