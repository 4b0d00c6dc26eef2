#!/bin/bash
# A command line for the vddk plugin works when its disk is a file: the
# parameters that are about VMware's library change nothing.  Those that
# are about a server are refused in one sentence that does not repeat the
# value, which may be a password.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires nbdcopy --version

make_tmpdir
disk=$abs_top_srcdir/examples/appliance.vmdk
nbdkit -r -U - vmdk "$disk" --run "nbdcopy \"\$uri\" $tmpdir/plain"

for parameters in libdir=/usr/lib/vmware-vix-disklib config=/missing \
                  transports=file single-link=true unbuffered=true \
                  create=false "create=false create-size=1G" \
                  "create-type=monolithic-sparse create=0" \
                  "libdir=/x config=/y unbuffered=1 single-link=0"; do
    rm -f "$tmpdir/copy"
    # shellcheck disable=SC2086
    nbdkit -r -U - vmdk "$disk" $parameters \
           --run "nbdcopy \"\$uri\" $tmpdir/copy" 2> "$tmpdir/log" ||
        fail "$parameters: $(cat "$tmpdir/log")"
    same "$tmpdir/plain" "$tmpdir/copy"
    [ ! -s "$tmpdir/log" ] || fail "$parameters: $(cat "$tmpdir/log")"
    echo "ok $parameters"
done

for key in server user password vm snapshot cookie thumbprint port \
           nfchostport vimapiver compression transports; do
    status=0
    output=$(nbdkit -r -U - vmdk "$disk" $key=topsecret --run true 2>&1) ||
        status=$?
    echo "$output"
    [ $status -eq 1 ] || fail "$key: status $status"
    [ "$(wc -l <<<"$output")" -eq 1 ] || fail "$key: more than one line"
    grep -q "error: $key" <<<"$output" || fail "$key is not named"
    if [ $key != transports ] && grep topsecret <<<"$output"; then
        fail "$key: the value is repeated"
    fi
done
