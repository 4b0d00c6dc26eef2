#!/bin/bash
# Each target of the fuzzers holds what it promises for all inputs that are
# known: seeds made by the generator, the corpus that fuzzing has added, and
# what once crashed it.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

make_tmpdir
"$PYTHON" "$abs_top_srcdir/fuzzing/seeds.py" "$tmpdir/seeds"

for source in "$abs_top_srcdir"/fuzzing/fuzz-*.c; do
    name=${source##*/fuzz-}
    name=${name%.c}
    program=$abs_top_builddir/fuzzing/replay-$name
    [ -x "$program" ] || fail "$program is not built"
    seeds=$tmpdir/seeds/$name
    [ -d "$seeds" ] || fail "seeds.py made no seeds for $name"
    dirs=("$seeds")
    for dir in "$abs_top_srcdir"/fuzzing/{corpus,crashers}/"$name"; do
        [ ! -d "$dir" ] || dirs+=("$dir")
    done
    "$program" "${dirs[@]}" || {
        VMDK_FUZZ_VERBOSE=1 "$program" "${dirs[@]}" 2>&1 | tail -50
        fail "$program, see above for the input and what does not hold"
    }
done
