#!/bin/bash
# Where servers are shut in: as an ordinary user without capabilities, after
# 'nbdkit -u', in read-only mounts, without a network, with few system calls,
# and in all of these at once, like in a container.  Disks are served there,
# or refused with a message that says why.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires_nbdsh
requires qemu-img --version
# Only root can shut itself in.  Whatever else is missing fails below.
[ "$(id -u)" -eq 0 ] || skip "only root can make these sandboxes"

make_tmpdir
cd "$tmpdir"
chmod 777 .                     # for sockets

# The user nobody may not look into the build tree, which may be anywhere.
mkdir -p build/plugin/.libs build/tests/sanitizer reports counts
sed "s|$abs_top_builddir|$tmpdir/build|g" "$abs_top_builddir/nbdkit" \
    > build/nbdkit
chmod 755 build/nbdkit
cp "$plugin" build/plugin/.libs
cp "$abs_builddir/without-calls" build
chmod 777 reports counts
export VMDK_SANITIZER_REPORTS=$tmpdir/reports/report
# Where a build that counts the lines that are reached may write.
export GCOV_PREFIX=$tmpdir/counts
# The leak checker needs more than a sandbox gives.
export VMDK_DETECT_LEAKS=0

nobody=(setpriv --reuid=nobody --regid=nogroup --clear-groups --no-new-privs
        --bounding-set=-all --inh-caps=-all --ambient-caps=-all)
# In front of nbdkit.  In place of it: stop_nbdkit looks for its number.
sandbox=()
nbdkit ()
{
    exec "${sandbox[@]}" "$tmpdir/build/nbdkit" "$@"
}

"$PYTHON" "$abs_srcdir/make-raw.py" raw 5000192 9
disks="monolithicSparse twoGbMaxExtentFlat streamOptimized child"
# fresh: the directory d with disks and models, which nobody may write to.
fresh ()
{
    local kind
    rm -rf d
    mkdir d
    qemu-img convert -f raw -O vmdk raw d/parent.vmdk
    for kind in monolithicSparse twoGbMaxExtentFlat streamOptimized; do
        qemu-img convert -f raw -O vmdk -o subformat=$kind raw d/$kind.vmdk
    done
    (cd d && qemu-img create -q -f vmdk -F vmdk -b parent.vmdk child.vmdk)
    for kind in $disks; do cp raw $kind.model; done
    chown -R nobody:nogroup d
}

seed=0
# works OPTION...: all disks are served and written.
works ()
{
    local kind
    for kind in $disks; do
        seed=$((seed + 1))
        start_nbdkit "$@" vmdk d/$kind.vmdk 2> messages
        "$PYTHON" "$abs_srcdir/work-on.py" "$uri" $kind.model $seed ||
            fail "$kind: ${sandbox[*]} $*"
        stop_nbdkit
        qemu-img compare -q -f vmdk -F raw d/$kind.vmdk $kind.model ||
            fail "qemu sees something else: $kind: ${sandbox[*]} $*"
        cat messages
        if [ -s messages ]; then fail "messages: $kind: ${sandbox[*]}"; fi
    done
}

# only_read WHY: all disks are served, but not for writing, with one warning
# that says why.
only_read ()
{
    local kind
    for kind in $disks; do
        start_nbdkit vmdk d/$kind.vmdk 2> messages
        "$PYTHON" "$abs_srcdir/work-on.py" --read-only "$uri" $kind.model ||
            fail "$kind: ${sandbox[*]}"
        stop_nbdkit
        cat messages
        [ "$(wc -l < messages)" -eq 1 ] || fail "not one warning: $kind"
        grep -qE "warning: d/$kind.vmdk: the disk can only be read, since \
d/$kind(-f001)?.vmdk( \\(an extent of d/$kind.vmdk\\))? cannot be opened for \
writing: $1\$" messages ||
            fail "another warning: $kind"
    done
}

step ()
{
    echo "---- $*"
}

# ---- an ordinary user ----

step "as nobody, without capabilities"
sandbox=("${nobody[@]}")
[ "$(set +e; "${sandbox[@]}" cat /proc/self/status |
     grep -cE '^(Cap...:\s0*|NoNewPrivs:\s1)$')" -eq 6 ] ||
    fail "setpriv does not do what it says"
