#!/usr/bin/env bash
# A run over two hosts that share no memory, only files and a network cable, gives the bits of two ranks on one host. The
# hosts are namespaces of this machine, joined by a pair of virtual network cards.
# usage: two_hosts_test.sh LAYERSWEEP SOURCE_FOLDER BINARY_FOLDER MPIEXEC
# Ends with exit code 77, saying why, where such hosts cannot be made.
set -u
layersweep=$1 source_folder=$2 binary_folder=$3 mpiexec=$4
# shellcheck source=tests/support/same_results.sh
. "$source_folder/tests/support/same_results.sh"

skip() {
  echo "skipped: $1"
  exit 77
}
[ "$(id -u)" -eq 0 ] || skip "not root: hosts on one machine need namespaces of their own"
for program in ip unshare nsenter setpriv; do
  command -v $program >/dev/null || skip "no $program (Debian: iproute2, util-linux)"
done
"$mpiexec" --version | grep -Eq "Open MPI|OpenRTE" || skip "not Open MPI, whose options name the network"
unshare --net --mount --uts --propagation private sh -c 'mount -t tmpfs none /tmp && hostname h1 &&
  ip link add eth0 type veth peer name eth1' 2>/dev/null || skip "namespaces, mounts or network cards are not permitted here"

work=$(mktemp -d /var/tmp/layersweep-hosts.XXXXXX) # not under /tmp, of which each host has its own
hosts=()
finish() {
  # With its last process a host goes away, and the network cards with it.
  for pid in "${hosts[@]}"; do kill "$pid" 2>/dev/null; done
  wait
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM HUP
cd "$work" || exit 1

fail() {
  echo "FAILED: $1"
  tail -n 40 ./*.log
  exit 1
}
on() { # HOST COMMAND…
  local target=${hosts[$1 - 1]}
  shift
  nsenter --target "$target" --net --mount --uts --wd="$work" "$@"
}

printf '127.0.0.1 localhost\n10.77.0.1 h1\n10.77.0.2 h2\n' >names
for host in h1 h2; do
  setpriv --pdeathsig TERM unshare --net --mount --uts --propagation private "$source_folder/tests/support/as_host.sh" $host \
    "$work/names" "$source_folder" "$binary_folder" -- sh -c "touch $work/$host.up && exec sleep 600" &
  hosts+=($!)
done
for ((tries = 100; tries > 0; --tries)); do
  if [ -e h1.up ] && [ -e h2.up ]; then break; fi
  sleep 0.1
done
[ $tries -gt 0 ] || fail "the hosts did not start"
on 1 ip link add eth0 type veth peer name eth0 netns "${hosts[1]}" || fail "the network"
for host in 1 2; do
  on $host sh -c "ip addr add 10.77.0.$host/24 dev eth0 && ip link set eth0 up && ip link set lo up" || fail "the network"
done

cat >remote <<AGENT
#!/bin/sh
[ "\$1" = h2 ] || exit 1
shift
exec nsenter --target ${hosts[1]} --net --mount --uts --wd="$work" sh -c "\$*"
AGENT
chmod +x remote

cat >small.ini <<'INI'
[task]
name = counting
limit = 200
[finetune]
epochs = 1
[probe]
modes = hidden
seeds = 3
batch = 32
max_steps = 40
validate_every = 20
warm_up = 2
learning_rate = 1e-2
[run]
threads = 1
deterministic = true
INI

received() { on 1 ip -statistics -oneline link show eth0 | sed 's/.*RX:[^0-9]*\([0-9]*\).*/\1/'; }

timeout 120 "$mpiexec" --bind-to none --oversubscribe -n 2 "$layersweep" run small.ini --set run.folder=one >one.log 2>&1 ||
  fail "two ranks on one host"
before=$(received)
on 1 timeout 120 "$mpiexec" --host h1,h2 -n 2 --bind-to none --mca plm_rsh_agent "$work/remote" --mca btl self,tcp \
  --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 \
  "$layersweep" run small.ini --set run.folder=two >two.log 2>&1 || fail "two ranks on two hosts"
after=$(received)

"$layersweep" inspect two/results.h5 | grep -q "h1 (rank 0.*h2 (rank 1" || fail "not on both hosts"
# One unit, so both hosts share every step and sum the gradients of all points.
[ $((after - before)) -gt 500000 ] || fail "only $((after - before)) bytes came over the network"
same_results one/results.h5 two/results.h5 || fail "other results on two hosts"
for file in model/model.safetensors units/hidden-3/probes.safetensors; do
  cmp one/$file two/$file || fail "$file differs on two hosts"
done
echo "all passed: $((after - before)) bytes from host to host"
