#!/bin/bash
# The limit on open files.  A disk of many files raises the soft one as far as
# it may; where even the hard one is too low, the disk is refused with one
# message that says so.  What is served has some left for clients: without,
# nbdkit would try to accept them for ever.
#
# SPDX-License-Identifier: BSD-3-Clause

source ./functions.sh
set -eu

requires_run
requires_nbdsh
[ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -ge 1024 ] ||
    fail "this needs a hard limit of 1024 open files"

make_tmpdir
cd "$tmpdir"

cat > make.py <<'END'
import os, sys
sys.path.insert(0, sys.argv[1])
from vmdkgen import case, content, disk

def parts(d, kind, count):
    make = getattr(disk, kind)
    return [make(d, "p%03d.vmdk" % n, content.full(128, n))
            for n in range(count)]

def done(name, link):
    with open(name + ".model", "wb") as f:
        f.write(link.expected().read(0, link.layer.size * 512))
    os.symlink(os.path.relpath(link.path), name + ".vmdk")

top = case.Directory(".")
for kind in "flat", "sparse":
    d = top.sub("d-" + kind)
    done(kind, disk.link(d, "d.vmdk", parts(d, kind, 100)))
link = None
d = top.sub("d-chain")
for n in range(60):
    layer = content.pattern(8192, 128, "." * n + "D", n) if link else \
        content.full(8192, 77)
    link = disk.mono(d, "l%02d.vmdk" % n, layer, parent=link,
                     cid="%08x" % (n + 1))
done("chain", link)
d = top.sub("d-few")
few = parts(d, "flat", 40)
for n in range(20, 41):
    disk.link(d, "%d.vmdk" % n, few[:n])
END
"$PYTHON" make.py "$abs_srcdir"

# connect.py URI COUNT: so many connections at once, and a read on each.
cat > connect.py <<'END'
import sys
import nbd
all = []
for _ in range(int(sys.argv[2])):
    h = nbd.NBD()
    h.connect_uri(sys.argv[1])
    all.append(h)
for h in all:
    h.pread(512, 0)
for h in all:
    h.shutdown()
END
connect="'$PYTHON' connect.py \"\$uri\""

for disk in flat sparse chain; do
    # With a low soft limit it is as if there was none.
    (ulimit -Sn 64
     nbdkit -U - vmdk $disk.vmdk --run "
        '$PYTHON' '$abs_srcdir/work-on.py' \"\$uri\" $disk.model
        $connect 100") > out 2>&1 || { cat out; fail "$disk is not served"; }
    cat out
    [ ! -s out ] || fail "$disk: messages"

    # A low hard limit is an error that says what to do.
    (ulimit -n 64 && refused "too many open files for .*\"(p|l)[0-9]+.vmdk\":.*\
 no more than 64 are allowed: raise the hard limit \(ulimit -Hn\)" \
        vmdk $disk.vmdk) > out
    cat out
    [ "$(grep -c '^nbdkit:' out)" -eq 1 ] || fail "$disk: not one message"
done

# So are many directories.
searches=()
for n in {1..80}; do
    mkdir dir$n
    searches+=("search=dir$n")
done
(ulimit -Sn 64
 nbdkit -U - vmdk d-few/20.vmdk "${searches[@]}" --run "$connect 3")
(ulimit -n 64
 refused "dir[0-9]+: cannot open: no more than 64 open files are allowed.*\
raise the hard limit \(ulimit -Hn\)" \
         vmdk d-few/20.vmdk "${searches[@]}")

# A soft limit that suffices stays as it is.
[ "$(ulimit -Sn 512
     nbdkit -U - vmdk flat.vmdk --run 'ulimit -Sn')" -eq 512 ]

# From one piece to the next, there are either some left for clients, or it is
# refused.
served=0 not=0
for n in {20..40}; do
    if (ulimit -n 64
        ulimit -f 1024          # of what it says
        timeout 20 nbdkit -U - vmdk d-few/$n.vmdk --run "$connect 6") \
           > out 2>&1; then
        served=$((served + 1))
        [ ! -s out ] || fail "$n pieces: messages"
        [ $not -eq 0 ] || fail "$n pieces are served, fewer are not"
    else
        head -n 3 out
        not=$((not + 1))
        [ "$(wc -l < out)" -eq 1 ] || fail "$n pieces: not one message"
        grep -q 'too many open files for ' out
    fi
done
[ $served -gt 0 ]
[ $not -gt 0 ]
