#!/bin/bash
# create=true replaces nothing that exists, and when it fails, whatever the
# reason, no file is left behind.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires qemu-img --version

make_tmpdir
mkdir "$tmpdir/d"
cd "$tmpdir/d"

# wrong PATTERN ARGUMENT...: one error message, which matches, and the
# directory is as it was.
wrong ()
{
    local pattern=$1 status=0 before
    shift
    before=$(listing)
    output=$(ulimit -f $limit
             nbdkit -U - vmdk "$@" --run 'exit 0' 2>&1) || status=$?
    echo "vmdk $*"
    echo "  $output"
    [ $status -eq 1 ] || fail "status $status"
    [ "$(grep -c 'error: ' <<<"$output")" -eq 1 ] || fail "error messages"
    grep -qE -- "$pattern" <<<"$output" || fail "no '$pattern' in that"
    [ "$before" = "$(listing)" ] || fail "files: $before; now $(listing)"
}

listing ()
{
    find . -mindepth 1 -printf '%P %y %s %T@ %l\n' | sort
}

limit=unlimited                         # size of files, in KiB
new="create=true create-size=5G"

# ---- what exists stays ----

while read -r type file; do
    rm -rf -- *
    for what in "echo precious > $file" "ln -s nowhere $file" \
                "mkdir $file" "mkfifo $file" "touch $file"; do
        eval "$what"
        # Before anything is made: the directory's own time stays.
        changed=$(stat -c %y .)
        wrong "$file: exists" $new create-type=$type x.vmdk
        # Advice that can be followed.
        case $what-$file in
            *nowhere*) grep 'but is a symbolic link that leads to no file' ;;
            mkdir*) grep 'but is a directory' ;;
            mkfifo*) grep 'but is no regular file' ;;
            *-x.vmdk) grep 'leave create=true out to serve it' ;;
            *) grep -v 'create=true' ;;
        esac <<<"$output" || fail "something else is there"
        [ "$changed" = "$(stat -c %y .)" ] || fail "files came and went"
        rm -r $file
    done
done <<'END'
monolithic-sparse x.vmdk
monolithic-flat x.vmdk
monolithic-flat x-flat.vmdk
split-sparse x.vmdk
split-sparse x-s001.vmdk
split-sparse x-s002.vmdk
split-sparse x-s003.vmdk
split-flat x.vmdk
split-flat x-f003.vmdk
vmfs-flat x-flat.vmdk
vmfs-thin x-flat.vmdk
vmfs-sparse x-delta.vmdk
vmfs-sparse x.vmdk
stream-optimized x.vmdk
END

rm -rf -- *
mkdir adir
ln -s adir alink
wrong 'adir: exists, but is a directory' $new adir
wrong 'alink: exists, but is a directory' $new alink
wrong 'adir/: is the name of a directory: .*name of a file' $new adir/
wrong 'new/: is the name of a directory: .*name of a file' $new new/
rm -r adir alink

# What is beside it is nobody's business.
touch x-s004.vmdk x-flat.vmdk
nbdkit -U - vmdk $new create-type=split-sparse x.vmdk --run true
[ "$(ls | wc -l)" -eq 6 ] || fail "files: $(ls)"
wrong 'x.vmdk: exists, .*leave create=true out' \
      $new create-type=split-sparse x.vmdk

# Several at once: one makes the disk, the others fail.
for round in 1 2 3 4 5; do
    rm -f -- *
    pids=()
    good=0
    for size in 3 4 5 6 7 8; do
        nbdkit -U - vmdk create=true create-size=${size}G \
               create-type=split-sparse x.vmdk --run true 2>> ../log &
        pids+=($!)
    done
    for one in "${pids[@]}"; do
        if wait "$one"; then good=$((good + 1)); fi
    done
    [ $good -eq 1 ] || fail "round $round: $good disks were made"
    qemu-img check -q x.vmdk
    bytes=$(qemu-img info x.vmdk |
            sed -n 's/^virtual size.*(\(.*\) bytes)/\1/p')
    "$PYTHON" "$abs_srcdir/created.py" split-sparse $((bytes / 512)) 4 \
              buslogic x.vmdk
    [ "$(find . -type f | wc -l)" -eq $(((bytes / 512 - 1) / 4192256 + 2)) ] ||
        fail "files: $(ls -A)"
