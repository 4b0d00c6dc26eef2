#!/bin/bash
# The manual page has no mistakes of form, has the headings of nbdkit's own
# pages in their order, and describes exactly the parameters of --help.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires command -v podchecker

pod=$abs_top_srcdir/plugin/nbdkit-vmdk-plugin.pod
podchecker -warnings -warnings "$pod"

# Headings: those that are there are in this order, and these must be.
order='NAME SYNOPSIS DESCRIPTION EXAMPLES PARAMETERS NOTES DUMP DEBUG
       FILES VERSION SEE AUTHORS COPYRIGHT'
found=$(sed -n 's/^=head1 //p' "$pod")
last=0
for heading in $order; do
    line=$(grep -nE "^$heading( |\$)" <<<"$found" | cut -d: -f1 || true)
    [ -n "$line" ] || continue
    [ "$line" -gt "$last" ] || fail "the heading $heading is out of order"
    last=$line
done
for heading in NAME SYNOPSIS DESCRIPTION EXAMPLES PARAMETERS 'SEE ALSO'; do
    grep -x "$heading" <<<"$found"
done

# Parameters: 'key=<' in --help; items of section PARAMETERS in the page.
# In both, the magic one is written [file=].
requires nbdkit vmdk --version
help=$(nbdkit vmdk --help | sed -n '/^\[file=\]/,$p' |
           sed -nE 's/^\[?([a-z][a-z-]*)=.*/\1/p' | sort -u)
page=$(sed -n '/^=head1 PARAMETERS/,/^=head1 NOTES/p' "$pod" |
           sed -nE 's/^=item (B<)?\[?(B<)?([a-z][a-z-]*)=.*/\3/p' | sort -u)
diff <(echo "$help") <(echo "$page") ||
    fail "parameters: --help on the left, manual page on the right"
