#!/usr/bin/env bash
# A job is what its script says, whatever shell submits it: from within other jobs of a Slurm of two nodes, and with settings
# for other work around it, by `layersweep submit` and by sbatch, each ends well with a rank on each node.
# usage: leftovers_test.sh LAYERSWEEP SOURCE_FOLDER BINARY_FOLDER
# Ends with exit code 77, saying why, where Slurm is not installed or cannot be started, or namespaces are not permitted.
set -u
layersweep=$1 source_folder=$2 binary_folder=$3
# shellcheck source=tests/slurm/cluster.sh
. "$source_folder/tests/slurm/cluster.sh"

cluster_workplace

fail() {
  echo "FAILED: $1"
  tail -n 40 "$work"/*.out "$work"/runs/*/slurm-*.log "$work/cluster/log/slurmctld"
  exit 1
}

cd "$work" || exit 1
cat >tiny.ini <<'INI'
[task]
name = counting
limit = 50
[finetune]
epochs = 1
[probe]
modes = hidden
seeds = 3
batch = 32
max_steps = 2
validate_every = 2
[run]
threads = 1
INI
cat >submit <<SUBMIT
#!/bin/bash
run=\$1
shift
exec "$layersweep" submit tiny.ini --set run.folder=runs/\$run --nodes 2 --ranks-per-node 1 --time 10 \
  --sbatch=--mem=100 --sbatch=--exclusive --line "export OMPI_MCA_mpi_yield_when_idle=1" "\$@"
SUBMIT
chmod +x submit

cluster_start_or_skip "$source_folder" "$binary_folder"

# What sbatch itself would obey, and what only the job meets.
options=(SBATCH_TIMELIMIT=1 SBATCH_ARRAY_INX=3-4 SBATCH_EXPORT=NONE SLURM_HINT=multithread)
left=(SLURM_ARRAY_TASK_ID=5 SLURM_ARRAY_JOB_ID=1 SLURM_MEM_PER_CPU=1 SLURM_MEM_PER_NODE=1 SLURM_CPU_BIND=map_cpu:0
  SLURM_NTASKS=7 SLURM_NPROCS=7 SLURM_TASKS_PER_NODE=7 SLURM_NTASKS_PER_NODE=7 SLURM_DISTRIBUTION=arbitrary SLURM_STEP_ID=0
  SLURM_STEP_NUM_TASKS=7 SLURM_EXPORT_ENV=NONE SLURM_RESTART_COUNT=4 "SLURM_JOB_END_TIME=$(($(date +%s) + 20))"
  OMPI_COMM_WORLD_SIZE=7 OMPI_MCA_pml=none PMIX_RANK=3 PMIX_MCA_gds=none OMP_PROC_BIND=true LAYERSWEEP_DATA=/none)
names=(shell script array array_script allocation step)
for run in script array_script; do
  ./submit $run --dry-run >$run.sh || fail "no script"
  mkdir -p runs/$run # for the log
done

env "${options[@]}" "${left[@]}" ./submit shell >shell.out 2>&1 || fail "submit from a shell"
env "${left[@]}" sbatch script.sh >script.out 2>&1 || fail "sbatch from a shell"
# Of two memory limits, one by processor and one by node, srun takes none.
sbatch --array=5 --ntasks=1 --mem-per-cpu=1 --output=array.out --wrap './submit array && sbatch array_script.sh' || fail "an array"
salloc --ntasks=1 --mem-per-cpu=1 ./submit allocation >allocation.out 2>&1 || fail "submit from an allocation"
salloc --nodes=2 --ntasks=2 --mem-per-cpu=1 srun --mpi=pmix bash -c '[ $SLURM_PROCID = 0 ] || ./submit step' >step.out 2>&1 ||
  fail "submit from a step"

cluster_wait 150 "a job that does not end" cluster_is_empty || fail "not all jobs ended"
for run in "${names[@]}"; do
  log=$(echo runs/$run/slurm-*.log)
  job=${log##*-}
  job=${job%.log}
  shown=$(scontrol show job "$job")
  [[ $shown == *JobState=COMPLETED* && $shown == *ExitCode=0:0* ]] || fail "$run: no good end"
  grep -q "^== .* 1 .*job $job: rank 0 on n1, rank 1 on n2;" runs/$run/units/*/log || fail "$run: not start 1 with a rank on each node"
  # When the job began, and when it would have to end.
  read -r began end <<<"$(grep -m 1 '^== ' "$log" | grep -o '[0-9-]\{10\}T[0-9:]\{8\}Z' | xargs)"
  seconds=$(($(date -d "$end" +%s) - $(date -d "$began" +%s)))
  [ $seconds -gt 580 ] && [ $seconds -le 600 ] || fail "$run: an end after $seconds seconds"
done
echo "all passed"