done
rm -f -- *

# ---- what makes no sense ----

touch parent.vmdk
wrong 'create-size.*create-parent' create=true x.vmdk
wrong 'name the disk' create=true create-size=1M
wrong 'create-size=0.*multiple of 512' create=true create-size=0 x.vmdk
wrong 'create-size=1000.*multiple of 512' create=true create-size=1000 x.vmdk
wrong 'size' create=true create-size=-512 x.vmdk
wrong 'size' create=true create-size=big x.vmdk
wrong 'size' create=true create-size=9E x.vmdk
wrong 'boolean|create' create=maybe create-size=1M x.vmdk
wrong 'create-type=.*expected monolithic-sparse' $new create-type=thin x.vmdk
wrong 'create-type=.*expected monolithic-sparse' $new create-type= x.vmdk
for number in "" -1 +1 2147483648 99999999999999999999 10.3 0x1 " 4" '4 '; do
    wrong 'create-toolsversion=.*expected a number up to 2147483647' \
          $new "create-toolsversion=$number" x.vmdk
    wrong 'create-toolsinstalltype=.*expected a number up to 2147483647' \
          $new "create-toolsinstalltype=$number" x.vmdk
done
while read -r uuid; do
    wrong 'create-uuid=.*expected a UUID of 32 hex' \
          $new "create-uuid=$uuid" x.vmdk
done <<'END'

random
6000c29fe40c8733ea3ec31b2b4352e
6000c29fe40c8733ea3ec31b2b4352e99
6000c29fe40c8733ea3ec31b2b4352eg
6000c29-fe40c-8733-ea3e-c31b2b4352e9
6000c29f-e40c-8733-ea3e-c31b2b4352e9-
{6000c29f-e40c-8733-ea3e-c31b2b4352e9}
60 00 C2 9f e4 0c 87 33 ea 3e c3 1b 2b 43 52 e9
60 00 C2 9f e4 0c 87 33-ea 3e c3 1b 2b 43 52
60 00 C2 9f  e4 0c 87 33-ea 3e c3 1b 2b 43 52 e9
60-00-C2-9f-e4-0c-87-33-ea-3e-c3-1b-2b-43-52-e9
60 00 C2 9f e4 0c 87 33-ea 3e c3 1b 2b 43 52 e9"
END
wrong 'create-uuid: given twice' $new create-uuid=1 create-uuid=2 x.vmdk
wrong 'create-adapter-type=sata.*expected ide' \
      $new create-adapter-type=sata x.vmdk
for version in 0 -1 1000 7x "" esx99 " 7" 99999999999999999999; do
    wrong 'create-hwversion=.*expected a number' \
          $new "create-hwversion=$version" x.vmdk
done
wrong 'given twice' create-size=1M $new x.vmdk
wrong 'create-parent=.*without create=true' create-parent=parent.vmdk x.vmdk
for type in monolithic-flat split-flat vmfs-flat vmfs-thin; do
    wrong 'create-parent=.*flat' create=true create-type=$type \
          create-parent=parent.vmdk x.vmdk
done
wrong 'create-parent=.*single-link' create=true single-link=true \
      create-parent=parent.vmdk x.vmdk
wrong 'create-parent=.*check-cid' create=true check-cid=false \
      create-parent=parent.vmdk x.vmdk
wrong 'parent.vmdk.*empty' create=true create-parent=parent.vmdk x.vmdk
wrong 'missing.vmdk.*No such file' \
      create=true create-parent=missing.vmdk x.vmdk

