#!/bin/bash
# What quickstart says before it does anything: mistakes in its arguments
# are found before packages are installed.  CI runs the rest of it.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

quickstart=$abs_top_srcdir/quickstart

# complains PATTERN ARGUMENT...
complains ()
{
    local pattern=$1 output
    shift
    if output=$("$quickstart" "$@" 2>&1); then
        fail "quickstart should have complained about: $*"
    fi
    grep -E -- "$pattern" <<<"$output"
}

"$quickstart" --help | grep '^usage: quickstart \[DISK.vmdk \[KEY=VALUE'
complains "unknown option '--twice'" --twice
complains "there is no file 'missing.vmdk'" missing.vmdk
complains "there is no file 'missing.vmdk'" --once missing.vmdk
complains "'/tmp' is not a regular file" /tmp
complains "'check' stands alone" check disk.vmdk
complains "one disk at a time" one.vmdk two.vmdk
complains "one disk at a time" one.vmdk search=. two.vmdk
complains "there is no file 'missing.vmdk'" missing.vmdk search=.
