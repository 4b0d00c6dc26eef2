#!/bin/bash
# Memory is bounded by cache-size and by what nbdkit itself needs for the
# requests in flight, not by the disk: the server's peak while many large
# reads of compressed disks run at once, with the largest grains too.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires_nbdsh
requires qemu-img --version
requires grep VmHWM: /proc/self/status

make_tmpdir
cd "$tmpdir"
"$PYTHON" "$abs_srcdir/make-raw.py" raw 104859136 10
qemu-img convert -f raw -O vmdk -o subformat=streamOptimized raw stream.vmdk

# Grains of 1 MiB, the largest that may be compressed.
"$PYTHON" - "$abs_srcdir" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from vmdkgen import case, content, disk
disk.streamed(case.Directory("."), "large.vmdk",
              content.full(80 * 2048, 11), grain=2048, level=1)
END

cat > load.py <<'END'
import sys
import nbd

uri, connections, in_flight, length, rounds = \
    sys.argv[1], *map(int, sys.argv[2:])
handles = []
for _ in range(connections):
    h = nbd.NBD()
    h.connect_uri(uri)
    handles.append(h)
size = handles[0].get_size()
at = 0
for _ in range(rounds):
    pending = []
    for n in range(in_flight):
        for h in handles:
            buf = nbd.Buffer(length)
            pending.append((h, h.aio_pread(buf, at), buf))
            at = (at + length * 7 + 4096) % (size - length)
    for h, cookie, buf in pending:
        while not h.aio_command_completed(cookie):
            h.poll(-1)
for h in handles:
    h.shutdown()
END

# peak LIMIT DISK PARAMETERS -- CONNECTIONS IN-FLIGHT LENGTH ROUNDS
# The limit is in MiB.
peak ()
{
    load=load.py
    measure "$@"
}

measure ()
{
    local limit=$(($1 + sanitizer_memory)) disk=$2 found
    shift 2
    # glibc gives each thread an arena, which is not what this is about.
    MALLOC_ARENA_MAX=2 start_nbdkit vmdk "$disk" "$1"
    shift 2
    "$PYTHON" $load "$uri" "$@"
    found=$(awk '$1 == "VmHWM:" { print int ($2 / 1024) }' \
                "/proc/$pid/status")
    echo "$disk: $found MiB at most, $limit allowed"
    [ "$found" -lt "$limit" ] || fail "$disk: $found MiB"
    stop_nbdkit
}

# nbdkit has a buffer of the size of the request for each of the sixteen
# threads of a connection.  To it come the cache, and 24 MiB for the
# program, its stacks and compressed grains.
peak $((16 * 4 + 8 + 24)) stream.vmdk cache-size=8M -- 1 16 4194304 8
peak $((4 * 16 * 1 + 8 + 24)) stream.vmdk cache-size=8M -- 4 16 1048576 8
peak $((16 * 4 + 32 + 24)) stream.vmdk cache-size=32M -- 1 16 4194304 8

# Each thread holds the compressed bytes of a grain, however small the cache.
peak $((16 * (1 + 1) + 8 + 24)) large.vmdk cache-size=8M -- 1 16 1048576 6
peak $((2 * 16 * (1 + 1) + 1 + 24)) large.vmdk cache-size=1M \
     -- 2 16 1048576 4

# Changed tables have one budget, however many extents there are: sixty, with
# four tables of 256 KiB each, full of zeroed grains.
"$PYTHON" - "$abs_srcdir" <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from vmdkgen import case, content, disk, hosted
here, empty = case.Directory("."), content.empty(4 << 23)
sparse = dict(version=2, redundant=False,
              flags=hosted.NEWLINE | hosted.ZEROGRAIN)
for name, make, options in (("sparse", disk.sparse, sparse),
                            ("packed", disk.stream, {})):
    parts = []
    for i in range(60):
        file = "%s-%d.vmdk" % (name, i)
        parts.append(make(here, file, empty, gtes=65536, **options))
        for at in parts[-1].image.tables.values():
            parts[-1].image.poke(at * 512, b"\1\0\0\0" * 65536)
    disk.link(here, name + ".vmdk", parts)
END

cat > tables.py <<'END'
import sys
import nbd

h = nbd.NBD()
h.connect_uri(sys.argv[1])
for table in range(60 * 4):
    h.pwrite(b"x" * 512, (table << 32) + (table << 12))
h.shutdown()
END
load=tables.py
measure $((4 + 4 + 24)) sparse.vmdk cache-size=4M --
measure $((4 + 20 + 24)) packed.vmdk cache-size=4M --
