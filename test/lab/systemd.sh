# Runs in the guest, whose PID 1 is systemd: installs the service as a user does, and drives it.
# Prints PASS or FAIL for each step. Environment: NODE and PROGRAM, what starts
# lunsmith, and MODULES, its packages.
set -u
failed=0
# step NAME COMMAND...: PASS when it exits 0; its output is shown when it fails.
step() {
  local name=$1
  shift
  if "$@" >/tmp/step.log 2>&1; then echo "PASS $name"; else
    failed=1
    echo "FAIL $name"
    sed 's/^/    /' /tmp/step.log
  fi
}
property() { systemctl show --value -p "$1" "${2:-lunsmith.service}"; }
is() {
  local value
  value=$(property "$1" "${3:-lunsmith.service}")
  [ "$value" = "$2" ] || {
    echo "$1 is '$value', not '$2'"
    return 1
  }
}
has_word() { property "$1" "${3:-lunsmith.service}" | tr ' ' '\n' | grep -qxF "$2"; }
# What systemd and the daemon said since the mark.
mark() { date '+%Y-%m-%d %H:%M:%S.%6N' >/tmp/mark; }
said() { journalctl -q -b --no-pager -o cat -u lunsmith.service --since "$(cat /tmp/mark)"; }
has_said() {
  journalctl --sync
  said | grep -E "$1" || {
    said
    return 1
  }
}
has_not_said() { ! has_said "$1"; }
# Without waiting: who asks right after systemctl returned is answered.
serves() { (exec 9<>/dev/tcp/127.0.0.1/3260); }
is_down() { ! serves; }
mode() { [ "$(stat -c '%a %U' "$1")" = "$2" ]; }
commands() { lunsmith -c "$1"; }
prints() { grep -qF "$1" <<<"$2" || { echo "$2" && return 1; }; }
same() { [ -s /tmp/before ] && diff /tmp/before /tmp/after; }
# Both have happened, in this order.
in_order() {
  echo "$1 $2"
  [ "$1" -gt 0 ] && [ "$1" -le "$2" ]
}
tree() { lunsmith get / --yaml; }
until_true() {
  for _ in $(seq 120); do
    "$@" >/dev/null 2>&1 && return 0
    sleep 0.25
  done
  "$@"
}
restarted() { [ "$(property NRestarts)" = "$1" ] && systemctl -q is-active lunsmith.service; }

ln -s "$NODE" /usr/local/bin/node
ln -s "$PROGRAM" /usr/local/bin/lunsmith
mark

step pid-1-is-systemd [ "$(cat /proc/1/comm)" = systemd ]
# First tried without a service: a daemon in the background, as any shell starts one.
step configure commands '/backstores/fileio create disk /srv/disk.img 8M
  /iscsi create iqn.2026-01.net.example:systemd
  /iscsi/iqn.2026-01.net.example:systemd/tpg1/luns create /backstores/fileio/disk
  saveconfig'
tree >/tmp/before
step tree-has-the-disk grep -q /srv/disk.img /tmp/before
step service-install lunsmith service install
cp /tmp/step.log /tmp/installed
step units-verify bash -c 'words=$(systemd-analyze verify --man=no \
  /etc/systemd/system/lunsmith.{service,socket} 2>&1); echo "$words"; [ -z "$words" ]'
[ "$failed" = 0 ] || exit 1
# What it says comes next, to the letter.
sed -n 's/^  \(\(systemctl\|lunsmith\) .*\)/\1/p' /tmp/installed >/tmp/next
step three-commands-come-next [ "$(wc -l </tmp/next)" = 3 ]
step enable-now bash -e /tmp/next
step ready-when-enable-returns serves
step service-is-active systemctl is-active lunsmith.service
step socket-is-active systemctl is-active lunsmith.socket
step service-is-enabled systemctl is-enabled lunsmith.service
step socket-is-enabled systemctl is-enabled lunsmith.socket
step type-is-notify is Type notify
step socket-triggers-service is Triggers lunsmith.service lunsmith.socket
step mode-of-socket mode /run/lunsmith/control.sock '600 root'
for folder in /run/lunsmith /etc/lunsmith /var/lib/lunsmith; do
  step "mode-of-$folder" mode "$folder" '700 root'
