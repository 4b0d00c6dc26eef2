#!/bin/bash
# The wrapper ./nbdkit puts the built module in place of the plugin's name,
# and leaves alone every other word, 'vmdk' or not.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eux

make_tmpdir
cd "$tmpdir"

# An nbdkit that prints its arguments, one a line.
cat > fake <<'END'
#!/bin/bash
printf '<%s>\n' "$@"
END
chmod +x fake

# gives EXPECTED ARGUMENT...: compare; @ stands for the path of the module.
# A sanitizer build puts something before the commands of --run.
gives ()
{
    local expected=${1//@/$plugin} found
    shift
    found=$(VMDK_REAL_NBDKIT=$tmpdir/fake nbdkit "$@" | tr -d '\n' |
                sed 's/unset LD_PRELOAD[A-Z_ ]*//')
    [ "$found" = "$expected" ] || fail "$found instead of $expected"
}

gives '<vmdk.so>' vmdk.so
gives '<@>' vmdk
gives '<-U><-><--filter=log><@><x.vmdk><--run><nbdinfo vmdk>' \
      -U - --filter=log vmdk x.vmdk --run 'nbdinfo vmdk'
gives '<@><--dump-plugin>' vmdk --dump-plugin
gives '<--dump-plugin><@>' --dump-plugin vmdk
gives '<@><vmdk>' vmdk vmdk
gives '<file><vmdk>' file vmdk
gives '<-e><vmdk><@><a b>' -e vmdk vmdk 'a b'
gives '<--exportname><vmdk><-P><vmdk><@>' --exportname vmdk -P vmdk vmdk
gives '<-D><vmdk.map=1><-fvr><@><file=vmdk>' \
      -D vmdk.map=1 -fvr vmdk file=vmdk
gives '<--filter><vmdk><null>' --filter vmdk null
gives '<--run=echo vmdk><@>' '--run=echo vmdk' vmdk
gives '<--run>' --run
gives '<-s><--exit-with-parent><@><x>' -s --exit-with-parent vmdk x

# And with the real one, through the prefix script as well.
requires_run
disk=$abs_top_srcdir/examples/appliance.vmdk
nbdkit -U - --filter=log vmdk "$disk" logfile=/dev/null \
       --run 'test -n "$uri" && test -z "$LD_PRELOAD"'
"$abs_top_builddir/run" nbdkit vmdk --dump-plugin | grep -x name=vmdk
