#!/bin/bash
# build_siw.sh KERNEL: soft-iWARP for the guest, which Debian's kernels leave out: the module is built
# from Debian's own package of the kernel's source. Runs in the folder of the build; leaves siw.ko.
set -euo pipefail
K=$1
VERSION=${K%%-*}
SERIES=${VERSION%.*}
rm -rf siw-debs kbuild
mkdir siw-debs kbuild
(cd siw-debs && apt-get download -q "linux-headers-$K" "linux-headers-${K%-amd64}-common" \
  "linux-kbuild-$SERIES" "linux-source-$SERIES")
for d in siw-debs/*.deb; do dpkg -x "$d" kbuild; done
SOURCE=linux-source-$SERIES/drivers/infiniband/sw/siw
tar -C kbuild -xJf "kbuild/usr/src/linux-source-$SERIES.tar.xz" "$SOURCE"
mkdir kbuild/siw
cp kbuild/"$SOURCE"/*.[ch] kbuild/siw/
objects=$(cd kbuild/siw && printf '%s ' *.c | sed 's/\.c /.o /g')
printf 'obj-m += siw.o\nsiw-y := %s\n' "$objects" >kbuild/siw/Makefile
# The headers name their own places by absolute paths.
HEADERS=$PWD/kbuild/usr/src/linux-headers-$K
find kbuild/usr -name Makefile -o -name '*.mk' |
  xargs -r sed -i "s#/usr/src/linux-headers#$PWD/kbuild/usr/src/linux-headers#g
    s#/usr/lib/linux-kbuild#$PWD/kbuild/usr/lib/linux-kbuild#g"
find "$HEADERS" -maxdepth 1 -type l | while read -r link; do
  target=$(readlink "$link")
  case $target in /usr/*) ln -sfn "$PWD/kbuild$target" "$link" ;; esac
done
make -s -C "$HEADERS" M="$PWD/kbuild/siw" modules
strip --strip-debug kbuild/siw/siw.ko
mv kbuild/siw/siw.ko siw.ko
rm -rf siw-debs kbuild
