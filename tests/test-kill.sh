#!/bin/bash
# kill -9 of a real nbdkit, at random moments while several connections
# write: what was flushed is there, what was not touched is as before, and
# no table is damaged.  See kill-rounds.py.
#
# VMDK_KILL_ROUNDS=N for more or fewer kills, VMDK_KILL_SEED=N for others.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires_nbdsh

make_tmpdir
export TMPDIR=$tmpdir
"$PYTHON" "$abs_srcdir/kill-rounds.py" "$tmpdir" "${VMDK_KILL_ROUNDS:-200}" \
    "${VMDK_KILL_SEED:-1}"
