#!/bin/bash
# Sixteen connections on seven disks at once, for a while: readers, writers,
# trims, flushes, clients that come, go and hang up, servers that are stopped
# and killed.  All content is verified; memory, open files and threads do not
# grow.  See soak.py.
#
# VMDK_SOAK_SECONDS=N for how long (half an hour: 1800, and then
# VMDK_TEST_TIMEOUT=2400), VMDK_SOAK_SEED=N for another course,
# VMDK_SOAK_DISKS='NAME...' for some of the disks.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires_nbdsh
requires qemu-img --version
requires grep VmRSS: /proc/self/status

make_tmpdir
export TMPDIR=$tmpdir
# shellcheck disable=SC2086
"$PYTHON" "$abs_srcdir/soak.py" "$tmpdir" "${VMDK_SOAK_SECONDS:-20}" \
    "${VMDK_SOAK_SEED:-1}" $sanitizer_memory ${VMDK_SOAK_DISKS:-}
