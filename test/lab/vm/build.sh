#!/bin/bash
# Builds the guest in which the Linux initiator runs: a stock Debian 12 kernel and a small root image
# with open-iscsi, fio and sg3-utils. Everything comes from Debian packages. Needs root, about a
# minute and 4 GiB in LAB_DIR (default ~/.cache/lunsmith-lab-guest). LAB_ISER=1 adds soft-iWARP,
# which is compiled for it; LAB_PACKAGES names more Debian packages, with commas.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
LAB_DIR=${LAB_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/lunsmith-lab-guest}
mkdir -p "$LAB_DIR"
cd "$LAB_DIR"
exec 9>lock
flock 9
stamp=$(cat "$HERE"/build*.sh "$HERE"/guest/init "$HERE"/guest/initramfs-init | sha256sum)${LAB_ISER:+ iser}${LAB_PACKAGES:+ $LAB_PACKAGES}
[ "$(cat stamp 2>/dev/null)" = "$stamp" ] && exit 0

export DEBIAN_FRONTEND=noninteractive
need=()
for p in qemu-system-x86 mmdebstrap e2fsprogs cpio xz-utils python3 ${LAB_ISER:+make gcc bc}; do
  dpkg -s "$p" >/dev/null 2>&1 || need+=("$p")
done
if [ ${#need[@]} != 0 ]; then
  apt-get update -q
  apt-get install -y -q --no-install-recommends "${need[@]}"
fi

# The kernel: the newest image of the stock flavour, unpacked, never installed. QEMU starts an
# uncompressed one fastest.
K=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: linux-image-\(.*-amd64\).*/\1/p' | head -1)
rm -rf debs kernel root initrd
mkdir debs kernel
(cd debs && apt-get download -q "linux-image-$K" && dpkg -x linux-image-*.deb ../kernel)
python3 - "kernel/boot/vmlinuz-$K" <<'PY'
import lzma, sys
image = open(sys.argv[1], 'rb').read()
packed = image[image.find(b'\xfd7zXZ\x00'):]
open('vmlinux', 'wb').write(lzma.LZMADecompressor().decompress(packed))
PY

mmdebstrap --variant=minbase \
  --include=open-iscsi,sg3-utils,fio,iproute2,kmod,e2fsprogs,util-linux,busybox-static,procps${LAB_PACKAGES:+,$LAB_PACKAGES} \
  bookworm root
mkdir -p root/lib/modules
cp -a "kernel/lib/modules/$K" root/lib/modules/
if [ -n "${LAB_ISER:-}" ]; then
  "$HERE/build_siw.sh" "$K"
  mkdir -p "root/lib/modules/$K/extra"
  mv siw.ko "root/lib/modules/$K/extra/"
fi
chroot root depmod -a "$K"
install -m755 "$HERE/guest/init" root/guest-init
echo guest >root/etc/hostname
rm -rf root/var/cache/apt/archives/*.deb

# A tiny initramfs that mounts the root image.
mkdir -p initrd/{bin,lib,proc,sys,dev,newroot}
cp root/bin/busybox initrd/bin/busybox 2>/dev/null || cp root/usr/bin/busybox initrd/bin/busybox
: >initrd/lib/order
for m in virtio_pci virtio_blk crc32c_generic ext4; do
  chroot root modprobe -S "$K" --show-depends "$m" | sed -n 's/^insmod \([^ ]*\).*/\1/p' |
    while read -r f; do
      b=$(basename "$f")
      [ -e "initrd/lib/$b" ] && continue
      cp "root$f" "initrd/lib/$b"
      echo "$b" >>initrd/lib/order
    done
done
install -m755 "$HERE/guest/initramfs-init" initrd/init
(cd initrd && find . | cpio --quiet -o -H newc | gzip -1 >../initrd.img)

rm -f root.img
truncate -s 3G root.img
mke2fs -q -t ext4 -O ^has_journal -m 0 -d root root.img
rm -rf root kernel debs initrd
echo "$stamp" >stamp
