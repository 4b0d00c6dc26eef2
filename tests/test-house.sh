#!/bin/bash
# House rules that a program can check: each file has its licence line, no
# source line is longer than 80 columns or has tabs, and each C file
# includes config.h before anything else.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

cd "$abs_top_srcdir"
status=0

complain ()
{
    echo "$*"
    status=1
}

c=$(echo {common/*,plugin,tests/unit,fuzzing}/*.[ch])
scripts="quickstart .ci/* fuzzing/run fuzzing/*.py nbdkit.in run.in
         examples/make-example
         tests/*.sh tests/*.py tests/update-lists tests/*.sh.in
         tests/run-test.in tests/run-case tests/*/*.py"
build="configure.ac common-rules.mk m4/vmdk.m4 Makefile.am */Makefile.am
       */*/Makefile.am tests/lists.am"

for file in $c $scripts $build plugin/*.syms *.md */*.md plugin/*.pod; do
    [ -f "$file" ] || continue
    grep -q "SPDX-License-Identifier: BSD-3-Clause" "$file" ||
        complain "$file: no SPDX line"
done

for file in $c $scripts; do
    [ -f "$file" ] || continue
    awk -v file="$file" 'length ($0) > 80 {
            printf "%s:%d: longer than 80 columns\n", file, FNR; bad = 1 }
        END { exit bad }' "$file" || status=1
    if grep -nH -P '\t| +$' "$file"; then
        complain "^ tabs, or spaces at the end of a line"
    fi
done

for file in {common/*,plugin,tests/unit,fuzzing}/*.c; do
    [ -f "$file" ] || continue
    first=$(grep -m 1 '^# *include' "$file" || true)
    [ "$first" = '#include <config.h>' ] ||
        complain "$file: the first include is not <config.h>"
done

[ $status -eq 0 ] || fail "see above"
