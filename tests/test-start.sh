#!/bin/bash
# What nbdkit says of the plugin without a disk: no parameter at all,
# --version, --help, --dump-plugin.  None of these may crash, and scripts
# that probe for the plugin rely on them.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

requires nbdkit vmdk --version

refused 'name the disk' vmdk

nbdkit vmdk --version | grep '^vmdk '
nbdkit vmdk --help | grep '^search=<DIR>'

output=$(nbdkit vmdk --dump-plugin)
for line in name=vmdk magic_config_key=file \
            max_thread_model=parallel errno_is_preserved=1 \
            has_extents=1 has_can_multi_conn=1 has_get_ready=1; do
    grep -x "$line" <<<"$output"
done
grep -E '^vmdk_version=[0-9]+\.[0-9]+\.[0-9]+' <<<"$output"
grep -E '^vmdk_read=.*stream' <<<"$output"

# The codecs are those that configure chose.
codec=zlib
if grep -q '^#define HAVE_LIBDEFLATE 1' "$abs_top_builddir/config.h"; then
    codec=libdeflate
fi
grep -x "vmdk_deflate=$codec" <<<"$output"
if grep -q '^#define HAVE_LIBISAL 1' "$abs_top_builddir/config.h"; then
    codec=isal
fi
grep -x "vmdk_deflate_fast=$codec" <<<"$output"

# The same with a disk, which it must not open for this.
nbdkit vmdk /nonexistent.vmdk --dump-plugin | grep -x name=vmdk
