#!/bin/bash
# Other programs read the disks of all cases that name them as a peer, and
# find what the generator says is in these.  This tests the generator, not
# the plugin.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires qemu-img --version
requires 7z i
requires "$PYTHON" -c 'import pyvmdk'

cd "$abs_srcdir"
status=0

# reads PEER MINIMUM: at least so many disks are compared.
reads ()
{
    local count=0 case output
    for case in $(grep -l peers cases/*.py); do
        if output=$(VMDK_PEER=$1 "$PYTHON" run-case "$case" 2>&1); then
            count=$((count + $(grep -c '^ok ' <<<"$output" || true)))
        else
            printf '%s, %s:\n%s\n' "$1" "$case" "$output"
            status=1
        fi
    done
    echo "$1 read $count disks"
    [ $count -ge "$2" ] || { echo "expected $2 at least"; status=1; }
}

reads qemu 100
reads 7z 15
reads libvmdk 50
[ $status -eq 0 ] || fail "see above"
