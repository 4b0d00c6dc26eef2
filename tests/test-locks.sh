#!/bin/bash
# Two programs on one disk: while one writes, the other is kept out.  The
# other one is qemu, in both directions, ourselves, or VMware's lock
# directory.  Reading with -r is possible whatever others do, with a warning
# where what is read may be inconsistent.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires qemu-img --version
requires qemu-io --version
requires qemu-nbd --version
requires nbdinfo --version
requires nbdcopy --version

make_tmpdir
cd "$tmpdir"
"$PYTHON" "$abs_srcdir/make-raw.py" raw 20000256 8
for kind in monolithicSparse twoGbMaxExtentSparse monolithicFlat \
            twoGbMaxExtentFlat; do
    qemu-img convert -f raw -O vmdk -o subformat=$kind raw $kind.vmdk
done
qemu-img convert -f raw -O vmdk raw parent.vmdk
qemu-img create -q -f vmdk -F vmdk -b parent.vmdk child.vmdk
kinds="monolithicSparse twoGbMaxExtentSparse monolithicFlat
       twoGbMaxExtentFlat child"

# our_client: a connection that has written, until leave.
our_client ()
{
    rm -f ready leave
    "$PYTHON" client.py "$uri" &
    client=$!
    cleanup_fn kill "$client"
    for _ in {1..400}; do
        if [ -e ready ]; then return 0; fi
        kill -0 $client || fail "the client has ended"
        sleep 0.05
    done
    fail "the client is not ready"
}
leave ()
{
    touch leave
    wait $client
}
cat > client.py <<'END'
import os, sys, time
import nbd
h = nbd.NBD()
h.connect_uri(sys.argv[1])
assert not h.is_read_only()
h.pwrite(b"x", 5)
open("ready", "w").close()
while not os.path.exists("leave"):
    time.sleep(0.02)
h.shutdown()
END

# locked COMMAND...: it fails since it cannot get a lock.
locked ()
{
    if "$@" > out 2>&1; then cat out; fail "not locked out: $*"; fi
    cat out
    grep -E 'Failed to get .*lock' out
}

# refused_by_us FILE ARGUMENTS...: a connection for writing fails, and the
# message names the file that is locked and says what to do.
refused_by_us ()
{
    local file=$1 reason="another program uses it: end that program; or"
    shift
    [ "${file%.lck}" = "$file" ] ||
        reason="this lock of VMware's is there: .*remove the lock if"
    nbdkit -U - vmdk "$@" --run 'nbdinfo "$uri"' > out 2>&1 && fail "$*"
    cat out
    reason="the disk is not opened for writing, since $reason"
    grep -E "error: .*$file: $reason" out
    grep -E 'nbdkit -r .*lock=false' out
}

# ---- qemu keeps off our disk ----

for kind in $kinds; do
    start_nbdkit vmdk $kind.vmdk
    # Nobody who may write is connected yet.
    qemu-img info -f vmdk $kind.vmdk > /dev/null
    our_client
    locked qemu-io -f vmdk -c 'write 0 512' $kind.vmdk
    locked qemu-io -r -f vmdk -c 'read 0 512' $kind.vmdk
    locked qemu-img convert -f vmdk -O raw $kind.vmdk copy
    # So does one more of us.
    refused_by_us "$kind[-a-z0-9]*.vmdk" $kind.vmdk
    leave
    stop_nbdkit
    qemu-img check -f vmdk $kind.vmdk || [[ $kind = *Flat ]]
    qemu-io -r -f vmdk -c 'read -P 0x78 5 1' $kind.vmdk | tee out
    if grep -i fail out; then fail "$kind: not what we wrote"; fi
done

# Extents have the lock too, not only the descriptor.
start_nbdkit vmdk monolithicFlat.vmdk
our_client
locked qemu-io -f raw -c 'write 0 512' monolithicFlat-flat.vmdk
leave
stop_nbdkit

