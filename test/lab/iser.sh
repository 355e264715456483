#!/bin/bash
# Runs in the guest: the kernel's iSER initiator over soft-iWARP against one target, and its TCP
# initiator beside it on the same port. Prints PASS, FAIL or SKIP and a name per step. Environment:
# HOST PORT TARGET INITIATOR CHAP_USER CHAP_PASS CHAP_USER_IN CHAP_PASS_IN, FIO_SECONDS, and CONTROL:
# a port of HOST that restarts the target's daemon for whoever connects, and answers when it is back.
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
  if output=$(timeout 180 "$@" 2>&1); then pass "$name"; else
    echo "$output"
    dmesg | tail -8
    fail "$name"
  fi
}
# Linux (6.1 and others, over whatever target) may find its own Login Request still under way when
# its next is to leave, says "Login/Text in progress", and the session never comes up. A new login is
# what helps; nothing else counts as that.
kernel_words() { dmesg | grep -c 'Login/Text in progress'; }
login_step() {
  local name=$1 interface=$2 output before try
  for try in 1 2 3; do
    before=$(kernel_words)
    if output=$(timeout 180 record "$interface" --login 2>&1); then
      pass "$name"
      return
    fi
    [ "$(kernel_words)" = "$before" ] && break
    echo "NOTE $name: the guest's kernel stumbled over its own Login Request (try $try)"
    record "$interface" --logout >/dev/null 2>&1
  done
  echo "$output"
  dmesg | tail -8
  fail "$name"
}
refuse() {
  local name=$1 output
  shift
  if output=$(timeout 120 "$@" 2>&1); then fail "$name"; else pass "$name"; fi
}
# A program, since `timeout` runs no functions.
cat >/usr/local/bin/record <<'RECORD'
#!/bin/bash
exec iscsiadm -m node -T "$TARGET" -p "$HOST:$PORT" -I "$1" "${@:2}"
RECORD
chmod +x /usr/local/bin/record
set_node() { record "$1" -o update -n "$2" -v "$3"; }
sessions() { ls -d /sys/class/iscsi_session/session* 2>/dev/null | wc -l; }
disk_of() {
  local link
  link=$(ls -d "$1"/device/target*/*:*/block/* 2>/dev/null | head -1)
  [ -n "$link" ] && echo "/dev/${link##*/}"
}
wait_for() {
  for _ in $(seq 240); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.25
  done
  return 1
}
session_by() {
  local connection
  for connection in $(iscsiadm -m session -o show 2>/dev/null | sed -n "s/^$1: \[\([0-9]*\)\].*/\1/p"); do
    echo "/sys/class/iscsi_session/session$connection"
  done | head -1
}
has_disk() { [ -b "$(disk_of "$(session_by "$1")")" ]; }

modprobe -a iscsi_tcp ib_iser siw rdma_ucm sd_mod sg crc32c_generic libcrc32c
rdma link add siw0 type siw netdev eth0 && pass soft-iwarp || fail soft-iwarp
echo "InitiatorName=$INITIATOR" >/etc/iscsi/initiatorname.iscsi
iscsid
sleep 1

found=$(timeout 60 iscsiadm -m discovery -t st -p "$HOST:$PORT" -I iser 2>&1)
if grep -q " $TARGET\$" <<<"$found"; then pass discovery-over-iser; else
  echo "$found"
  fail discovery-over-iser
fi
iscsiadm -m node -o delete >/dev/null 2>&1
for interface in iser default; do
  iscsiadm -m node -o new -T "$TARGET" -p "$HOST:$PORT,1" -I $interface >/dev/null
  set_node $interface node.session.initial_login_retry_max 4
  set_node $interface 'node.conn[0].iscsi.HeaderDigest' None
  set_node $interface 'node.conn[0].iscsi.DataDigest' None
  set_node $interface node.session.auth.authmethod CHAP
  set_node $interface node.session.auth.username "$CHAP_USER"
  set_node $interface node.session.auth.password "$CHAP_PASS"
