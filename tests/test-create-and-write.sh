#!/bin/bash
# One command creates a disk and fills it: qemu reads back what was written,
# and finds no fault.  So with children, whose parents stay as they are.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires nbdcopy --version
requires qemu-img --version

make_tmpdir
mkdir "$tmpdir/d"
cd "$tmpdir/d"

"$PYTHON" "$abs_srcdir/make-raw.py" ../raw 20972032 1
"$PYTHON" "$abs_srcdir/make-raw.py" ../other 20972032 2

# check RAW DISK: qemu agrees.
check ()
{
    qemu-img compare -f raw -F vmdk "$1" "$2" ||
        fail "$2 is not what was written"
    case $(qemu-img info "$2") in
        *monolithicSparse*|*twoGbMaxExtentSparse*) qemu-img check -q "$2" ;;
    esac
    nbdkit -U - -r vmdk "$2" --run "nbdcopy \"\$uri\" ../copy"
    same "$1" ../copy
}

for type in monolithic-sparse monolithic-flat split-sparse split-flat \
            vmfs-flat vmfs-thin vmfs-sparse; do
    echo "create and fill: $type"
    rm -f -- *
    nbdkit -U - vmdk create=true create-size=20972032 create-type=$type \
           x.vmdk --run 'nbdcopy ../raw "$uri"'
    check ../raw x.vmdk
    sha256sum ./* > ../sums
    for child in monolithic-sparse split-sparse vmfs-sparse; do
        echo "and a child: $child"
        rm -f child*
        nbdkit -U - vmdk create=true create-parent=x.vmdk \
               create-type=$child child.vmdk --run true
        [ "$(qemu-img info --backing-chain child.vmdk |
             grep -c '^image:')" -eq 2 ] || fail "qemu sees no parent"
        check ../raw child.vmdk
        nbdkit -U - vmdk child.vmdk --run 'nbdcopy ../other "$uri"'
        check ../other child.vmdk
        sha256sum --quiet -c ../sums
    done
done
