#!/bin/bash
# Runs in the guest: the kernel's initiator against one target. Prints PASS, FAIL or SKIP and a name
# per step. Environment: HOST PORT TARGET INITIATOR, CHAP_USER CHAP_PASS (one-way),
# CHAP_USER_IN CHAP_PASS_IN (mutual), FIO_SECONDS.
set -u
failed=0
pass() { echo "PASS $1"; }
fail() {
  failed=1
  echo "FAIL $1"
}
# step NAME COMMAND...: PASS when it exits 0; its output is shown only when it fails.
step() {
  local name=$1 output
  shift
  if output=$(timeout 120 "$@" 2>&1); then pass "$name"; else
    echo "$output"
    fail "$name"
  fi
}
refuse() {
  local name=$1 output
  shift
  if output=$(timeout 120 "$@" 2>&1); then fail "$name"; else pass "$name"; fi
}
node=(iscsiadm -m node -T "$TARGET" -p "$HOST:$PORT" -I default)
set_node() { "${node[@]}" -o update -n "$1" -v "$2"; }
kernel_errors() { dmesg | grep -E 'detected conn error|I/O error|ping timeout' | grep -cv 'error (1021)'; }

modprobe -a iscsi_tcp sd_mod sg crc32c_generic
echo "InitiatorName=$INITIATOR" >/etc/iscsi/initiatorname.iscsi
iscsid
sleep 1

# SendTargets answers the host's 127.0.0.1, which is the guest itself from here: the record is made by hand.
found=$(timeout 60 iscsiadm -m discovery -t st -p "$HOST:$PORT" 2>&1)
if grep -q " $TARGET\$" <<<"$found"; then pass discovery; else
  echo "$found"
  fail discovery
fi
iscsiadm -m node -o delete >/dev/null 2>&1
"${node[@]}" -o new >/dev/null
set_node 'node.conn[0].iscsi.HeaderDigest' CRC32C
set_node 'node.conn[0].iscsi.DataDigest' CRC32C
set_node node.session.initial_login_retry_max 1
set_node node.session.auth.authmethod CHAP
set_node node.session.auth.username "$CHAP_USER"
set_node node.session.auth.username_in "$CHAP_USER_IN"
set_node node.session.auth.password_in "$CHAP_PASS_IN"
set_node node.session.auth.password "wrong-secret-1234"
refuse wrong-secret-is-refused "${node[@]}" --login
set_node node.session.auth.password "$CHAP_PASS"
set_node node.session.auth.password_in "wrong-secret-1234"
refuse wrong-mutual-secret-is-refused "${node[@]}" --login
set_node node.session.auth.password_in "$CHAP_PASS_IN"

errors_before=$(kernel_errors)
step login-with-mutual-chap "${node[@]}" --login
for _ in $(seq 60); do
  ls -d /sys/class/iscsi_session/session*/device/target*/*/block/* >/dev/null 2>&1 && break
  sleep 0.25
done
sleep 1
scsi=$(ls -d /sys/class/iscsi_session/session*/device/target*/*:* 2>/dev/null | head -1)
disk=/dev/$(ls "$scsi/block" 2>/dev/null | head -1)
sg=/dev/$(ls "$scsi/scsi_generic" 2>/dev/null | head -1)
[ -b "$disk" ] && pass disk-appears || {
  dmesg | tail -20
  fail disk-appears
  exit 1
}
connection=$(ls -d /sys/class/iscsi_connection/connection* | head -1)
[ "$(cat "$connection/header_digest")" = 1 ] && pass header-digest || fail header-digest
[ "$(cat "$connection/data_digest")" = 1 ] && pass data-digest || fail data-digest

step inquiry sg_inq "$sg"
for page in sv di sn bl bdc lbpv; do step "vpd-$page" sg_vpd -p "$page" "$sg"; done
step read-capacity sg_readcap -16 "$sg"
step report-luns sg_luns "$sg"
step mode-sense sg_modes -a "$sg"
step report-opcodes sg_opcodes "$sg"
step verify sg_verify --lba=0 --count=8 "$sg"
step write-same sg_write_same --lba=64 --num=8 --xferlen=512 --in=/dev/zero "$sg"
step unmap sg_unmap --force --lba=128 --num=64 "$sg"
step synchronize-cache sg_sync "$sg"
step lun-reset sg_reset -d "$sg"
step target-reset sg_reset -t "$sg"
step discard blkdiscard -f "$disk"

step fio-with-verify fio --name=v --filename="$disk" --direct=1 --rw=randrw --bsrange=512-256k \
  --blockalign=512 --ioengine=libaio --iodepth=16 --size=32m --verify=crc32c --verify_fatal=1 \
  --do_verify=1 --verify_backlog=64 --time_based --runtime="${FIO_SECONDS:-5}"
step mkfs mkfs.ext4 -q -F "$disk"
step mount mount "$disk" /mnt
step write-files bash -c 'for i in $(seq 40); do head -c $((i * 17000)) /dev/urandom >/mnt/f$i; done
  cd /mnt && md5sum f* >/tmp/md5 && sync'
step umount umount /mnt
echo 3 >/proc/sys/vm/drop_caches
step fsck e2fsck -fn "$disk"
step mount-again mount "$disk" /mnt
step files-are-the-same bash -c 'cd /mnt && md5sum -c --quiet /tmp/md5'
step fstrim fstrim /mnt
step umount-again umount /mnt
[ "$(kernel_errors)" = "$errors_before" ] && pass no-kernel-errors || {
  dmesg | tail -20
  fail no-kernel-errors
}
step logout "${node[@]}" --logout
sleep 0.5
[ -e "$disk" ] && fail disk-is-gone || pass disk-is-gone
step login-again "${node[@]}" --login
step logout-again "${node[@]}" --logout
exit $failed
