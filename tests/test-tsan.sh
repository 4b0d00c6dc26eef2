#!/bin/bash
# Many threads use one disk, and a thread sanitizer watches: what the core does
# not order by itself is reported.  All of the core is compiled once more, since
# such a sanitizer has to see the whole program.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

dir=$PWD/tmp/test-tsan
cc=${CC:-gcc}
rm -rf "$dir"
mkdir -p "$dir"
cleanup_fn rm -rf "$dir"

# Some kernels give addresses that the sanitizer cannot work with.
echo 'int main (void) { return 0; }' > "$dir/probe.c"
requires "$cc" -fsanitize=thread -o "$dir/probe" "$dir/probe.c"
requires "$dir/probe"

libraries=(-lz -lpthread)
if grep -q '^#define HAVE_LIBDEFLATE 1' "$abs_top_builddir/config.h"; then
    libraries+=(-ldeflate)
fi
if grep -q '^#define HAVE_LIBISAL 1' "$abs_top_builddir/config.h"; then
    libraries+=(-lisal)
fi

cd "$abs_top_srcdir"
"$cc" -std=gnu11 -D_GNU_SOURCE -g -O1 -fsanitize=thread \
    -I"$abs_top_builddir" -Icommon/include -Icommon/utils -Icommon/file \
    -Icommon/vmdk -Itests/unit -o "$dir/stress" \
    common/utils/*.c common/file/*.c common/vmdk/*.c \
    tests/unit/{test-stress,disks,make-stream,model,host,image,stubs}.c \
    tests/unit/{walk,walk-stream}.c \
    "${libraries[@]}"

TSAN_OPTIONS="halt_on_error=0 exitcode=66" "$dir/stress"
