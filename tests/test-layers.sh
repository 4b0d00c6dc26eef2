#!/bin/bash
# Three vocabularies, three layers: NBD's words only in plugin/, the words
# of VMDK only in common/vmdk/, those of POSIX only in common/file/.  And no
# layer includes a header of one above it.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

cd "$abs_top_srcdir"
status=0

# code FILE...: the files without comments and strings, each line with its
# place.
code ()
{
    "$PYTHON" - "$@" <<'END'
import re, sys
token = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.S)
for name in sys.argv[1:]:
    text = open(name).read()
    keep = lambda m: "\n" * m.group().count("\n")
    kept = token.sub(lambda m: m.group() if re.search(
        r'#\s*include\s*$', text[:m.start()].rsplit("\n", 1)[-1])
        else keep(m), text)
    for number, line in enumerate(kept.split("\n"), 1):
        print("%s:%d: %s" % (name, number, line))
END
}

# never WHY PATTERN FILE...: none of the files may match.
never ()
{
    local why=$1 pattern=$2
    shift 2
    if code "$@" | grep -E -- "^[^:]*:[0-9]+: .*($pattern)"; then
        echo "^ $why"
        status=1
    fi
}

core='common/*/*.[ch]'
below='common/include/*.h common/utils/*.[ch] common/file/*.[ch]'
calls='pread|pwrite|preadv|pwritev|openat|openat2|fstat|lseek|fallocate'
calls+='|fdatasync|fsync|posix_fadvise|readlinkat|fcntl'

never "the core does not know nbdkit" \
      '\b(nbdkit_|NBDKIT_|nbdkit-plugin)|\bnbd_' $core
never "the core does not know clients" '\b(export|exports|FUA|fua)\b' $core
never "only common/vmdk knows the format" \
      '\b(vmdk_[^d]|grain|extent|cowd|sesparse)[a-z_]*\b' $below
never "only common/vmdk knows the format" \
      '\b(KDMV|grain_|gde|gte|SECTOR_SIZE|cowd|sesparse)\b' plugin/*.[ch]
never "only common/file talks to the kernel about files" \
      "\\b($calls) \\(" common/vmdk/*.[ch] common/utils/*.[ch] plugin/*.[ch]

# headers DIRECTORY...: an alternation of the names of their headers.
headers ()
{
    local dir
    for dir; do
        (cd "$dir" && printf '%s\n' ./*.h)
    done | sed 's/^..//; s/\./\\./' | paste -s -d '|'
}

never "utils include nothing from above" \
      "# *include \"($(headers common/file common/vmdk plugin))\"" \
      common/include/*.h common/utils/*.[ch]
never "file includes nothing from above" \
      "# *include \"($(headers common/vmdk plugin))\"" common/file/*.[ch]
never "vmdk includes nothing from above" \
      "# *include \"($(headers plugin))\"" common/vmdk/*.[ch]

[ $status -eq 0 ] || fail "see above, and HACKING.md about layers"
