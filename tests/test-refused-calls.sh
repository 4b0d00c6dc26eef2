#!/bin/bash
# Sandboxes of containers and services refuse system calls that they do not
# know with EPERM or ENOSYS.  Whatever is refused of those that can be done
# without, disks are served, written and created as ever.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires_nbdsh
requires qemu-img --version
requires qemu-io --version
requires nbdcopy --version
requires nbdinfo --version

make_tmpdir
cd "$tmpdir"
sandbox=$abs_builddir/without-calls
# The leak checker needs more than a sandbox gives.
export VMDK_DETECT_LEAKS=0

"$PYTHON" "$abs_srcdir/make-raw.py" raw 5000192 6
mkdir -p d/below
qemu-img convert -f raw -O vmdk raw d/below/parent.vmdk
for kind in monolithicSparse twoGbMaxExtentFlat streamOptimized; do
    qemu-img convert -f raw -O vmdk -o subformat=$kind raw d/$kind.vmdk
    cp raw d/$kind.model
done
# A parent in a directory of its own, by way of a symbolic link.
ln -s below d/link
(cd d && qemu-img create -q -f vmdk -F vmdk -b link/parent.vmdk child.vmdk)
cp raw d/child.model
sha256sum d/below/parent.vmdk > parent

# served ERRNO CALL...: with these calls refused.
served ()
{
    local kind
    for kind in monolithicSparse twoGbMaxExtentFlat streamOptimized child; do
        "$sandbox" "$@" -- nbdkit -U - vmdk d/$kind.vmdk --run "
            '$PYTHON' '$abs_srcdir/work-on.py' \"\$uri\" d/$kind.model $seed
        " > out 2>&1 || { cat out; fail "$kind without $*"; }
        # Nobody is told.
        if [ -s out ]; then cat out; fail "$kind without $*: messages"; fi
        qemu-img compare -q -f vmdk -F raw d/$kind.vmdk d/$kind.model ||
            fail "$kind without $*: qemu sees something else"
    done
    sha256sum -c --quiet parent
    # No file that is half made is left beside a disk that was closed.
    if find d -name '*.tmp*' | grep .; then fail "a file is left"; fi
}

# created ERRNO CALL...: disks are, and their space is reserved if need be.
created ()
{
    local type
    for type in split-flat split-sparse stream-optimized; do
        mkdir new
        "$sandbox" "$@" -- nbdkit -U - vmdk create=true create-type=$type \
            create-size=5000192 new/d.vmdk --run 'nbdcopy raw "$uri"' \
            > out 2>&1 || { cat out; fail "$type without $*"; }
        if [ -s out ]; then cat out; fail "$type without $*: messages"; fi
        qemu-img compare -q -f vmdk -F raw new/d.vmdk raw ||
            fail "$type without $*: qemu sees something else"
        rm -r new
    done
}

seed=0
for err in EPERM ENOSYS; do
    for call in openat2 statx sync_file_range fallocate renameat2 \
                fadvise64; do
        seed=$((seed + 1))
        served $err $call
        case $call in
            openat2|fallocate|renameat2|fadvise64) created $err $call ;;
        esac
    done
    # All of them, and whatever else is newer or unusual.
    served $err openat2 statx sync_file_range copy_file_range fallocate \
           renameat2 io_uring_setup fadvise64
    served -o $err
    created -o $err openat2 fallocate renameat2
done

# Locks are there or they are not: a kernel without them is no sandbox that
# hides those of others.
served ENOSYS ofd-locks
disk=d/monolithicSparse.vmdk
for options in -r ""; do
    "$sandbox" EPERM ofd-locks -- nbdkit $options -U - vmdk $disk \
        --run 'nbdinfo "$uri"' > out 2>&1 && fail "served without locks"
    cat out
    [ "$(grep -c '^nbdkit: .*error' out)" -eq 1 ]
    grep -E "error: $disk: cannot lock the file: .*lock=false" out
done
"$sandbox" EPERM ofd-locks -- nbdkit -r -U - vmdk $disk lock=false --run "
    '$PYTHON' '$abs_srcdir/work-on.py' --read-only \"\$uri\" \
              d/monolithicSparse.model"

# A new content ID must differ from all others, so that without random numbers
# there is no writing, but all else.
"$sandbox" EPERM getrandom -- nbdkit -U - vmdk $disk --run '
    qemu-io -r -f raw -c "read 0 65536" "$uri"
    if qemu-io -f raw -c "write 0 512" "$uri"; then exit 1; fi' > out 2>&1
cat out
[ "$(grep -c '^nbdkit: .*error' out)" -eq 1 ]
grep "error: $disk: cannot draw a new content ID: no random numbers" out
