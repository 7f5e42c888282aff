# A Slurm cluster of two nodes on this machine, for tests: source it. Needs root and Debian's Slurm.
#   cluster_missing                     prints why no cluster can be started here; nothing when it can
#   cluster_start FOLDER [BIND…]        starts it; what it writes lies in FOLDER, which is not under /tmp; sets SLURM_CONF
#   cluster_stop                        ends what was started and nothing else; also for an EXIT trap
# Each node has a host name, /tmp and /dev/shm of its own, since PMIx and MPI leave files there that two hosts do not
# share; the folders BIND are seen on the nodes although they lie under /tmp. No configuration of a real cluster is read.
# shellcheck shell=bash

cluster_scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cluster_folder=
cluster_pids=()

cluster_missing() {
  if [ "$(id -u)" -ne 0 ]; then
    echo "not root: two nodes on one machine need namespaces of their own"
    return
  fi
  local program
  for program in munged slurmctld slurmd sbatch srun scontrol unshare setpriv python3; do
    if ! command -v $program >/dev/null; then
      echo "no $program (Debian: scripts/setup.sh --slurm)"
      return
    fi
  done
  if ! unshare --mount --uts --propagation private sh -c 'mount -t tmpfs none /tmp && hostname n1' 2>/dev/null; then
    echo "namespaces and mounts are not permitted here"
    return
  fi
}

# Distinct ports nobody listens on; others could take them before we do, which cluster_start would report.
cluster_free_ports() {
  python3 - "$1" <<'PYTHON'
import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in sockets:
    s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in sockets))
PYTHON
}

cluster_log_and_fail() {
  echo "the cluster does not work: $1"
  tail -n 15 "$cluster_folder"/log/* 2>/dev/null
  return 1
}

# cluster_wait SECONDS WHAT COMMAND…
cluster_wait() {
  local tries=$(($1 * 5)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    tries=$((tries - 1))
    if [ $tries -le 0 ]; then
      cluster_log_and_fail "$what"
      return 1
    fi
    sleep 0.2
  done
}

cluster_node_is_idle() { scontrol show node "$1" | grep -Eq 'State=IDLE( |$)'; }

cluster_start() {
  cluster_folder=$1
  shift
  mkdir -p "$cluster_folder"/{log,state,spool,run,bin}
  chmod 0755 "$cluster_folder"{,/log,/run}
  local host ctld_port port1 port2 memory
  host=$(uname -n)
  memory=$(awk '/^MemTotal:/ { print int($2 / 1024 / 2) }' /proc/meminfo)
  read -r ctld_port port1 port2 <<<"$(cluster_free_ports 3)"

  # Every daemon stays in the foreground as a child of this shell, so that its process number is known for certain and it
  # ends with this shell, however that ends.
  local child=(setpriv --pdeathsig TERM)
  head -c 128 /dev/urandom >"$cluster_folder/munge.key"
  chmod 0400 "$cluster_folder/munge.key"
  "${child[@]}" munged --foreground --key-file="$cluster_folder/munge.key" --socket="$cluster_folder/run/munge.socket" \
    --pid-file="$cluster_folder/run/munged.pid" --seed-file="$cluster_folder/run/munged.seed" --num-threads=2 \
    --log-file="$cluster_folder/log/munged" >"$cluster_folder/log/munged.out" 2>&1 </dev/null &
  cluster_pids+=($!)
  cluster_wait 10 "munged" test -S "$cluster_folder/run/munge.socket" || return 1

  cat >"$cluster_folder/slurm.conf" <<CONF
ClusterName=layersweep-test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$ctld_port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$cluster_folder/run/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
MpiDefault=none
ReturnToService=2
KillWait=10
OverTimeLimit=0
MailProg=/bin/true
SlurmdParameters=config_overrides
StateSaveLocation=$cluster_folder/state
SlurmdSpoolDir=$cluster_folder/spool/%n
SlurmctldPidFile=$cluster_folder/run/slurmctld.pid
SlurmdPidFile=$cluster_folder/run/slurmd.%n.pid
SlurmctldLogFile=$cluster_folder/log/slurmctld
SlurmdLogFile=$cluster_folder/log/slurmd.%n
NodeName=n1 NodeHostname=n1 NodeAddr=127.0.0.1 Port=$port1 CPUs=2 RealMemory=$memory
NodeName=n2 NodeHostname=n2 NodeAddr=127.0.0.1 Port=$port2 CPUs=2 RealMemory=$memory
PartitionName=test Nodes=n1,n2 Default=YES MaxTime=60 State=UP
CONF
  export SLURM_CONF=$cluster_folder/slurm.conf

  "${child[@]}" slurmctld -D -c -f "$SLURM_CONF" >"$cluster_folder/log/slurmctld.out" 2>&1 </dev/null &
  cluster_pids+=($!)
  local node
  for node in n1 n2; do
    mkdir -p "$cluster_folder/spool/$node"
    "${child[@]}" unshare --mount --uts --propagation private "$cluster_scripts/../support/as_host.sh" "$node" - "$@" -- \
      slurmd -D -f "$SLURM_CONF" -N "$node" >"$cluster_folder/log/slurmd.$node.out" 2>&1 </dev/null &
    cluster_pids+=($!)
  done
  cluster_wait 30 "slurmctld" scontrol ping || return 1
  for node in n1 n2; do cluster_wait 30 "node $node" cluster_node_is_idle $node || return 1; done
  srun --mpi=list 2>&1 | grep -qw pmix || cluster_log_and_fail "its srun has no PMIx (Debian: slurm-wlm-basic-plugins, libpmix2)"
}

cluster_is_empty() { [ -z "$(squeue --noheader 2>/dev/null)" ]; }

cluster_stop() {
  local pid left
  if [ ${#cluster_pids[@]} -gt 1 ]; then # jobs first: their processes are not children of slurmd
    timeout 10 scancel --quiet --user=root >/dev/null 2>&1 || true
    cluster_wait 20 "jobs that do not end" cluster_is_empty || true
  fi
  # The last started goes first: slurmd takes its leave of the controller, which still has munge.
  for ((i = ${#cluster_pids[@]} - 1; i >= 0; --i)); do
    pid=${cluster_pids[i]}
    kill "$pid" 2>/dev/null || true
    for ((left = 50; left > 0; --left)); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.2
    done
    if [ $left -eq 0 ]; then kill -KILL "$pid" 2>/dev/null || true; fi
    wait "$pid" 2>/dev/null || true
  done
  cluster_pids=()
}

# Sets `work`, a folder that goes away with the script and its cluster. Ends the script with exit code 77, saying why, where
# there can be no cluster.
cluster_workplace() {
  local why
  why=$(cluster_missing)
  if [ -n "$why" ]; then
    echo "skipped: $why"
    exit 77
  fi
  work=$(mktemp -d /var/tmp/layersweep-slurm.XXXXXX) # not under /tmp, of which each node has its own
  chmod 755 "$work" # munge wants its socket to be within reach of all
  trap 'cluster_stop; rm -rf "$work"' EXIT
  trap 'exit 1' INT TERM HUP
}

# cluster_start_or_skip SOURCE_FOLDER BINARY_FOLDER: starts it in $work/cluster, or ends the script with exit code 77.
cluster_start_or_skip() {
  cluster_start "$work/cluster" "$1" "$2" && return
  echo "skipped: no Slurm could be started on this machine (reason above)" # says nothing about layersweep
  exit 77
}
