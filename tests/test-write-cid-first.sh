#!/bin/bash
# The new content ID is durable before the first changed byte of a disk is
# written: seen in the system calls of the server.  (qemu writes data first.)
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires_nbdsh
requires strace -f true
export VMDK_DETECT_LEAKS=0 # which cannot be done while strace looks on

make_tmpdir
helper=$abs_srcdir/cid-first.py

for disk in $("$PYTHON" "$helper" make "$tmpdir"); do
    before=$("$PYTHON" "$helper" cid "$disk")
    calls=pwrite64,pwritev,pwritev2,write,fsync,fdatasync
    strace -f -y -s 1024 -o "$tmpdir/log" -e "trace=$calls" \
        nbdkit -U - vmdk "$disk" \
        --run "\"$PYTHON\" \"$helper\" write \"\$uri\""
    "$PYTHON" "$helper" check "$tmpdir/log" "$disk" "$before" ||
        { cut -c 1-150 "$tmpdir/log" | head -50; fail "$disk"; }
done
