#!/bin/bash
{{sbatch}}

# Made by `layersweep submit` (docs/slurm.md); it can be submitted by hand with sbatch. At the time limit the ranks write a
# checkpoint and end with exit code 75; the job then puts itself back into the queue, and its next start goes on from there.
set -u

layersweep={{program}}
launcher=({{launcher}})
idle_requeues={{idle_requeues}}
{{environment}}

case ${SLURM_ARRAY_TASK_ID:-0} in
{{tasks}}
  *)
    echo "error: this job has no task ${SLURM_ARRAY_TASK_ID}" >&2
    exit 2
    ;;
esac

say() { printf '== %s  %s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$*"; }
fail() {
  say "error: $*"
  exit 1
}

trap : USR1 # is for the ranks, which Slurm tells themselves; should it come here too, it must not end this script

# An array's last task has the number of the array, by which scontrol would mean all of its tasks.
id=$SLURM_JOB_ID job=$SLURM_JOB_ID
if [ -n "${SLURM_ARRAY_JOB_ID:-}" ]; then id=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID job="$job ($id)"; fi
say "job $job, start $((${SLURM_RESTART_COUNT:-0} + 1)), ${SLURM_NTASKS:-?} ranks on ${SLURM_JOB_NODELIST:-?}: $run"

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