done

mark
pid=$(property MainPID)
step restart systemctl restart lunsmith.service
step ready-when-restart-returns serves
step status-tells-what-is-served bash -c "systemctl status lunsmith.service | grep -E 'Status: \"'"
grep -o 'Status: .*' /tmp/step.log
step another-process [ "$(property MainPID)" != "$pid" ]
tree >/tmp/after
step restart-restores same
step restart-is-no-crash is NRestarts 0

step before-remote-file-systems has_word Before remote-fs-pre.target
step after-local-file-systems has_word After local-fs.target
step after-the-network has_word After network-online.target
# A mount over the network starts with the service in one transaction, as at boot, and stops with it
# in another, as at shutdown.
mkdir -p /run/systemd/system/lunsmith.service.d
cd /run/systemd/system || exit 1
cat >srv-remote.mount <<'UNIT'
[Mount]
What=tmpfs
Where=/srv/remote
Type=tmpfs
Options=_netdev
UNIT
together='srv-remote.mount remote-fs-pre.target lunsmith.service'
printf '[Unit]\nWants=srv-remote.mount lunsmith.service\n' >lab-boot.target
printf '[Unit]\nConflicts=%s\nAfter=%s\n' "$together" "$together" >lab-shutdown.target
# There, koffi is missing as well: systemd-notify speaks for the daemon.
printf '[Service]\nInaccessiblePaths=%s\n' "$MODULES/koffi" >lunsmith.service.d/koffi.conf
cd /root || exit 1
systemctl daemon-reload
mark
step stop systemctl stop remote-fs-pre.target lunsmith.service
step clean-stop is Result success
step clean-status is ExecMainStatus 0
step ended-by-itself is ExecMainCode 1
step inactive is ActiveState inactive
step nothing-was-killed has_not_said 'timed out|Killing|SIGKILL|Failed'
step no-longer-serves is_down
step start-with-a-mount systemctl start lab-boot.target
step mounted systemctl is-active srv-remote.mount
step serves-without-koffi serves
step mounted-after-ready in_order "$(property ActiveEnterTimestampMonotonic)" \
  "$(property InactiveExitTimestampMonotonic srv-remote.mount)"
step stop-with-a-mount systemctl start lab-shutdown.target
step unmounted-before-stop in_order \
  "$(property InactiveEnterTimestampMonotonic srv-remote.mount)" \
  "$(property ActiveExitTimestampMonotonic)"
step clean-stop-without-koffi is Result success
rm -r /run/systemd/system/lunsmith.service.d
systemctl daemon-reload

step socket-outlives-the-service systemctl is-active lunsmith.socket
step stop-of-the-socket systemctl stop lunsmith.socket
step socket-is-removed [ ! -e /run/lunsmith/control.sock ]
step start-of-the-socket systemctl start lunsmith.socket
step service-is-down-still is ActiveState inactive
tree >/tmp/after
step first-client-starts-it systemctl is-active lunsmith.service
step first-client-sees-the-tree same

step change-without-saving lunsmith /backstores/ramdisk create fleeting 1M
mark
step kill-9 systemctl kill --kill-who=main --signal=KILL lunsmith.service
step restarts-after-a-crash until_true restarted 1
step crash-is-told has_said 'code=killed, status=9/KILL'
step newer-state-is-told has_said 'the last run had changes that were not saved'
step serves-after-a-crash serves
tree >/tmp/after
step crash-restores-what-was-saved same
step newer-state-comes-back commands 'restoreconfig last=true
  ls /backstores/ramdisk/fleeting'
step stop-after-a-crash systemctl stop lunsmith.service
step clean-stop-after-a-crash is Result success

[ "$failed" = 0 ] || journalctl -q -b --no-pager -o short-monotonic -u 'lunsmith.*' | tail -n 80
exit "$failed"
