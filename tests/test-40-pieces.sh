#!/bin/bash
# A disk of 40 sparse pieces of odd sizes: requests that begin and end in any
# piece, and go over several, land where they belong (qemu's own driver takes
# the bytes of such a request from the wrong place).
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires_nbdsh
requires qemu-img --version
requires nbdcopy --version

make_tmpdir
cd "$tmpdir"

# make.py EVEN: 40 pieces, of whole grains or not.
cat > make.py <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from vmdkgen import case, content, disk
even = sys.argv[2] == "even"
d = case.Directory(".")
parts = []
for n in range(1, 41):
    grain = (8, 16, 128, 64)[n % 4]
    size = 128 * (1 + n % 7) + (0 if even else n * 3 % 127)
    parts.append(disk.sparse(d, "d-s%03d.vmdk" % n, content.empty(size),
                             grain=grain, gtes=128))
link = disk.link(d, "d.vmdk", parts)
starts = [0]
for part in parts:
    starts.append(starts[-1] + part.content.size)
with open("starts", "w") as f:
    f.write("".join("%d\n" % s for s in starts))
END

# over.py: requests over each border, by bytes, then some over many pieces.
cat > over.py <<'END'
import os, random, sys
import nbd
h = nbd.NBD()
h.connect_uri(sys.argv[1])
starts = [int(line) * 512 for line in open("starts")]
size = starts[-1]
assert h.get_size() == size
model = bytearray(size)
rng = random.Random(40)
def write(at, length):
    length = min(length, size - at)
    data = rng.randbytes(length)
    h.pwrite(data, at)
    model[at:at + length] = data
for at in starts[1:-1]:
    write(at - rng.randint(1, 5000), rng.randint(5001, 9000))
    write(at - 1, 2)
for _ in range(60):
    at = rng.randrange(size)
    write(at, rng.choice((70000, 300000, 1000000)))
    at = rng.randrange(size)
    length = min(rng.choice((3, 70000, 500000)), size - at)
    rng.choice((h.zero, h.trim))(length, at)
    model[at:at + length] = bytes(length)
write(0, size)                  # one request over all of them
at, end = starts[3] + 777, starts[37] - 5
h.zero(end - at, at)
model[at:end] = bytes(end - at)
write(starts[7] - 100, starts[29] - starts[7] + 205)
h.flush()
assert h.pread(size, 0) == model
h.shutdown()
with open("model", "wb") as f:
    f.write(model)
END

cat > judge.py <<'END'
import sys
sys.path.insert(0, sys.argv[1])
from vmdkgen import check, reader
problems = check.check("d.vmdk")
assert not problems, problems
assert reader.read("d.vmdk", None) == open(sys.argv[2], "rb").read()
END

for how in even odd; do
    "$PYTHON" make.py "$abs_srcdir" $how
    start_nbdkit vmdk d.vmdk
    "$PYTHON" over.py "$uri"
    stop_nbdkit
    "$PYTHON" judge.py "$abs_srcdir" model
    start_nbdkit -r vmdk d.vmdk
    nbdcopy "$uri" copy
    same model copy
    stop_nbdkit
    # qemu reads pieces that end inside a grain wrong.
    if [ $how = even ]; then qemu-img compare -f vmdk -F raw d.vmdk model; fi

    # A whole copy with several connections and requests that fit nowhere.
    "$PYTHON" "$abs_srcdir/make-raw.py" raw "$(stat -c %s model)" 41
    start_nbdkit vmdk d.vmdk
    nbdcopy --connections=4 --requests=16 --request-size=262144 raw "$uri"
    stop_nbdkit
    "$PYTHON" judge.py "$abs_srcdir" raw
    rm ./*.vmdk
done