done
set_node iser node.session.auth.password wrong-secret-1234
refuse wrong-secret-is-refused record iser --login
set_node iser node.session.auth.password "$CHAP_PASS"
login_step login-with-chap iser
step logout-with-chap record iser --logout
set_node iser node.session.auth.username_in "$CHAP_USER_IN"
set_node iser node.session.auth.password_in wrong-secret-1234
refuse wrong-mutual-secret-is-refused record iser --login
set_node iser node.session.auth.password_in "$CHAP_PASS_IN"
login_step login-with-mutual-chap iser
wait_for has_disk iser
sleep 1
disk=$(disk_of "$(session_by iser)")
[ -b "$disk" ] && pass disk-appears || {
  iscsiadm -m session -P 3
  dmesg | tail -20
  fail disk-appears
  exit 1
}
sg=/dev/$(ls "/sys/block/${disk##*/}/device/scsi_generic" | head -1)
iscsiadm -m session -P 1 | grep -q 'Iface Transport: iser' && pass transport-is-iser ||
  fail transport-is-iser

step inquiry sg_inq "$sg"
step read-capacity sg_readcap -16 "$sg"
step lun-reset sg_reset -d "$sg"
step target-reset sg_reset -t "$sg"
for size in 512 4k 64k 256k 1m 4m; do
  step "fio-verify-$size" fio --name=v --filename="$disk" --direct=1 --rw=randrw --bs=$size \
    --ioengine=libaio --iodepth=8 --size=64m --io_size=16m --verify=crc32c --verify_fatal=1 \
    --do_verify=1 --time_based --runtime="${FIO_SECONDS:-3}"
done

login_step login-over-tcp-beside default
wait_for has_disk tcp
other=$(disk_of "$(session_by tcp)")
[ -b "$other" ] && [ "$other" != "$disk" ] && [ "$(sessions)" = 2 ] && pass both-sessions ||
  fail both-sessions
head -c 1048576 /dev/urandom >/tmp/pattern
step write-over-iser dd if=/tmp/pattern of="$disk" bs=64k oflag=direct
step read-over-tcp bash -c "dd if=$other bs=64k count=16 iflag=direct | cmp - /tmp/pattern"
step write-over-tcp dd if=/tmp/pattern of="$other" bs=64k seek=16 oflag=direct
step read-over-iser bash -c "dd if=$disk bs=64k skip=16 count=16 iflag=direct | cmp - /tmp/pattern"
step logout-over-tcp record default --logout

# Below what is written later beside it.
step mkfs mkfs.ext4 -q -F "$disk" 100M
step mount mount "$disk" /mnt
step write-files bash -c 'for i in $(seq 30); do head -c $((i * 17000)) /dev/urandom >/mnt/f$i; done
  cd /mnt && md5sum f* >/tmp/md5 && sync'
step umount umount /mnt
echo 3 >/proc/sys/vm/drop_caches
step fsck e2fsck -fn "$disk"

# The daemon restarts in the midst of writes: the session must come back, and nothing be lost.
restart_under_load() {
  fio --name=r --filename="$disk" --direct=1 --rw=write --bs=64k --ioengine=libaio --iodepth=8 \
    --offset=128m --size=64m --verify=crc32c --verify_fatal=1 --do_verify=1 --time_based \
    --runtime=20 >/tmp/fio 2>&1 &
  local fio=$! answer
  sleep 4
  if exec 9<>"/dev/tcp/$HOST/$CONTROL" && read -r -t 60 answer <&9 && [ "$answer" = done ]; then
    restarted=1
  else
    restarted=0
  fi
  wait $fio
}
before=$(kernel_words)
restart_under_load
survived=$?
if [ $survived != 0 ] && [ "$(kernel_words)" != "$before" ]; then
  echo "NOTE fio-through-the-restart: the guest's kernel stumbled over its own Login Request"
  record iser --logout >/dev/null 2>&1
  record iser --login >/dev/null 2>&1
  wait_for has_disk iser
  disk=$(disk_of "$(session_by iser)")
  restart_under_load
  survived=$?
fi
[ $restarted = 1 ] && pass daemon-restarted || fail daemon-restarted
if [ $survived = 0 ]; then pass fio-through-the-restart; else
  cat /tmp/fio
  dmesg | tail -20
  fail fio-through-the-restart
fi
step mount-again mount "$disk" /mnt
step files-are-the-same bash -c 'cd /mnt && md5sum -c --quiet /tmp/md5'
step umount-again umount /mnt
step logout record iser --logout
sleep 0.5
[ -e "$disk" ] && fail disk-is-gone || pass disk-is-gone
login_step login-again iser
step logout-again record iser --logout
exit $failed
