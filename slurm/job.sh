#!/bin/bash
{{sbatch}}

# Made by `layersweep submit` (docs/slurm.md); it can be submitted by hand with sbatch. At the time limit the ranks write a
# checkpoint and end with exit code 75; the job then puts itself back into the queue, and its next start goes on from there.
set -u

# Slurm takes the environment of the shell that submits along. What that shell is a part of (another job, a rank of a program)
# and the settings it has for other work would change this one. Slurm's variables stay where it sets them for every job.
for name in "${!SLURM@}" "${!SBATCH_@}" "${!SALLOC_@}" "${!SRUN_@}" "${!OMPI_@}" "${!PMIX_@}" "${!PMI_@}" "${!PRTE_@}" \
  "${!PALS_@}" "${!HYDI_@}" "${!MPI_LOCAL@}" "${!OMP_@}" "${!GOMP_@}" "${!KMP_@}" "${!MKL_@}" "${!LAYERSWEEP_@}" \
  "${!CUDA_VISIBLE_DEVICES@}" "${!LD_LIBRARY_PATH@}"; do
  case $name in
    SLURM_CONF | SLURM_CLUSTER_NAME | SLURM_SUBMIT_DIR | SLURM_SUBMIT_HOST | SLURM_TMPDIR | SLURMD_NODENAME) ;;
    SLURM_JOB_ID | SLURM_JOBID | SLURM_JOB_NAME | SLURM_JOB_PARTITION | SLURM_JOB_UID | SLURM_JOB_USER) ;;
    SLURM_JOB_NODELIST | SLURM_NODELIST | SLURM_JOB_NUM_NODES | SLURM_NNODES | SLURM_NODE_ALIASES) ;;
    SLURM_JOB_CPUS_PER_NODE | SLURM_CPUS_ON_NODE | SLURM_CPUS_PER_TASK{{kept}}) ;;
    *) unset "$name" ;;
  esac
done

layersweep={{program}}
launcher=({{launcher}})
idle_requeues={{idle_requeues}}
{{environment}}

{{task}}

say() { printf '== %s  %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*"; }
fail() {
  say "error: $*"
  exit 1
}

trap : USR1 # is for the ranks, which Slurm tells themselves; should it come here too, it must not end this script

# Not every Slurm tells a job when it ends, and none tells the first start that it is the first.
shown=$(scontrol show job "$id")
end=$(sed -n 's/^ *StartTime=[^ ]* EndTime=\([0-9T:-]*\) .*/\1/p' <<<"$shown")
limit=
if end=$(date -d "${end:-unknown}" +%s 2>/dev/null); then
  export SLURM_JOB_END_TIME=$end
  limit=" until $(date -u -d "@$end" +%Y-%m-%dT%H:%M:%SZ)"
fi
restarts=$(sed -n 's/^ *Requeue=[01] Restarts=\([0-9]*\) .*/\1/p' <<<"$shown")
export SLURM_RESTART_COUNT=${restarts:-0}

job=$SLURM_JOB_ID
if [ "$id" != "$job" ]; then job="$job ($id)"; fi
say "job $job, start $((SLURM_RESTART_COUNT + 1)), $SLURM_NTASKS ranks on ${SLURM_JOB_NODELIST:-?}$limit: $run"

# Without the wire-up that MPI needs, srun starts every rank as a job of its own.
for word in "${launcher[@]}"; do
  case $word in
    --mpi=none | --mpi=list) fail "$word starts no MPI job: set the launcher to srun --mpi=pmix" ;;
    --mpi=*)
      srun --mpi=list 2>&1 | tr -s '[:space:],' '\n' | grep -Fxq -- "${word#--mpi=}" ||
        fail "this Slurm has no ${word#--mpi=} ('srun --mpi=list' shows what it has): the ranks could not find each other"
      ;;
  esac
done

# What is durable in the run folder, as one word: it changes with every new checkpoint or finished unit.
progress() { "$layersweep" status "$run" --progress 2>/dev/null || echo none; }
counter=$run/requeues.ini
counted() { sed -n "s/^$1 = //p" "$counter" 2>/dev/null; }
count() { # requeues of this job, those of them without progress, progress
  printf 'job = %s\nrequeues = %s\nidle = %s\nprogress = %s\n' "$SLURM_JOB_ID" "$@" >"$counter.part" &&
    mv -f "$counter.part" "$counter" || fail "cannot write $counter"
}

mkdir -p "$run" || fail "cannot make the run folder $run"
if [ "$(counted job)" != "$SLURM_JOB_ID" ]; then count 0 0 "$(progress)"; fi

"${launcher[@]}" "$layersweep" run "$experiment" "${arguments[@]}"
code=$?
case $code in
  75) why="stopped after a checkpoint" ;;
  # SIGUSR1 or SIGTERM ended the ranks themselves: they were told to stop while they still loaded their libraries.
  138 | 143) why="told to stop before the ranks could listen (exit code $code)" ;;
  *)
    say "ended with exit code $code"
    exit $code
    ;;
esac

now=$(progress)
idle=0
if [ "$now" = "$(counted progress)" ]; then idle=$(($(counted idle) + 1)); fi
if [ $idle -ge $idle_requeues ]; then
  count "$(counted requeues)" $idle "$now"
  fail "stopped $idle times in a row without a new checkpoint: ask for more time, or for a larger margin"
fi
count $(($(counted requeues) + 1)) $idle "$now"
say "$why: back into the queue"
scontrol requeue "$id" || fail "could not requeue the job: submit it again, and it goes on from the checkpoint"