# too_large MOST ADVICE ARGUMENT...: a disk has that many bytes at most, and one
# that is larger can be created as advised.
too_large ()
{
    local most=$1 advice=$2
    shift 2
    wrong "has at most $most bytes \(about.*choose $advice" \
          create=true "$@" x.vmdk
}
too_large $(((2 << 40) - 512)) monolithic-sparse \
          create-size=2T create-type=vmfs-sparse
for size in $(((64 << 40) + 512)) 65T 2P; do
    too_large $((64 << 40)) monolithic-sparse \
              create-size=$size create-type=stream-optimized
done
for size in $(((2 << 50) + 512)) 4E $(((1 << 63) - 512)); do
    too_large $((64 << 40)) vmfs-thin \
              create-size=$size create-type=stream-optimized
done
for size in 3P 8191P $(((2 << 50) + 512)); do
    too_large $((2 << 50)) vmfs-thin create-size=$size
done

# Disks of many pieces: what the format allows, or the host by its open files.
most=65536
files=$(ulimit -Hn)
if [ "$files" != unlimited ] && [ "$files" -lt 65600 ]; then
    most=$((files - 64))
fi
for size in $(((most * 2047 << 20) + 512)) 129T; do
    too_large $((most * 2047 << 20)) monolithic-sparse \
              create-size=$size create-type=split-sparse
done
too_large $((most * 2047 << 20)) vmfs-thin \
          create-size=1E create-type=split-sparse
too_large $((most * 8191 << 18)) monolithic-sparse \
          create-size=128T create-type=split-flat
(
    ulimit -n 100
    wrong "at most $((36 * 2047 << 20)) bytes.*ulimit -Hn.*monolithic-sparse" \
          create=true create-size=100G create-type=split-sparse x.vmdk
    for advised in "size=$((36 * 2047 << 20)) create-type=split-sparse" \
                   "size=100G create-type=monolithic-sparse"; do
        # shellcheck disable=SC2086
        nbdkit -U - vmdk create=true create-$advised x.vmdk --run true
        rm x*.vmdk
    done
)
wrong 'No such file' $new missing/x.vmdk
wrong 'Not a directory' $new parent.vmdk/x.vmdk

# ---- names that no descriptor can hold ----

for name in 'a"b.vmdk' 'a\b.vmdk' 'nbd:x.vmdk' -x.vmdk \
            $'a\nb.vmdk' $'a\tb.vmdk' $'a\177.vmdk'; do
    wrong 'cannot be recorded' $new file="$name"
done
wrong 'cannot be recorded' $new file=.
wrong 'not UTF-8' $new create-hwversion=7 file=$'gr\366sse.vmdk'
for name in $'\300\200' $'\355\240\200' $'\364\220\200\200' $'\342\202' \
            $'\360\200\200\200' $'\377'; do
    wrong 'not UTF-8' $new create-hwversion=esx65 file="x$name.vmdk"
done
wrong 'too long' $new create-type=split-sparse "$(printf '%0250d' 1).vmdk"
wrong 'too long' $new create-type=vmfs-flat "$(printf '%0248d' 1).vmdk"
rm parent.vmdk

# ---- what the host refuses ----

limit=100000
for type in monolithic-flat split-flat vmfs-flat vmfs-thin; do
    wrong 'File too large' $new create-type=$type x.vmdk
done
limit=1000
wrong 'File too large' create=true create-size=8T x.vmdk
limit=3
wrong 'File too large' $new create-type=split-sparse x.vmdk
wrong 'File too large' $new create-type=vmfs-sparse x.vmdk
limit=65
wrong 'File too large' $new create-type=stream-optimized x.vmdk
limit=unlimited
[ -z "$(ls -A)" ] || fail "files are left: $(ls -A)"

