#!/bin/bash
# Runs in the guest: the kernel's initiator and scsi_dh_alua on one LUN over two TPGs, whose states
# the host changes when it is told to (test/lab/alua.test.ts). Prints PASS or FAIL and a name per
# step. Environment: HOST CONTROL TARGET INITIATOR LEFT_PORT RIGHT_PORT.
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
  if output=$("$@" 2>&1); then pass "$name"; else
    echo "$output"
    fail "$name"
  fi
}
refuse() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1); then fail "$name"; else pass "$name"; fi
}
# tell NAME: the host makes the change of that name, and answers when it holds.
tell() {
  local answer
  exec 3<>"/dev/tcp/$HOST/$CONTROL" || return 1
  echo "$1" >&3
  read -r answer <&3
  exec 3>&-
  [ "$answer" = ok ] || {
    echo "$answer"
    return 1
  }
}
login() {
  local node=(iscsiadm -m node -T "$TARGET" -p "$HOST:$1" -I default)
  "${node[@]}" -o new >/dev/null
  "${node[@]}" -o update -n node.session.initial_login_retry_max -v 1
  "${node[@]}" --login
}
# The disk of the session on that port.
disk_of() {
  local connection session
  for connection in /sys/class/iscsi_connection/connection*; do
    [ "$(cat "$connection/persistent_port")" = "$1" ] || continue
    session=$(basename "$connection" | sed 's/connection\([0-9]*\):.*/session\1/')
    basename "$(ls -d "/sys/class/iscsi_session/$session"/device/target*/*/block/* | head -1)"
  done
}
wait_for_disk() {
  for _ in $(seq 60); do
    [ -n "$(disk_of "$1" 2>/dev/null)" ] && return 0
    sleep 0.25
  done
  return 1
}
# sysfs DISK FILE VALUE [PATH]: the kernel says so within ten seconds of commands on the path.
sysfs() {
  local now
  for _ in $(seq 40); do
    sg_turs "/dev/${4:-$1}" >/dev/null 2>&1
    now=$(cat "/sys/block/$1/device/$2")
    [ "$now" = "$3" ] && return 0
    sleep 0.25
  done
  echo "$1: $2 is $now, not $3"
  return 1
}
read_of() { dd "if=/dev/$1" of=/dev/null bs=4096 count=1 iflag=direct; }
# What the target reports of a group: sg_rtpg's line about its state.
state_of() { sg_rtpg -d "/dev/$1" | grep -A1 "port group id : $2 " | grep -o 'state : 0x[0-9a-f]*'; }
reports() {
  local now
  now=$(state_of "$1" "$2")
  [ "$now" = "state : $3" ] || {
    sg_rtpg -d "/dev/$1"
    return 1
  }
}
delayed() {
  local begin end
  begin=$(date +%s%N)
  read_of "$1" || return 1
  end=$(date +%s%N)
  [ $((end - begin)) -ge 400000000 ]
}

modprobe -a iscsi_tcp sd_mod sg crc32c_generic scsi_dh_alua
echo "InitiatorName=$INITIATOR" >/etc/iscsi/initiatorname.iscsi
iscsid
sleep 1
step login-left login "$LEFT_PORT"
step login-right login "$RIGHT_PORT"
step left-disk wait_for_disk "$LEFT_PORT"
step right-disk wait_for_disk "$RIGHT_PORT"
left=$(disk_of "$LEFT_PORT")
right=$(disk_of "$RIGHT_PORT")
[ -b "/dev/$left" ] && [ -b "/dev/$right" ] || exit 1

step handler-is-alua sysfs "$left" dh_state alua
step left-is-optimized sysfs "$left" access_state active/optimized
step right-is-optimized sysfs "$right" access_state active/optimized
step inquiry-announces-both bash -c "sg_inq /dev/$left | grep 'TPGS=3'"
step page-83h-has-the-group bash -c "sg_vpd -p di /dev/$right | grep -i 'target port group: 0x2'"
step report-is-readable reports "$left" 0x1 0x00
step extended-header bash -c "sg_rtpg -e /dev/$left"

step host-makes-left-standby tell left-standby
step left-is-standby sysfs "$left" access_state standby
refuse standby-refuses-reads read_of "$left"
refuse standby-is-not-ready sg_turs "/dev/$left"
step standby-tells-its-capacity sg_readcap -16 "/dev/$left"
step right-serves-meanwhile read_of "$right"
step right-reports-both reports "$right" 0x1 0x02
step host-makes-left-active tell left-active
step left-is-optimized-again sysfs "$left" access_state active/optimized
step left-serves-again read_of "$left"

step host-prefers-right tell right-preferred
step right-is-preferred sysfs "$right" preferred_path 1
step left-is-not sysfs "$left" preferred_path 0

step host-makes-left-slow tell left-slow
step left-is-non-optimized sysfs "$left" access_state active/non-optimized
step non-optimized-takes-its-time delayed "$left"
step host-makes-left-unavailable tell left-unavailable
step left-is-unavailable sysfs "$left" access_state unavailable
refuse unavailable-refuses-reads read_of "$left"

step initiator-sets-optimized sg_stpg --tp=1 --state=0 "/dev/$left"
step it-holds-for-both-paths reports "$right" 0x1 0x00
# The kernel does not read what sg_stpg did; the other path is told, and asks for both.
step other-path-was-told sysfs "$left" access_state active/optimized "$right"
step left-serves-after-that read_of "$left"
step initiator-sets-standby sg_stpg --tp=1 --state=2 "/dev/$left"
step host-has-that-state tell expect-left-standby
step transition-takes-its-time tell left-active-slowly
step left-arrives sysfs "$left" access_state active/optimized
step left-serves-after-the-transition read_of "$left"
step host-takes-explicit-away tell implicit-only
# Two unit attentions at most; then 9: the command is not known.
step implicit-only-knows-no-such-command bash -c "for _ in 1 2; do sg_turs /dev/$left; done
  sg_raw -s 8 -i /dev/zero /dev/$left a4 0a 0 0 0 0 0 0 0 8 0 0; [ \$? = 9 ]"

dmesg | grep -q 'detected conn error' && fail sessions-stayed || pass sessions-stayed
step logout iscsiadm -m session -u
exit $failed
