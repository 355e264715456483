# Runs in the guest: LIO loads a configuration that lunsmith exported and says what it made of it.
# GIVEN: the file. Prints PASS or FAIL for each step, and what targetcli saved between two marks.
step() {
  local name=$1
  shift
  if "$@" >/tmp/step.log 2>&1; then echo "PASS $name"; else
    echo "FAIL $name"
    sed 's/^/    /' /tmp/step.log
  fi
}
ip addr add 10.0.2.16/24 dev eth0
mkdir -p /run/dbus /srv
dbus-daemon --system --fork
truncate -s 64M /srv/cached.img
truncate -s 16M /srv/through.img
modprobe -a configfs target_core_mod target_core_file iscsi_target_mod
mountpoint -q /sys/kernel/config || mount -t configfs none /sys/kernel/config

restored() {
  targetcli restoreconfig "$GIVEN" >/tmp/restore.log 2>&1
  cat /tmp/restore.log
  ! grep -vE '^$|^Configuration restored|Could not load preferences' /tmp/restore.log | grep .
}
step restoreconfig restored
targetcli ls / >/tmp/ls.log 2>&1
cat /tmp/ls.log
for line in 'o- cached .*/srv/cached.img \(64.0MiB\) write-back activated' \
  'o- through .*/srv/through.img \(16.0MiB\) write-thru activated' \
  'o- memory .*\(8.0MiB\) activated' \
  'tpg1 .*no-gen-acls, auth per-acl' \
  'o- iqn.1993-08.org.debian:01:kernel .*mutual auth, Mapped LUNs: 2' \
  'o- mapped_lun7 .*lun1 fileio/through \(ro\)' \
  'tpg2 .*\[disabled\]' \
  '10.0.2.15:3260 .*OK' '10.0.2.16:3261 .*OK' ; do
  step "ls: $line" grep -qE "$line" /tmp/ls.log
done
value() { [ "$(cat "/sys/kernel/config/target/$1")" = "$2" ]; }
tpg=iscsi/iqn.2026-01.net.example:lab/tpgt_1
acl=$tpg/acls/iqn.1993-08.org.debian:01:kernel
step login_timeout value $tpg/attrib/login_timeout 20
step default_cmdsn_depth value $tpg/attrib/default_cmdsn_depth 32
step authentication value $tpg/attrib/authentication 1
step HeaderDigest value $tpg/param/HeaderDigest CRC32C
step MaxBurstLength value $tpg/param/MaxBurstLength 524288
step userid value $acl/auth/userid kernel
step password value $acl/auth/password kernelsecret1
step userid_mutual value $acl/auth/userid_mutual target
step password_mutual value $acl/auth/password_mutual targetsecret1
step dataout_timeout value $acl/attrib/dataout_timeout 5
step discovery value iscsi/discovery_auth/userid finder
step emulate_tpu value core/fileio_0/cached/attrib/emulate_tpu 1

step saveconfig targetcli saveconfig /root/saved.json
echo '--- saved'
cat /root/saved.json
echo
echo '--- end'