# in_full_fs SIZE ARGUMENT...: in a file system of that size there is no room.
in_full_fs ()
{
    local size=$1
    shift
    echo "in $size: vmdk $*"
    unshare -m bash -eu -c '
        mount -t tmpfs -o "size=$1" none .
        cd "$PWD"
        shift
        free=$(stat -f -c "\$((%a * %S))" .)
        free=$(eval echo "$free")
        if ${without-} nbdkit -U - vmdk "$@" x.vmdk --run true 2> ../out; then
            echo "it was made"
            exit 1
        fi
        cat ../out
        grep "No space left" ../out
        if [ -n "${needed-}" ]; then
            grep "takes $needed bytes" ../out
            grep "has $free bytes free: .*monolithic-sparse" ../out
        fi
        [ "$(grep -c "error: " ../out)" -eq 1 ]
        [ -z "$(ls -A)" ]' in_full_fs "$size" "$@" || fail "see above"
}

# in_fs SIZE ARGUMENT...: there is room, or nobody can tell.
in_fs ()
{
    echo "in $1: ${without-} vmdk ${*:2}"
    unshare -m bash -eu -c '
        mount -t tmpfs -o "size=$1" none .
        cd "$PWD"
        shift
        ${without-} nbdkit -U - vmdk "$@" x.vmdk --run true' \
            in_fs "$@" || fail "see above"
}
if unshare -m mount -t tmpfs none . 2> /dev/null; then
    without_calls=$abs_builddir/without-calls
    export needed without=

    # What is to be reserved is known before anything is.
    needed=$((2 << 20))
    in_full_fs 1m create=true create-size=2M create-type=vmfs-flat
    needed=$((3 << 30))
    in_full_fs 1m create=true create-size=3G create-type=split-flat
    needed=$((100 << 30))
    in_full_fs 4g create=true create-size=100G create-type=split-flat
    needed=$((60 << 40))
    in_full_fs 4g create=true create-size=60T create-type=monolithic-flat
    needed=

    # All but a page for the descriptor, and what the host does not limit.
    for type in monolithic-flat split-flat vmfs-flat; do
        in_fs 1m create=true create-size=$((1020 << 10)) create-type=$type
    done
    in_fs 0 create=true create-size=1M create-type=split-flat
    in_fs 1m create=true create-size=3G create-type=vmfs-thin

    # The host reserves nothing, or does not tell what there is.
    without="$without_calls EPERM fallocate --"
    in_fs 1m create=true create-size=3G create-type=split-flat
    without="$without_calls EPERM fstatfs --"
    in_fs 1m create=true create-size=1020k create-type=split-flat
    in_full_fs 1m create=true create-size=3G create-type=split-flat
    without=

    # What is advised for large disks can be done.
    in_fs 1g create=true create-size=128T
    in_fs 1g create=true create-size=3P create-type=vmfs-thin

    in_full_fs 64k create=true create-size=100G create-type=split-sparse
    in_full_fs 64k create=true create-size=1T
    in_full_fs 4k create=true create-size=1M create-type=vmfs-sparse
    in_full_fs 4k create=true create-size=1M create-type=stream-optimized
else
    echo "not tested: a full file system, for want of the right to mount"
fi

# A directory without the right to write in it.
mkdir closed
chmod 555 closed
if [ "$(id -u)" -ne 0 ]; then
    wrong 'Permission denied' $new closed/x.vmdk
elif setpriv --reuid=65534 --regid=65534 --clear-groups \
             nbdkit -U - vmdk --version > /dev/null 2>&1; then
    chmod 755 "$tmpdir" .
    output=$(setpriv --reuid=65534 --regid=65534 --clear-groups \
        nbdkit -U - vmdk $new closed/x.vmdk --run true 2>&1) &&
        fail "made in a closed directory"
    grep 'Permission denied' <<<"$output" || fail "$output"
    [ -z "$(ls -A closed)" ] || fail "files are left: $(ls -A closed)"
else
    echo "not tested: another user's directory, which needs a tree that" \
         "user nobody may read"
fi
