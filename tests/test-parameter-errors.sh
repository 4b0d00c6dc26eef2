#!/bin/bash
# Each mistake on the command line ends nbdkit with status 1 and one error
# message, not with a crash or a second, vaguer message.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run

make_tmpdir
disk=$abs_top_srcdir/examples/appliance.vmdk
touch "$tmpdir/empty.vmdk"
head -c 100000 /dev/urandom > "$tmpdir/noise.vmdk"
mkfifo "$tmpdir/fifo.vmdk"
mkdir "$tmpdir/dir.vmdk"
count=0

# wrong PATTERN ARGUMENT...
wrong ()
{
    local pattern=$1 output status=0 errors
    shift
    count=$((count + 1))
    output=$(timeout 60 nbdkit -U - vmdk "$@" --run 'exit 0' 2>&1) ||
        status=$?
    echo "vmdk $*"
    echo "  $output"
    [ $status -eq 1 ] || fail "status $status"
    errors=$(grep -cE '^nbdkit: ([^ ]*: )?error: ' <<<"$output" || true)
    [ "$errors" -eq 1 ] || fail "$errors error messages"
    grep -qiE -- "$pattern" <<<"$output" || fail "no '$pattern' in that"
    # One sentence on one line.
    [ "$(wc -l <<<"$output")" -eq 1 ] || fail "more than one line"
}

wrong 'name the disk'
wrong 'name the disk' single-link=true
wrong 'file=' "$disk" "$disk"
wrong 'file=' file="$disk" file=/other.vmdk
wrong "unknown parameter 'files'" files="$disk"
wrong "unknown parameter 'foo'" "$disk" foo=bar
wrong "unknown parameter 'Search'" "$disk" Search=/
wrong 'check-cid|boolean' "$disk" check-cid=maybe
wrong 'single-link|boolean' "$disk" single-link=
wrong 'unbuffered|boolean' "$disk" unbuffered=2
wrong 'cache-size|size' "$disk" cache-size=
wrong 'cache-size|size' "$disk" cache-size=-1
wrong 'cache-size|size' "$disk" cache-size=1Q
wrong 'cache-size.*1M' "$disk" cache-size=1000
wrong 'cache-size|size' "$disk" cache-size=99999999999999999999
wrong 'check-cid.*single-link' "$disk" check-cid=false single-link=true
wrong 'drop-cbt|boolean' "$disk" drop-cbt=yess
wrong 'lock|boolean' "$disk" lock=
wrong 'zeroed-grains.*auto or off' "$disk" zeroed-grains=on
for level in 0 13 -1 +6 six 6.5 "" 0x6 " 6" 99999999999999999999; do
    wrong 'compression-level=.*expected a number from 1 to 12' \
          "$disk" "compression-level=$level"
done
wrong 'compression-level: given twice' "$disk" \
      compression-level=1 compression-level=1
for close in "" Auto slow true; do
    wrong 'stream-close=.*expected auto, canonical or fast' \
          "$disk" "stream-close=$close"
done
wrong 'lock.*twice' "$disk" lock=true lock=false
wrong '/nonexistent: .*No such file' "$disk" search=/nonexistent
wrong 'Not a directory' "$disk" search=/dev/null
wrong 'No such file' "$tmpdir/missing.vmdk"
wrong 'No such file' "$tmpdir/missing/missing.vmdk"
for right in size=1M type=any uuid=any toolsversion=1 adapter-type=ide \
             hwversion=4 toolsinstalltype=1; do
    wrong "No such file.*create-${right%=*} .*create=true" \
          "create-$right" "$tmpdir/missing.vmdk"
done
ln -s nowhere "$tmpdir/link.vmdk"
wrong 'No such file or directory$' create-size=1M "$tmpdir/link.vmdk"
wrong 'regular' create-size=1M "$tmpdir/dir.vmdk"
wrong 'Not a directory' "$disk/x.vmdk"
wrong 'directory|regular' "$tmpdir/dir.vmdk"
wrong 'regular file' "$tmpdir/fifo.vmdk"
wrong 'regular file' /dev/null
wrong 'empty\.vmdk' "$tmpdir/empty.vmdk"
wrong 'noise\.vmdk' "$tmpdir/noise.vmdk"
wrong 'file=|name the disk' file=
wrong 'File name too long' "$(printf '%05000d' 1)"
echo "$count mistakes"

# What is right, whatever the disk.
for right in compression-level={1,6,9,12} stream-close={auto,canonical,fast} \
             create-{uuid,toolsversion,toolsinstalltype}=any; do
    nbdkit -r -U - vmdk "$disk" "$right" --run true || fail "$right"
done

# What is not a mistake, though the disk is missing or wrong.
for option in --help --version --dump-plugin; do
    for arguments in "" "$tmpdir/missing.vmdk" "single-link=true"; do
        # shellcheck disable=SC2086
        nbdkit vmdk $arguments $option > "$tmpdir/out" 2>&1 ||
            fail "nbdkit vmdk $arguments $option"
        grep -q vmdk "$tmpdir/out"
    done
done
