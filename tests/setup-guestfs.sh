#!/bin/bash
# Lets libguestfs work for the tests on machines where its appliance finds
# no kernel: containers, small virtual machines, kernels that only root can
# read.  The distribution's kernel package is unpacked under the build
# directory, never installed: no /boot, no boot loader, no initramfs.
#
# SPDX-License-Identifier: BSD-3-Clause
#
# usage: setup-guestfs.sh BUILDDIR/tests
#
# Writes BUILDDIR/tests/guestfs.env, which functions.sh reads.  'quickstart
# check' calls this; it does nothing the second time.

set -euo pipefail

builddir=${1:?usage: setup-guestfs.sh BUILDDIR/tests}
builddir=$(cd "$builddir" && pwd)
env=$builddir/guestfs.env
dir=$builddir/guestfs

# supermin insists on this directory, even if it takes modules elsewhere.
if ! [ -d /lib/modules ]; then
    if [ "$(id -u)" -eq 0 ]; then
        mkdir -p /lib/modules
    else
        sudo mkdir -p /lib/modules
    fi
fi

# Emulation: slower by seconds, and works where there is no KVM, or one in
# name only, as on some cloud machines.
write_env ()
{
    {
        echo "# Written by setup-guestfs.sh."
        echo "export LIBGUESTFS_BACKEND=direct"
        echo "export LIBGUESTFS_BACKEND_SETTINGS=force_tcg"
        printf '%s\n' "$@"
    } > "$env"
}

# A readable kernel with modules, of the machine itself?
for kernel in /boot/vmlinu[xz]-* /lib/modules/*/vmlinuz; do
    [ -r "$kernel" ] || continue
    case $kernel in
        /boot/*) version=${kernel#/boot/vmlinu?-} ;;
        *)       version=${kernel#/lib/modules/}; version=${version%/*} ;;
    esac
    if [ -f "/lib/modules/$version/modules.dep" ]; then
        echo "libguestfs: the kernel $kernel will do"
        write_env
        exit 0
    fi
done

if [ -f "$env" ] && source "$env" && [ -r "${SUPERMIN_KERNEL:-}" ] &&
   [ -f "${SUPERMIN_MODULES:-}/modules.dep" ]; then
    echo "libguestfs: kernel $SUPERMIN_KERNEL_VERSION is unpacked already"
    exit 0
fi

if ! command -v apt-get >/dev/null; then
    echo "$0: libguestfs needs a kernel that this user can read, and" >&2
    echo "its modules; install the package kernel-core" >&2
    exit 1
fi

# The smallest kernel there is, by the name of the package that depends on
# the current version: Debian's, then Ubuntu's.
arch=$(dpkg --print-architecture)
package=
for meta in "linux-image-cloud-$arch" linux-image-virtual \
            linux-image-generic "linux-image-$arch"; do
    package=$(apt-cache depends "$meta" 2>/dev/null |
                  sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' |
                  head -n 1)
    [ -n "$package" ] && break
done
if [ -z "$package" ]; then
    echo "$0: found no kernel package; try: apt-get update" >&2
    exit 1
fi

# Ubuntu has the modules in a package of their own.
packages=("$package")
modules=linux-modules-${package#linux-image-}
if apt-cache show "$modules" >/dev/null 2>&1; then
    packages+=("$modules")
fi

echo "libguestfs: unpacking ${packages[*]} in $dir"
rm -rf "$dir"
mkdir -p "$dir/kernel" "$dir/cache"
cd "$dir"
# The sandbox user of apt cannot write here; the check of signatures is not
# affected.
apt-get -qq -o APT::Sandbox::User="$(id -un)" download "${packages[@]}"
for deb in ./*.deb; do
    dpkg -x "$deb" kernel
    rm "$deb"
done
# Newer packages have /usr/lib/modules.
modules=$(find kernel -path '*/lib/modules/*' -prune -print -quit)
version=${modules##*/}
if [ "$modules" != "kernel/lib/modules/$version" ]; then
    mkdir -p kernel/lib/modules
    mv "$modules" kernel/lib/modules/
fi
PATH=$PATH:/usr/sbin:/sbin depmod -b kernel "$version"
kernel=$(find kernel -name 'vmlinu[xz]*' -print -quit)
if [ -z "$version" ] || [ -z "$kernel" ]; then
    echo "$0: ${packages[*]}: no kernel or no modules inside" >&2
    exit 1
fi
write_env \
    "export SUPERMIN_KERNEL='$dir/$kernel'" \
    "export SUPERMIN_MODULES='$dir/kernel/lib/modules/$version'" \
    "export SUPERMIN_KERNEL_VERSION='$version'" \
    "export LIBGUESTFS_CACHEDIR='$dir/cache'"
