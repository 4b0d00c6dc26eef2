#!/bin/bash
# -D vmdk.stats=1 prints what was done, with and without -v: requests, and
# what they led to.  The numbers follow from the requests and the disk.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires nbdkit -U - vmdk --version
requires_nbdsh
requires qemu-img --version
requires qemu-io --version

make_tmpdir
cd "$tmpdir"

# Two grain tables, of 32 MiB each.  16 grains side by side in the first.
qemu-img create -q -f vmdk base.vmdk 64M
qemu-io -f vmdk -c 'write -P 1 0 1M' base.vmdk
qemu-img convert -f vmdk -O vmdk -o subformat=streamOptimized \
         base.vmdk packed.vmdk
cp base.vmdk written.vmdk
qemu-img create -q -f vmdk -F vmdk -b base.vmdk child.vmdk

# serve LOG DISK PYTHON [OPTION...]: what nbdkit prints while h is a
# connection to it for the lines of PYTHON.
serve ()
{
    local log=$1 disk=$2 python=$3
    shift 3
    start_nbdkit vmdk "$disk" "$@" 2> "$log"
    "$PYTHON" -c "
import nbd, sys
h = nbd.NBD()
h.connect_uri(sys.argv[1])
$python
h.shutdown()
" "$uri"
    stop_nbdkit
}

# row LOG GROUP WHAT: the numbers of that line, "0 0" if there is none.
row ()
{
    awk -v group="$2" -v what="$3" '
        $1 == group && $2 == what { n = $3; amount = $4; lines++ }
        END { if (lines > 1) exit 1; print n + 0, amount + 0 }' "$1"
}

# is LOG GROUP WHAT N [AMOUNT]
is ()
{
    local found
    found=$(row "$1" "$2" "$3")
    [ "$found" = "$4 ${5:-0}" ] || fail "$*: found $found"
}

# more LOG1 LOG2 GROUP WHAT N [AMOUNT]: what LOG2 has more than LOG1.
more ()
{
    local n1 amount1 n2 amount2
    read -r n1 amount1 <<<"$(row "$1" "$3" "$4")"
    read -r n2 amount2 <<<"$(row "$2" "$3" "$4")"
    [ "$((n2 - n1)) $((amount2 - amount1))" = "$5 ${6:-0}" ] ||
        fail "$*: found $n2 $amount2 after $n1 $amount1"
}

# Nothing but what was asked for, and only if it was.
serve silent base.vmdk 'h.pread(1 << 20, 0)'
serve verbose base.vmdk 'h.pread(1 << 20, 0)' -v
if grep -E 'vmdk\.stats|^request ' silent verbose; then
    fail "statistics that nobody has asked for"
fi
serve loud base.vmdk 'h.pread(1 << 20, 0)' -v -D vmdk.stats=1
is loud request read 1 1048576

# Adjacent grains: one run, one system call.  Tables and the directory's
# page are read once.
serve once base.vmdk 'h.pread(1 << 20, 0)' -D vmdk.stats=1
serve twice base.vmdk 'h.pread(1 << 20, 0); h.pread(1 << 20, 0)' \
      -D vmdk.stats=1
is once request read 1 1048576
is twice request read 2 2097152
is once run data 1
is twice run data 2
is once tables miss 2
# The table; where it lies is known without asking the cache.
more once twice tables hit 1
more once twice tables miss 0
more once twice system read 1 1048576
[ "$(grep -c '^vmdk\.stats:' twice)" -eq 1 ]

# What was not done is not told.
if grep -E '^(write|claim|wait|inflate|deflate|unpacked|flush) ' twice; then
    fail "a line about nothing"
fi
if grep -E '^[a-z]+ .* 0( |$)' twice; then fail "a row of zeroes"; fi

# Halves of a packed grain: unpacked once.  Whole ones are not kept.
serve halves packed.vmdk 'h.pread(32768, 0); h.pread(32768, 32768)' \
      -D vmdk.stats=1
packed=$("$PYTHON" - packed.vmdk <<'END'
import struct, sys
with open(sys.argv[1], "rb") as f:
    overhead, = struct.unpack("<Q", f.read(512)[64:72])
    f.seek(overhead * 512)
    grain, size = struct.unpack("<QI", f.read(12))
assert grain == 0 and size > 0
print(size)
END
)
is halves run packed 2
is halves unpacked miss 1
is halves unpacked hit 1
is halves inflate in 1 "$packed"
is halves inflate out 1 65536
serve wholes packed.vmdk 'h.pread(65536, 0); h.pread(65536, 0)' \
      -D vmdk.stats=1
is wholes unpacked miss 2
is wholes inflate out 2 131072

# Other requests that change nothing.  That a grain is not there is asked
# of one link, which has none below.
serve others base.vmdk '
h.cache(1 << 20, 0)
h.pread(512, 2 << 20)' -D vmdk.stats=1
is others request prefetch 1 1048576
is others system advice 1
is others run ask-link-below 1
is others run zero 1

# Writing: to grains that are there, to ones that are not, in both tables,
# zeroes to where there are none; dropping a grain.
serve written written.vmdk '
h.pwrite(b"x" * 65536, 0)
h.pwrite(b"x" * 131072, 8 << 20)
h.pwrite(b"x" * 512, 40 << 20)
h.pwrite(bytes(512), 20 << 20)
h.flush()
h.trim(65536, 8 << 20)
h.pwrite(b"x" * 512, 0, nbd.CMD_FLAG_FUA)' -D vmdk.stats=1
is written request write 5 198144
is written request zero+free 1 65536
is written request flush 1
is written request of-these-with-sync 1
is written write in-place 2 66048
is written write new-grains 3 131584
is written write zeroes-already 1 512
is written write dropped-grains 1 65536
is written claim taken 3
is written deflate in 0
# Two tables by the flush, one of them again for the last write; of each, a
# sector in which something had changed.
is written tables flushed 3 1536

# All but 512 bytes of a grain come from below; what is in front of them,
# then what is behind.
serve child child.vmdk 'h.pwrite(b"x" * 512, 65536 + 1024)' -D vmdk.stats=1
is child write copied-up 2 65024
is child write new-grains 1 512

# A part of a packed grain: unpacked, held, packed when it ends.  (To put the
# file in order then would unpack others too.)
cp packed.vmdk edited.vmdk
serve edited edited.vmdk '
h.pwrite(b"x" * 512, 0)
h.pwrite(b"y" * 512, 512)' -D vmdk.stats=1 stream-close=fast
is edited write raw-grain-new 1 512
is edited write raw-grain-again 1 512
is edited inflate out 1 65536
is edited deflate in 1 65536
