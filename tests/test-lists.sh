#!/bin/bash
# Every test in the tree is in the lists of the makefile, and so in the
# suite and in a release: a test that is in no list would never run.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

cd "$abs_srcdir"
status=0

if ! diff lists.am <(./update-lists); then
    echo "^ lists.am on the left, the directory on the right:" \
         "run 'make -C tests update-lists'"
    status=1
fi

[ $status -eq 0 ] || fail "see above"