fresh
works

step "nobody may only read"
chown -R root:root d
only_read "Permission denied"

# no_reading PATTERN DISK: refused with one message.
no_reading ()
{
    (refused "^nbdkit: error: $1: Permission denied\$" vmdk "d/$2.vmdk") \
        > out || { cat out; fail "$2"; }
    cat out
    [ "$(wc -l < out)" -eq 1 ] || fail "not one message"
}
chmod 600 d/monolithicSparse.vmdk d/parent.vmdk d/twoGbMaxExtentFlat-f001.vmdk
no_reading "d/monolithicSparse.vmdk: cannot open" monolithicSparse
no_reading "d/child.vmdk: cannot open the parent, recorded as \
\"parent.vmdk\", at \"parent.vmdk\"" child
no_reading "d/twoGbMaxExtentFlat.vmdk: cannot open the extent of line [0-9]+, \
recorded as \"twoGbMaxExtentFlat-f001.vmdk\", at \
\"twoGbMaxExtentFlat-f001.vmdk\"" twoGbMaxExtentFlat
# A directory that may be entered, not listed, is enough; one that may be
# listed, not entered, is not.
chmod 711 d
start_nbdkit -r vmdk d/streamOptimized.vmdk
"$PYTHON" "$abs_srcdir/work-on.py" --read-only "$uri" streamOptimized.model
stop_nbdkit
chmod 744 d
no_reading "d/streamOptimized.vmdk: cannot open" streamOptimized

# ---- root that becomes nobody ----

step "nbdkit -u nobody"
sandbox=()
fresh
chown -R root:root d
chmod 600 d/*
# A stream-optimized disk gets a new file, which is not taken from root.
chown nobody d d/streamOptimized.vmdk
works -u nobody -g nogroup
[ "$(stat -c %U:%a d/monolithicSparse.vmdk)" = root:600 ]

step "nbdkit -u nobody, in a directory of root's"
fresh
chown root:root d
start_nbdkit -u nobody -g nogroup vmdk d/streamOptimized.vmdk 2> messages
"$PYTHON" "$abs_srcdir/work-on.py" "$uri" streamOptimized.model 1
stop_nbdkit
cat messages
[ "$(wc -l < messages)" -eq 1 ]
grep -q "warning: d/streamOptimized.vmdk: the disk is closed as with \
stream-close=fast.*: cannot replace it in its directory: Permission denied" \
     messages
qemu-img compare -f vmdk -F raw d/streamOptimized.vmdk streamOptimized.model

# ---- mounts ----

step "a read-only bind mount"
fresh
unshare -m true || fail "this needs CAP_SYS_ADMIN, for mount namespaces"
sandbox=(unshare -m bash -eu -c 'mount --bind d d
                                 mount -o remount,bind,ro d; exec "$@"' -)
only_read "Read-only file system"

step "a read-only file system"
mkdir empty
sandbox=(unshare -m bash -eu -c 'mount -t tmpfs -o size=64m vmdk-test empty
                                 cp -a d/. empty
                                 mount -o remount,ro empty
                                 mount --bind empty d; exec "$@"' -)
only_read "Read-only file system"

step "no network"
unshare -n true || fail "this needs CAP_SYS_ADMIN, for network namespaces"
sandbox=(unshare -n)
[ "$("${sandbox[@]}" cat /proc/net/dev | grep -c :)" -eq 1 ] ||
    fail "there is a network"
works

# ---- like a container ----

for err in EPERM ENOSYS; do
    step "all at once, $err"
    fresh
    sandbox=(unshare -m -n -i -u bash -eu -c '
                 mount --bind / / && mount -o remount,bind,ro /
                 mount --bind . . && mount -o remount,bind,rw . && cd "$PWD"
                 exec "$@"' -
             "${nobody[@]}" "$tmpdir/build/without-calls" -o $err openat2
             statx sync_file_range copy_file_range fallocate renameat2
             io_uring_setup --)
    works
done

sandbox=()
if find reports -type f -size +0 | grep .; then
    cat reports/*
    fail "a sanitizer reports"
fi
