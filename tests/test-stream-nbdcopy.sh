#!/bin/bash
# nbdcopy fills fresh stream-optimized disks, with few and many requests at
# once: they are canonical, and qemu, 7-Zip, libvmdk and we ourselves read from
# them what was written.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires nbdcopy --version
requires qemu-img --version
requires 7z i
requires "$PYTHON" -c 'import pyvmdk'

make_tmpdir
cd "$tmpdir"
export PYTHONPATH=$abs_srcdir

size=$((64 << 20))
"$PYTHON" "$abs_srcdir/make-raw.py" raw $size 31
"$PYTHON" "$abs_srcdir/make-raw.py" odd $((30000000 / 512 * 512)) 32
truncate -s $size zeroes
# Text that a packer has to work on, words in no order: of lines that are all
# alike, zlib's levels 1 and 6 make the same number of sectors.
"$PYTHON" - > text <<'END'
import random
rng = random.Random(11)
words = ["".join(rng.choices("etaoinshrdlu", k=rng.randrange(2, 9)))
         for _ in range(3000)]
for _ in range(60000):
    print(*(words[int(rng.paretovariate(0.7)) % 3000] for _ in range(30)))
END
truncate -s $((16 << 20)) text

# fill RAW COPY-OPTIONS [PARAMETER...]: a new d.vmdk, canonical.
fill ()
{
    local raw=$1 options=$2
    shift 2
    echo "nbdcopy $options of $raw: $*"
    rm -f d.vmdk
    # shellcheck disable=SC2086
    nbdkit -U - vmdk d.vmdk create=true create-type=stream-optimized \
           create-size="$(stat -c %s "$raw")" "$@" \
           --run "nbdcopy $options $raw \"\$uri\""
    "$PYTHON" -m vmdkgen.conform d.vmdk --created
    qemu-img compare -f raw -F vmdk "$raw" d.vmdk
}

libvmdk_reads ()
{
    "$PYTHON" - "$1" d.vmdk <<'END'
import sys
import pyvmdk
handle = pyvmdk.handle()
handle.open(sys.argv[2])
handle.open_extent_data_files()
at, size = 0, handle.get_media_size()
with open(sys.argv[1], "rb") as raw:
    while data := raw.read(1 << 20):
        if handle.read_buffer_at_offset(len(data), at) != data:
            sys.exit("libvmdk reads something else at %d" % at)
        at += len(data)
if not at <= size < at + 65536:
    sys.exit("libvmdk says %d bytes, not %d" % (size, at))
END
}

# all_read RAW: everybody else.
all_read ()
{
    qemu-img check -f vmdk d.vmdk
    7z t -bd -tvmdk d.vmdk > log || fail "$(cat log)"
    # It has whole grains, so it may be longer than what was copied.
    7z x -y -bd -so -tvmdk d.vmdk > copy
    cp "$1" wanted
    truncate -s "$(stat -c %s copy)" wanted
    same wanted copy
    libvmdk_reads "$1"
    nbdkit -U - -r vmdk d.vmdk --run 'nbdcopy "$uri" copy'
    same wanted copy
}

fill raw ""
all_read raw
fill raw "--connections=1 --requests=64"
all_read raw
fill raw "--connections=4 --requests=64"
all_read raw
fill raw "--connections=4 --requests=64 --request-size=65536"
all_read raw
fill raw "--synchronous"
fill raw "--connections=1 --requests=1 --allocated --flush"
fill raw "--request-size=4096"

# The level of compression matters; whatever library packs at it, all read it.
sizes=()
for level in 1 2 3 6 12; do
    fill text "--connections=4" compression-level=$level
    sizes+=("$(stat -c %s d.vmdk)")
    all_read text
    fill raw "--connections=4" compression-level=$level
    all_read raw
done
fill text ""
sizes+=("$(stat -c %s d.vmdk)")
echo "sizes at levels 1, 2, 3, 6, 12, default: ${sizes[*]}"
for i in 0 1 2 3; do
    [ "${sizes[i]}" -ge "${sizes[i + 1]}" ] ||
        fail "the sizes do not follow the levels"
done
[ "${sizes[0]}" -gt "${sizes[3]}" ] || fail "level 1 is as small as level 6"
[ "${sizes[5]}" -eq "${sizes[3]}" ] || fail "the default is not level 6"

fill odd "--connections=4 --requests=64"
all_read odd
fill odd "" create-adapter-type=ide create-hwversion=14
all_read odd

# Zeroes are not stored, however they come.
for options in "" "--allocated" "--connections=4 --requests=64 --allocated"
do
    fill zeroes "$options"
    [ "$(stat -c %s d.vmdk)" -eq $(((128 + 5) * 512)) ] ||
        fail "there is more than metadata"
done