# A parent may be read by all, and written by nobody.
start_nbdkit vmdk child.vmdk
our_client
qemu-io -r -f vmdk -c 'read 0 512' parent.vmdk
locked qemu-io -f vmdk -c 'write 0 512' parent.vmdk
nbdkit -r -U - vmdk parent.vmdk --run 'nbdcopy "$uri" copy'
refused_by_us parent.vmdk parent.vmdk
leave
stop_nbdkit

# With -r both read.
for kind in $kinds; do
    start_nbdkit -r vmdk $kind.vmdk
    nbdinfo "$uri" > /dev/null
    qemu-img convert -f vmdk -O raw $kind.vmdk copy
    # But nobody writes to what we read.
    locked qemu-io -f vmdk -c 'write 0 512' $kind.vmdk
    stop_nbdkit
done

# ---- we keep off qemu's ----

# qemu ARGUMENTS...: qemu-nbd serves.
qemu ()
{
    rm -f qemu.pid
    qemu-nbd -t --fork --pid-file="$tmpdir/qemu.pid" -k "$tmpdir/qemu.sock" \
             -f vmdk "$@"
    qemu_pid=$(cat qemu.pid)
    cleanup_fn kill "$qemu_pid"
}
stop_qemu ()
{
    kill "$qemu_pid"
    while kill -0 "$qemu_pid" 2>/dev/null; do sleep 0.05; done
}

# warns NAME ARGUMENTS...: it can be read with -r, with one warning about the
# file.
warns ()
{
    local name=$1
    shift
    nbdkit -r -U - vmdk "$@" --run 'nbdcopy "$uri" copy' 2> messages
    cat messages
    grep -E "warning: .*$name.*another program is writing to this file" messages
}

