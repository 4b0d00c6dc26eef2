#!/bin/bash
# The host has no room: a limit of the size of files, then a full file
# system.  The client's write fails with ENOSPC, all that was written before
# can be read, and when there is room again the disk takes writes as if
# nothing had happened, in the same server or in the next.  qemu finds the
# files without errors at each stop.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires_nbdsh
requires qemu-img --version

make_tmpdir
cd "$tmpdir"
size=40000512

# nbdkit under a limit of the size of files, in KiB.
limit=unlimited
nbdkit ()
{
    ulimit -f $limit
    exec nbdkit "$@"
}

# make KIND: d.vmdk and raw, which holds the same; a child has data below.
make ()
{
    rm -f ./*.vmdk raw
    "$PYTHON" "$abs_srcdir/make-raw.py" raw $size 9
    case $1 in
        child)
            qemu-img convert -f raw -O vmdk raw "$tmpdir/base.vmdk"
            qemu-img create -q -f vmdk -F vmdk -b "$tmpdir/base.vmdk" d.vmdk ;;
        *)
            truncate -s 0 raw
            truncate -s $size raw
            qemu-img create -q -f vmdk -o subformat=$1 d.vmdk $size ;;
    esac
}

# sound: the files are, and hold what is in raw.
sound ()
{
    qemu-img check -f vmdk d.vmdk
    qemu-img compare -f vmdk -F raw d.vmdk raw
}

fill ()
{
    "$PYTHON" "$abs_srcdir/fill-until-full.py" "$uri" raw "$1"
}

for kind in monolithicSparse twoGbMaxExtentSparse child; do
    make $kind
    limit=5000
    start_nbdkit vmdk d.vmdk search="$tmpdir"
    fill full
    stop_nbdkit
    sound
    limit=unlimited
    start_nbdkit vmdk d.vmdk search="$tmpdir"
    fill more
    stop_nbdkit
    sound
done

# A file system of its own, in a name space of mounts of its own: this script
# goes on in there.
if [ "$(id -u)" -ne 0 ] || ! unshare -m true; then
    exit 0
fi
cat > inside.sh <<'END'
set -eux
mkdir small
mount -t tmpfs -o size=12m none small
mkdir small/d
cd small/d
END
declare -f make sound fill start_nbdkit stop_nbdkit _new_server \
        _wait_for_server fail cleanup_fn _run_cleanups >> inside.sh
cat >> inside.sh <<'END'
_cleanups=()
_servers=()
_count=100
for kind in monolithicSparse twoGbMaxExtentSparse child; do
    make $kind
    mv raw ..
    mv ../raw "$tmpdir/raw.$kind"
    ln -s "$tmpdir/raw.$kind" raw
    head -c 6M /dev/zero > ../filler
    start_nbdkit vmdk d.vmdk search="$tmpdir"
    fill full
    rm ../filler
    if [ $kind = child ]; then
        # The same server.
        mount -o remount,size=200m "$tmpdir/small"
        fill more
        stop_nbdkit
    else
        stop_nbdkit
        sound
        mount -o remount,size=200m "$tmpdir/small"
        start_nbdkit vmdk d.vmdk search="$tmpdir"
        fill more
        stop_nbdkit
    fi
    sound
    rm -f ./*
    mount -o remount,size=12m "$tmpdir/small"
done
END
export size tmpdir abs_srcdir PYTHON
unshare -m bash inside.sh
