#!/bin/bash
# Another program changes, cuts off, replaces or removes a file of a disk that
# is being served: no wrong byte, no crash, and what is wrong is told.  See
# spoilt-files.py.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires_nbdsh

make_tmpdir
export TMPDIR=$tmpdir
"$PYTHON" "$abs_srcdir/spoilt-files.py" "$tmpdir"
