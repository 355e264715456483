#!/bin/bash
# run_guest.sh TIMEOUT_SECONDS SCRIPT [K=V]...
# Boots the guest under software emulation, runs SCRIPT in it as root with the given environment,
# streams its output and returns its status (124: timeout, 125: the guest ended without a status).
# LAB_MEMORY: MiB of the guest, 1024 by default. LAB_MOUNTS: folders that the guest may read, words of
# the form /there=/here. The host's 127.0.0.1 is 10.0.2.2 in the guest. The image is never changed.
set -u
LAB_DIR=${LAB_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/lunsmith-lab-guest}
TIMEOUT=$1 SCRIPT=$2
shift 2
RUN=$(mktemp -d "$LAB_DIR/run.XXXXXX")
QEMU=
cleanup() {
  [ -n "$QEMU" ] && kill "$QEMU" 2>/dev/null && wait "$QEMU" 2>/dev/null
  rm -rf "$RUN"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP
cp "$SCRIPT" "$RUN/script"
for e in "$@"; do printf '%s=%q\n' "${e%%=*}" "${e#*=}"; done >"$RUN/env"
date +%s >"$RUN/now"
shares=()
: >"$RUN/mounts"
for word in ${LAB_MOUNTS:-}; do
  tag=m${#shares[@]}
  shares+=(-virtfs "local,path=${word#*=},mount_tag=$tag,security_model=none,multidevs=remap,readonly=on")
  echo "$tag ${word%%=*}" >>"$RUN/mounts"
done
mkfifo "$RUN/out"
cat "$RUN/out" &
READER=$!
qemu-system-x86_64 -accel tcg,thread=multi -cpu max -m "${LAB_MEMORY:-1024}" -smp 2 \
  -nodefaults -display none -no-reboot -nographic \
  -kernel "$LAB_DIR/vmlinux" -initrd "$LAB_DIR/initrd.img" \
  -append "console=ttyS0 quiet nokaslr mitigations=off panic=-1 random.trust_cpu=on" \
  -chardev file,id=con,path="$RUN/console" -serial chardev:con \
  -drive if=none,id=root,file="$LAB_DIR/root.img",format=raw,snapshot=on,cache=unsafe \
  -device virtio-blk-pci,drive=root \
  -netdev user,id=n0 -device virtio-net-pci,netdev=n0,romfile= \
  -virtfs local,path="$RUN",mount_tag=run,security_model=none,multidevs=remap "${shares[@]}" \
  -device virtio-serial-pci -chardev file,id=vout,path="$RUN/out" \
  -device virtserialport,chardev=vout,name=out \
  -object rng-random,id=rng0,filename=/dev/urandom -device virtio-rng-pci,rng=rng0 \
  </dev/null 2>"$RUN/qemu.err" &
QEMU=$!
end=$((SECONDS + TIMEOUT))
status=125
while kill -0 "$QEMU" 2>/dev/null; do
  if [ $SECONDS -ge $end ]; then
    status=124
    kill "$QEMU" 2>/dev/null
    break
  fi
  sleep 0.25
done
wait "$QEMU" 2>/dev/null
sleep 0.5
kill "$READER" 2>/dev/null
[ $status = 125 ] && [ -s "$RUN/status" ] && status=$(cat "$RUN/status")
if [ $status -ge 124 ]; then
  echo "guest: no result (status $status)" >&2
  tail -n 20 "$RUN/console" "$RUN/qemu.err" >&2
fi
exit "$status"
