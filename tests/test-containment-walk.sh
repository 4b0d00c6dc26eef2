#!/bin/bash
# The cases about files outside the directory of the disk, where the kernel has
# no openat2, or a sandbox forbids it: files are found by another way then, and
# the same ones.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires_nbdsh

# The leak checker needs more than a sandbox gives.
export VMDK_DETECT_LEAKS=0
cd "$abs_srcdir"
# cases ERRNO CASE...: all of them agree.
cases ()
{
    local err=$1 case
    shift
    for case; do
        echo "$case, $err"
        "$abs_builddir/without-calls" $err openat2 -- \
            "$PYTHON" run-case cases/$case.py
    done
}
cases ENOSYS containment containment-links containment-kinds search-directories
cases EPERM containment-links
