#!/bin/bash
# Writes through nbdkit's filters: checkwrite sees nothing change that should
# not, blocksize makes requests of other sizes, fua and nozero others than the
# client sends, and log tells what arrives.  qemu reads what was written.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires_run
requires qemu-img --version
requires nbdcopy --version
for filter in blocksize cache checkwrite fua log noparallel nozero stats; do
    requires_filter $filter
done

make_tmpdir
cd "$tmpdir"
size=19988480
"$PYTHON" "$abs_srcdir/make-raw.py" old $size 12
"$PYTHON" "$abs_srcdir/make-raw.py" new $size 13
truncate -s $size zeroes

# make KIND RAW: d.vmdk with that content.
make ()
{
    rm -f ./*.vmdk
    case $1 in
        child)
            qemu-img convert -f raw -O vmdk "$2" base.vmdk
            qemu-img create -q -f vmdk -F vmdk -b base.vmdk d.vmdk ;;
        *)  qemu-img convert -f raw -O vmdk -o subformat=$1 "$2" d.vmdk ;;
    esac
}

# sound KIND RAW
sound ()
{
    case $1 in *Flat) ;; *) qemu-img check -f vmdk d.vmdk ;; esac
    qemu-img compare -f vmdk -F raw d.vmdk "$2"
}

for kind in monolithicSparse monolithicFlat twoGbMaxExtentSparse child; do
    # What is written is what is there: the filter compares each request.
    make $kind old
    sha256sum ./*.vmdk > before
    # shellcheck disable=SC2016
    nbdkit -U - --filter=checkwrite vmdk d.vmdk \
           --run 'nbdcopy "$uri" "$uri"'
    sha256sum -c --quiet before
    sound $kind old

    # Another content over the old one, through filters; zeroes are sent as
    # such, trims among them, or as data.
    while read -r filters parameters; do
        for from in old zeroes; do
            make $kind $from
            # shellcheck disable=SC2086
            start_nbdkit $filters vmdk d.vmdk $parameters
            nbdcopy --flush new "$uri"
            nbdcopy "$uri" copy
            same new copy
            # And compare what is there through the same filters again.
            qemu-img compare -f raw -F raw new "$uri"
            stop_nbdkit
            sound $kind new
        done
    done <<'END'
--filter=log logfile=log
--filter=blocksize minblock=4096
--filter=blocksize maxdata=4096 maxlen=64k
--filter=blocksize minblock=64k maxdata=64k
--filter=fua fuamode=force
--filter=fua fuamode=emulate
--filter=nozero zeromode=none
--filter=nozero zeromode=plugin
--filter=noparallel
--filter=cache cache=writeback
--filter=stats statsfile=stats
END
    grep -E 'Write id=.* offset=0x' log
    grep -E 'Flush id=' log
    rm -f log
done

# A copy onto itself through checkwrite, of what was written by us.
start_nbdkit --filter=checkwrite vmdk d.vmdk
nbdcopy "$uri" "$uri"
stop_nbdkit
