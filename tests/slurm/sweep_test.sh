#!/usr/bin/env bash
# Runs submitted by `layersweep submit` on a Slurm of two nodes: a sweep that is signalled goes back into the queue, goes on
# from its checkpoint and ends with the bits of an undisturbed run; an array job runs every seed in its own folder.
# usage: sweep_test.sh LAYERSWEEP SOURCE_FOLDER BINARY_FOLDER
# Ends with exit code 77, saying why, where Slurm is not installed or cannot be started, or namespaces are not permitted.
set -u
layersweep=$1 source_folder=$2 binary_folder=$3
# shellcheck source=tests/slurm/cluster.sh
. "$source_folder/tests/slurm/cluster.sh"
# shellcheck source=tests/support/same_results.sh
. "$source_folder/tests/support/same_results.sh"

cluster_workplace

fail() {
  echo "FAILED: $1"
  scontrol show jobs
  tail -n 40 "$work/cluster/log/slurmctld"
  for file in "$folder"/runs/slurm-*.log "$folder"/runs/*/slurm-*.log "$folder"/runs/*/units/*/log; do
    echo "--- $file"
    tail -n 40 "$file"
  done
  exit 1
}

# within SECONDS WHAT COMMAND…
within() {
  local tries=$(($1 * 5)) what=$2
  shift 2
  until "$@"; do
    tries=$((tries - 1))
    [ $tries -gt 0 ] || fail "waited in vain for $what"
    sleep 0.2
  done
}
submit() { # sets job
  "$layersweep" submit "$@" --nodes 2 --ranks-per-node 1 --time 10 --line "export OMPI_MCA_mpi_yield_when_idle=1" \
    >submitted 2>&1 || fail "submit $*: $(cat submitted)"
  job=$(sed -n 's/^Submitted batch job //p' submitted)
}
ended() { [ -z "$(squeue --noheader --jobs="$1" 2>/dev/null)" ]; }
has_left() { [ "$(squeue --noheader --jobs="$1" --format=%T)" = PENDING ] && [ "$(sinfo --noheader --format=%T)" = idle ]; }
has_checkpoint() { compgen -G "$1/units/*/checkpoint-*[0-9]" >/dev/null; }
said() { grep -q -- "$1" "$log" 2>/dev/null; }
job_has() { # JOB WORD…: of what `scontrol show job` prints
  local word
  for word in "${@:2}"; do scontrol show job "$1" | grep -Eq "(^| )$word( |\$)" || return 1; done
}
status() { # RUN EXPRESSION: prints its value for what `status --json` says, in Python
  "$layersweep" status --json "$1" | python3 -c 'import json, sys; status = json.load(sys.stdin); print(eval(sys.argv[1]))' "$2"
}
step_of() { status "$1" 'status["units"][0].get("step", 0)'; }
has_trained_on() { [ "$(step_of "$1")" -gt "$2" ]; } # RUN STEP
same() { # WHAT RUN REFERENCE UNIT
  same_results "$2/results.h5" "$3/results.h5" || fail "$1: other results"
  cmp "$2/units/$4/probes.safetensors" "$3/units/$4/probes.safetensors" || fail "$1: other probes"
}

# A name that a shell, sbatch and Slurm's file name patterns would each like to read as something else.
folder="$work/it's a \"run\" # \$(touch pwned) 50%j"
mkdir "$folder"
cd "$folder" || exit 1
cat >small.ini <<'INI'
[task]
name = counting
limit = 200
[finetune]
epochs = 1
[probe]
modes = hidden
seeds = 3,5
seeds_per_unit = 0 # one unit, so that both nodes share every step
batch = 32
max_steps = 240
validate_every = 120
warm_up = 2
learning_rate = 1e-2
[run]
threads = 1
deterministic = true
checkpoint_seconds = 0
INI

cluster_start_or_skip "$source_folder" "$binary_folder"

"$layersweep" doctor >told 2>&1 || fail "doctor: $(cat told)"
grep -q "^ *Slurm: .*pmix" told || fail "doctor does not tell of PMIx: $(cat told)"

# Without Slurm, as one rank: what the others must equal.
"$layersweep" run small.ini --set run.folder=alone --set run.checkpoint_seconds=1000 >alone.log 2>&1 || fail "the run alone"
"$layersweep" run small.ini --set run.folder=seed --set probe.seeds=5 --set probe.max_steps=6 >seed.log 2>&1 || fail "one seed"

# A sweep, cancelled while it trains: it is over, but nothing is lost.
submit small.ini
log=$folder/runs/small/slurm-$job.log
within 90 "a checkpoint" has_checkpoint "$folder/runs/small"
scancel "$job"
within 60 "the cancelled job's end" ended "$job"
job_has "$job" JobState=CANCELLED Restarts=0 || fail "the cancelled job is not cancelled, or put itself back"
has_checkpoint runs/small || fail "the cancelled job lost its checkpoint"

# The same again, told to stop as at the time limit.
left=$(step_of runs/small)
submit small.ini
within 90 "training" has_trained_on runs/small "$left"
scancel --signal=USR1 "$job"
within 60 "the requeue" job_has "$job" Restarts=1
[ "$(status runs/small '[status["requeues"][key] for key in ("job", "count", "idle")]')" = "['$job', 1, 0]" ] ||
  fail "status does not tell of the requeue"
stopped=$(step_of runs/small)
! [ -e runs/small/results.h5 ] || fail "the run had ended before it was told to stop"
within 60 "the requeued job to leave its nodes" has_left "$job"
# A start in the second of the requeue meets a revoked credential: Slurm compares them by whole seconds.
sleep 2
scontrol update "JobId=$job" StartTime=now || fail "the second start" # Slurm lets requeued jobs wait for two minutes
within 150 "the end" ended "$job"
job_has "$job" JobState=COMPLETED ExitCode=0:0 Restarts=1 || fail "the second start did not end well"
same "stopped and gone on" runs/small alone hidden-3-5
log=$folder/runs/small/units/hidden-3-5/log # one of all starts, of both jobs
for start in 1 2; do
  said "^== .* $start .*job $job: .* n1, .* n2;" || fail "the unit's log does not tell of start $start"
done
[ "$(grep -c "unit hidden-3-5: .* $stopped\$" "$log")" -eq 2 ] || fail "the unit's log does not tell where it stopped and went on"
tail -n 1 "$log" | grep -q "  done$" || fail "the unit's log does not tell of the end"
"$layersweep" inspect runs/small/results.h5 | grep -q "n1 (rank 0.*n2 (rank 1" || fail "not on both nodes"
[ "$(status runs/small '[unit["state"] for unit in status["units"]]')" = "['done']" ] || fail "status: not done"

# An array job with a task for each seed.
submit small.ini --array seeds --set probe.max_steps=6 --set run.folder=runs/array
within 90 "the array job" ended "$job"
for task in 0 1; do
  job_has "${job}_$task" JobState=COMPLETED ExitCode=0:0 || fail "task $task of the array"
done
same "seed 5 of the array" runs/array/probe.seeds=5 seed hidden-5
[ -e runs/array/probe.seeds=3/results.h5 ] || fail "seed 3 of the array"

# Ranks that cannot find each other are not started; another exit code than 75 ends the job.
submit small.ini --set run.folder=runs/none --launcher "srun --mpi=pmi9"
log=$folder/runs/none/slurm-$job.log
within 60 "the refusal" ended "$job"
job_has "$job" JobState=FAILED ExitCode=1:0 || fail "a job without the wire-up did not fail"
said "error: .*pmi9" || fail "the missing wire-up is not named"
[ ! -e runs/none/experiment.ini ] || fail "it ran all the same"

[ -z "$(find "$work" -name 'pwned*')" ] || fail "a name became a command"
echo "all passed"
