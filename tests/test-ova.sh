#!/bin/bash
# The manual's recipe for an OVA, taken from the manual and run as it stands
# there: tar, checksums and description are what importers ask for, and other
# programs read the disk out of the archive, in place, with the raw disk's
# content.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires_filter tar
requires nbdcopy --version
requires nbdinfo --version
requires qemu-img --version
requires 7z i
requires tar --version

pod=$abs_top_srcdir/plugin/nbdkit-vmdk-plugin.pod
make_tmpdir
export PYTHONPATH=$abs_srcdir

# The recipe says how long the raw disk may be: any number of sectors.
size=$((30000000 / 512 * 512))
capacity=$(((size + 65535) / 65536 * 65536))
mkdir "$tmpdir/made" "$tmpdir/out"
cd "$tmpdir/made"
"$PYTHON" "$abs_srcdir/make-raw.py" disk.raw $size 41
"$PYTHON" "$abs_srcdir/ova-recipe.py" "$pod" ova > "$tmpdir/recipe"
cat "$tmpdir/recipe"
bash -euo pipefail "$tmpdir/recipe"

# It leaves these files and no others.
ova=$tmpdir/made/appliance.ova
member=appliance-disk1.vmdk
printf '%s\n' appliance-disk1.vmdk appliance.mf appliance.ova appliance.ovf \
       disk.raw | diff - <(ls -A)

# The archive: ustar, regular files in this order, small names without
# directories.
tar -tf "$ova" | diff <(printf '%s\n' appliance.ovf appliance.mf $member) -
tar -tvf "$ova" | awk '$1 !~ /^-/ || $2 != "0/0" { exit 1 }' ||
    fail "not all are regular files of root: $(tar -tvf "$ova")"
[ "$(tail -c +258 "$ova" | head -c 8 | tr '\0' .)" = ustar.00 ] ||
    fail "it is no POSIX tar"
7z l -ttar -slt "$ova" > "$tmpdir/list"
[ "$(sed -n 's/^Path = \(.*\)/\1/p' "$tmpdir/list" | sed 1d)" = \
  "$(printf '%s\n' appliance.ovf appliance.mf $member)" ] ||
    fail "7z lists: $(cat "$tmpdir/list")"

# Unpacked elsewhere: the checksums are right, of all but themselves, in
# the form of the specification.
tar -C "$tmpdir/out" -xf "$ova"
cd "$tmpdir/out"
grep -vE '^SHA256\([^ ()]+\)= [0-9a-f]{64}$' appliance.mf &&
    fail "the form of the checksums"
sed 's/.*(\(.*\)).*/\1/' appliance.mf |
    diff <(printf '%s\n' appliance.ovf $member) -
sha256sum --strict -c appliance.mf
printf x >> $member
sha256sum --status -c appliance.mf && fail "sha256sum does not check the disk"
truncate -s -1 $member

# The description.  What is populated: the grains with something in them.
populated=$("$PYTHON" - ../made/disk.raw <<'PY'
import sys
with open(sys.argv[1], "rb") as raw:
    print(65536 * sum(map(any, iter(lambda: raw.read(65536), b""))))
PY
)
"$PYTHON" "$abs_srcdir/check-ovf.py" "$PWD/appliance.ovf" \
          $capacity "$populated"

# The disk, as a file by itself.
"$PYTHON" -m vmdkgen.conform --created $member
[ "$(qemu-img info $member | sed -nE 's/^virtual.*\(([0-9]+) bytes\)/\1/p')" \
  = $capacity ] || fail "$(qemu-img info $member)"
cp --sparse=always ../made/disk.raw wanted
truncate -s $capacity wanted
7z x -bd -so -tvmdk $member > copy
same wanted copy

# The disk, in the archive, by its place there.
7z x -bd -so -ttar "$ova" $member > copy
same $member copy
rm -r "$tmpdir/made/$member"
read -r offset bytes < <("$PYTHON" - "$ova" $member <<'PY'
import sys, tarfile
with tarfile.open(sys.argv[1]) as archive:
    member = archive.getmember(sys.argv[2])
    print(member.offset_data, member.size)
PY
)
place='"driver":"raw","offset":'$offset',"size":'$bytes
file='"driver":"file","filename":"'$ova'"'
qemu-img convert -O raw \
    "json:{\"driver\":\"vmdk\",\"file\":{$place,\"file\":{$file}}}" copy
same wanted copy
nbdkit -U - -r --filter=tar file "$ova" tar-entry=$member --run '
    nbdcopy "$uri" member
    qemu-img convert -O raw "json:{\"driver\":\"vmdk\",\"file\":{
        \"driver\":\"nbd\",\"path\":\"$unixsocket\"}}" copy2'
same $member member
same wanted copy2