for kind in $kinds; do
    qemu $kind.vmdk
    sha256sum ./*.vmdk > before
    refused_by_us "$kind[-a-z0-9]*.vmdk" $kind.vmdk
    warns "$kind[-a-z0-9]*.vmdk" $kind.vmdk
    sha256sum -c --quiet before
    stop_qemu
    # And nothing is left of that.
    nbdkit -U - vmdk $kind.vmdk --run 'nbdcopy "$uri" copy' 2> messages
    if grep '^nbdkit:' messages; then fail "a message"; fi
done

# qemu writes to the parent.
qemu parent.vmdk
refused_by_us parent.vmdk child.vmdk
warns parent.vmdk child.vmdk
stop_qemu

# qemu that only reads: we read too, but do not write; its child of the disk
# counts as a reader.
for disk in parent child; do
    qemu -r $disk.vmdk
    nbdkit -r -U - vmdk parent.vmdk --run 'nbdcopy "$uri" copy' \
           2> messages
    if grep '^nbdkit:' messages; then fail "a message"; fi
    refused_by_us parent.vmdk parent.vmdk
    stop_qemu
done

# ---- we and we ----

start_nbdkit -r vmdk child.vmdk
nbdkit -r -U - vmdk child.vmdk --run 'nbdcopy "$uri" copy'
refused_by_us child.vmdk child.vmdk
stop_nbdkit

# lock=false looks at no lock, and takes none.
start_nbdkit vmdk child.vmdk
our_client
nbdkit -U - vmdk child.vmdk lock=false \
       --run 'nbdinfo --is read-only "$uri" && exit 1; exit 0' > out 2>&1
cat out
[ "$(grep -c 'warning: child.vmdk: lock=false' out)" -eq 1 ]
leave
stop_nbdkit
start_nbdkit vmdk child.vmdk lock=false
our_client
qemu-io -f vmdk -c 'read 0 512' child.vmdk
leave
stop_nbdkit

# Several connections to one server do not lock each other out, and the lock
# stays until the server ends.
start_nbdkit vmdk child.vmdk
our_client
nbdinfo "$uri" > /dev/null
leave
locked qemu-io -f vmdk -c 'read 0 512' child.vmdk
stop_nbdkit
qemu-io -f vmdk -c 'read 0 512' child.vmdk

# ---- who may not write keeps no reader out ----

# damage FILE: two entries of its grain tables, the same in both copies, refer
# to one grain.
damage ()
{
    "$PYTHON" - "$1" <<'END'
import struct, sys
with open(sys.argv[1], "r+b") as f:
    def get(form, offset):
        f.seek(offset)
        return struct.unpack(form, f.read(struct.calcsize(form)))[0]
    for where in 48, 56:
        table = 512 * get("<I", 512 * get("<Q", where))
        used = [n for n in range(512) if get("<I", table + 4 * n) > 1]
        f.seek(table + 4 * used[1])
        f.write(struct.pack("<I", get("<I", table + 4 * used[0])))
END
}

# The damage is found when somebody first may write, and stays known.
qemu-img convert -f raw -O vmdk raw damaged.vmdk
damage damaged.vmdk
start_nbdkit vmdk damaged.vmdk
nbdinfo --is read-only "$uri"
qemu-io -r -f vmdk -c 'read 0 512' damaged.vmdk
nbdkit -r -U - vmdk damaged.vmdk --run 'nbdinfo "$uri"'
nbdinfo --is read-only "$uri"
# But what is served still may not change.
locked qemu-io -f vmdk -c 'write 0 512' damaged.vmdk
stop_nbdkit

# The descriptor can be locked for writing, and then the extent cannot.
qemu-nbd -t -r --fork --pid-file="$tmpdir/reader.pid" \
         -k "$tmpdir/reader.sock" -f raw monolithicFlat-flat.vmdk
cleanup_fn kill "$(cat reader.pid)"
start_nbdkit vmdk monolithicFlat.vmdk
if nbdinfo "$uri"; then fail "a disk that others use can be written to"; fi
qemu-io -r -f vmdk -c 'read 0 512' monolithicFlat.vmdk
# Once they are gone it can.
kill "$(cat reader.pid)"
while kill -0 "$(cat reader.pid)" 2>/dev/null; do sleep 0.05; done
our_client
locked qemu-io -r -f vmdk -c 'read 0 512' monolithicFlat.vmdk
leave
stop_nbdkit

# ---- VMware's lock directory ----

mkdir child.vmdk.lck
nbdkit -U - vmdk child.vmdk --run 'nbdinfo --is read-only "$uri" && exit 1;
                                   exit 0' > out 2>&1
if grep '^nbdkit:' out; then fail "an empty lock directory matters"; fi
touch child.vmdk.lck/M12345.lck
sha256sum ./*.vmdk > before
refused_by_us child.vmdk.lck child.vmdk
nbdkit -r -U - vmdk child.vmdk --run 'nbdcopy "$uri" copy' 2> messages
cat messages
[ "$(grep -c 'warning: child.vmdk: .*child.vmdk.lck' messages)" -eq 1 ]
sha256sum -c --quiet before
nbdkit -U - vmdk child.vmdk lock=false \
       --run 'nbdinfo --is read-only "$uri" && exit 1; exit 0'
[ "$(ls child.vmdk.lck)" = M12345.lck ]

# ---- a parent that is being written to would change under its new child ----

qemu-img create -q -f vmdk busy.vmdk 10M
start_nbdkit vmdk busy.vmdk
"$PYTHON" - "$sock" <<'END'
import subprocess, sys, nbd
h = nbd.NBD()
h.connect_unix(sys.argv[1])
h.pwrite(b"x", 0)
made = subprocess.run(
    ["nbdkit", "-U", "-", "vmdk", "create=true", "create-parent=busy.vmdk",
     "new-child.vmdk", "--run", "true"], stderr=subprocess.PIPE)
print(made.stderr.decode())
assert made.returncode != 0 and b"the disk is in use" in made.stderr
h.shutdown()
END
[ ! -e new-child.vmdk ] || fail "a child of a disk in use was made"
stop_nbdkit
nbdkit -U - vmdk create=true create-parent=busy.vmdk new-child.vmdk --run true
