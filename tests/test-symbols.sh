#!/bin/bash
# The plugin exports its entry point and its debug flags, nothing else:
# nbdkit loads all modules into one scope, where a second copy of the core
# (in a filter, say) would otherwise be mixed with this one.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires nm --version
requires test -f "$plugin"

symbols=$(nm -D --defined-only "$plugin" | awk '{ print $NF }' |
              grep -vE '^(__odr_asan|__gcov_|mangle_path$)')
grep -x plugin_init <<<"$symbols"
grep -E '^vmdk_debug_' <<<"$symbols"
others=$(grep -vE '^(plugin_init|vmdk_debug_[a-z]+)$' <<<"$symbols" || true)
[ -z "$others" ] || fail "also exported: $others"

# nbdkit complains about a flag that it does not find.
nbdkit -U - -D vmdk.chain=1 -D vmdk.map=1 -D vmdk.stats=1 vmdk \
       "$abs_top_srcdir/examples/appliance.vmdk" --run true 2>&1 |
    tee /dev/stderr | { ! grep 'debug flag'; }
