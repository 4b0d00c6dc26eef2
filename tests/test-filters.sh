#!/bin/bash
# nbdkit's filters in front of the plugin: each does its work and the data
# stays right.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires_nbdsh
requires qemu-img --version
requires nbdcopy --version
requires nbdinfo --version
for filter in blocksize blocksize-policy cache checkwrite cow log \
              noextents noparallel offset partition readahead; do
    requires_filter $filter
done

make_tmpdir
cd "$tmpdir"
"$PYTHON" "$abs_srcdir/make-raw.py" raw 50331648 6
# A partition table in front of it, by hand: one partition from sector 2048
# to the end.
"$PYTHON" - raw <<'END'
import struct, sys
entry = struct.pack("<BBBBBBBBII", 0, 0, 2, 0, 0x83, 0, 1, 0,
                    2048, (50331648 - (1 << 20)) // 512)
with open(sys.argv[1], "r+b") as f:
    f.write(bytes(446) + entry + bytes(48) + b"\x55\xaa")
END
qemu-img convert -f raw -O vmdk -o subformat=streamOptimized raw base.vmdk
qemu-img create -q -f vmdk -F vmdk -b base.vmdk disk.vmdk
sha256sum ./*.vmdk > sums

# through FILTERS PARAMETERS: a copy through these is right.
through ()
{
    # shellcheck disable=SC2086
    start_nbdkit $1 vmdk disk.vmdk $2
    nbdcopy "$uri" copy
    same raw copy
    stop_nbdkit
}

through --filter=noparallel ""
through --filter=noextents ""
through --filter=readahead ""
through --filter=cache "cache-on-read=true"
through --filter=blocksize "maxdata=4096"
through --filter=blocksize "minblock=64k"
through "--filter=readahead --filter=cache --filter=blocksize" "minblock=4k"

# Requests reach the plugin in parallel and are logged on the way.
through --filter=log "logfile=log"
grep 'Connect.*size=0x3000000' log
grep 'Read.*offset=0x0 ' log
grep 'Extents.*count=' log

# A client that obeys the block sizes that are advertised gets no error.
through --filter=blocksize-policy "blocksize-error-policy=error
    blocksize-minimum=512 blocksize-maximum=32M"
# And here is one that does not.
start_nbdkit --filter=blocksize-policy vmdk disk.vmdk \
             blocksize-error-policy=error blocksize-minimum=512
"$PYTHON" - "$uri" <<'END'
import nbd, sys
h = nbd.NBD()
h.connect_uri(sys.argv[1])
h.set_strict_mode(0)
h.pread(512, 512)
try:
    h.pread(511, 512)
    sys.exit("not refused")
except nbd.Error as e:
    assert e.errno == "EINVAL", e
h.shutdown()
END
stop_nbdkit

# A writable view: what is written is seen, next to what is on the disk, and
# the disk does not change.
start_nbdkit --filter=cow vmdk disk.vmdk
"$PYTHON" - "$uri" raw <<'END'
import nbd, random, sys
rng = random.Random(7)
content = bytearray(open(sys.argv[2], "rb").read())
h = nbd.NBD()
h.connect_uri(sys.argv[1])
assert not h.is_read_only()
for n in range(300):
    length = rng.randint(1, 70000)
    offset = rng.randrange(len(content) - length)
    if n % 3 == 0:
        # Before 1.36 the filter cannot do this over a read-only plugin.
        if h.can_zero():
            h.zero(length, offset)
        else:
            h.pwrite(bytes(length), offset)
        content[offset:offset + length] = bytes(length)
    else:
        data = rng.randbytes(length)
        h.pwrite(data, offset)
        content[offset:offset + length] = data
    offset = max(0, offset - rng.randint(0, 90000))
    length = min(200000, len(content) - offset)
    assert h.pread(length, offset) == content[offset:offset + length]
h.flush()
for offset in range(0, len(content), 1 << 20):
    length = min(1 << 20, len(content) - offset)
    assert h.pread(length, offset) == content[offset:offset + length]
h.shutdown()
END
stop_nbdkit
sha256sum -c sums

# The disk copied onto itself: what is read is compared with what is there,
# block status as well as data.
start_nbdkit --filter=checkwrite vmdk disk.vmdk
nbdcopy "$uri" "$uri"
stop_nbdkit

# A part of the disk.
start_nbdkit --filter=offset vmdk disk.vmdk offset=1000007 range=20000003
nbdcopy "$uri" copy
dd if=raw of=part bs=1M iflag=skip_bytes,count_bytes skip=1000007 \
   count=20000003 status=none
same part copy
stop_nbdkit
start_nbdkit --filter=partition vmdk disk.vmdk partition=1
[ "$(nbdinfo --size "$uri")" = $((50331648 - 1048576)) ]
nbdcopy "$uri" copy
dd if=raw of=part bs=1M skip=1 status=none
same part copy
stop_nbdkit
