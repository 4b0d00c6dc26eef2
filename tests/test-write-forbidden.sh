#!/bin/bash
# Files that the host does not let us write: the disk is served read-only,
# with a warning that names the file and says why; with -r there is none.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires qemu-img --version
requires nbdinfo --version
requires nbdcopy --version
requires setpriv --version

make_tmpdir
cd "$tmpdir"
"$PYTHON" "$abs_srcdir/make-raw.py" raw 30000128 4
mkdir disks
for kind in monolithicSparse monolithicFlat twoGbMaxExtentSparse; do
    qemu-img convert -f raw -O vmdk -o subformat=$kind raw disks/$kind.vmdk
done
cd disks
qemu-img create -q -f vmdk -F vmdk -b monolithicSparse.vmdk child.vmdk
cd ..

# Root may write to everything, unless this is taken from it.
unprivileged=()
if [ "$(id -u)" -eq 0 ]; then
    unprivileged=(setpriv --inh-caps=-all
                  --bounding-set=-dac_override,-dac_read_search)
fi
nbdkit_unprivileged ()
{
    "${unprivileged[@]}" nbdkit "$@"
}
nbdkit_mounted ()
{
    unshare -m sh -euc 'mount --bind disks disks
                        mount -o remount,bind,ro disks
                        exec nbdkit "$@"' sh "$@"
}

# reads HOW PATTERN DISK: it can only be read, for this reason.
reads ()
{
    local how=$1 pattern=$2 disk=$3
    rm -f copy
    # shellcheck disable=SC2016
    nbdkit_$how -U - vmdk "$disk" \
        --run 'nbdinfo --is read-only "$uri" && nbdcopy "$uri" copy' \
        2> messages || { cat messages; fail "$disk"; }
    cat messages
    same raw copy
    [ "$(grep -c 'the disk can only be read' messages)" -eq 1 ]
    grep -E "$pattern" messages
    # shellcheck disable=SC2016
    nbdkit_$how -r -U - vmdk "$disk" --run 'nbdcopy "$uri" copy' 2> messages
    same raw copy
    if grep '^nbdkit:' messages; then fail "a message with -r"; fi
}

find disks -type f -print0 | sort -z | xargs -0 sha256sum > before

# writes DISK: the control: nothing is in the way.
writes ()
{
    # shellcheck disable=SC2016
    nbdkit_unprivileged -U - vmdk "$1" \
        --run 'nbdinfo --is read-only "$uri" && exit 1; exit 0'
}
writes disks/twoGbMaxExtentSparse.vmdk

chmod a-w disks/monolithicSparse.vmdk
reads unprivileged 'monolithicSparse.vmdk cannot be .*writing: Perm' \
      disks/monolithicSparse.vmdk
# A parent need not be writable.
writes disks/child.vmdk
chmod a-w disks/monolithicFlat-flat.vmdk
reads unprivileged 'monolithicFlat-flat.vmdk .*cannot be .*writing: Perm' \
      disks/monolithicFlat.vmdk
# The extents alone do not do: the content ID is in the descriptor.
chmod a-w disks/twoGbMaxExtentSparse.vmdk
reads unprivileged 'descriptor cannot be opened for writing' \
      disks/twoGbMaxExtentSparse.vmdk
chmod -R u+w disks

if unshare -m true; then
    for disk in child monolithicFlat twoGbMaxExtentSparse; do
        reads mounted "$disk.*cannot be .*writing: Read-only file sys" \
              disks/$disk.vmdk
    done
fi
find disks -type f -print0 | sort -z | xargs -0 sha256sum > after
diff before after
