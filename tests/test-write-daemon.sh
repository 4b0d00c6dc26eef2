#!/bin/bash
# Writing to a daemon, which works in another directory than it was started
# in, and as another user: the content is there after SIGTERM, although the
# client never flushed and is still connected.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires_nbdsh
requires qemu-img --version

make_tmpdir
cd "$tmpdir"
mkdir -p here disks/old
"$PYTHON" "$abs_srcdir/make-raw.py" raw 30000128 3
cd disks
qemu-img convert -f raw -O vmdk ../raw old/base.vmdk
qemu-img create -q -f vmdk -F vmdk -b old/base.vmdk child.vmdk
for kind in monolithicSparse twoGbMaxExtentFlat; do
    qemu-img create -q -f vmdk -o subformat=$kind $kind.vmdk 30000128
done
cd ..
truncate -s 30000128 zeroes
sha256sum disks/old/base.vmdk > parent

# Write pieces of odd sizes to the disk and to a raw file, with no flush;
# then the server is told to end while the connection is there.
cat > write.py <<'END'
import os, random, signal, sys, nbd
uri, raw, pid = sys.argv[1:]
h = nbd.NBD()
h.connect_uri(uri)
f = os.open(raw, os.O_RDWR)
rng = random.Random(5)
for _ in range(60):
    length = rng.choice((1, 511, 512, 4096, 65536, 65537, 300000))
    offset = rng.randrange(h.get_size() - length)
    data = rng.randbytes(length)
    h.pwrite(data, offset)
    os.pwrite(f, data, offset)
os.kill(int(pid), signal.SIGTERM)
# The server waits for nobody who is idle.
END

# daemon DISK RAW ARGUMENTS...
daemon ()
{
    local disk=$1 raw=$2
    shift 2
    cp "$raw" now
    start_daemon "$@" vmdk "$disk"
    [ "$(readlink "/proc/$pid/cwd")" = / ]
    mv "$tmpdir/disks" "$tmpdir/moved"
    "$PYTHON" write.py "$uri" now "$pid"
    for _ in {1..300}; do
        _daemon_lives || break
        sleep 0.1
    done
    if _daemon_lives; then fail "the server did not end"; fi
    mv "$tmpdir/moved" "$tmpdir/disks"
    case $disk in *Flat*) ;; *) qemu-img check -f vmdk "$disk" ;; esac
    qemu-img compare -f vmdk -F raw "$disk" now
}

cd here
cp ../write.py .
daemon ../disks/child.vmdk ../raw
daemon ../here/../disks/./monolithicSparse.vmdk ../zeroes
daemon ../disks/twoGbMaxExtentFlat.vmdk ../zeroes

# As another user, who could not even open the files.
if [ "$(id -u)" -eq 0 ]; then
    chmod 600 ../disks/*.vmdk ../disks/old/*.vmdk
    cp now ../flat
    chmod 777 "$tmpdir"
    rm -f now
    qemu-img convert -f vmdk -O raw ../disks/child.vmdk ../content
    daemon ../disks/child.vmdk ../content -u nobody
fi
cd ..
sha256sum -c parent
