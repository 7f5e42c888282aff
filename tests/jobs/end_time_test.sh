#!/bin/sh
# A Slurm job whose end comes near: every start stops by itself, after a checkpoint, and the starts together end in the bits
# of a run that nobody stopped. No Slurm is needed: what counts is SLURM_JOB_END_TIME.
# usage: end_time_test.sh LAYERSWEEP MPIEXEC…     (ends with exit code 77 where h5diff is missing)
layersweep=$1
shift
# shellcheck source=tests/support/expect.sh
. "$(dirname "$0")/../support/expect.sh"
# shellcheck source=tests/support/same_results.sh
. "$root/tests/support/same_results.sh"

cat >small.ini <<'INI'
[task]
name = counting
limit = 300
[finetune]
epochs = 1
[probe]
modes = hidden,input
seeds = 3,5
seeds_per_unit = 2
batch = 32
max_steps = 100
validate_every = 25
warm_up = 2
[run]
threads = 1
deterministic = true
INI
unset SLURM_JOB_ID SLURM_NTASKS

began=$(date +%s)
expect 0 "a run that nobody stops" "$layersweep" run small.ini --set run.folder=whole
# A start that ends in the middle of this machine's time for all, so that the first is stopped and every one gets somewhere.
seconds=$((2 + ($(date +%s) - began) / 2))

# By turns alone and on two ranks: a start does not know how many ranks the one before had.
stops=0
for start in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  SLURM_JOB_END_TIME=$(($(date +%s) + seconds))
  export SLURM_JOB_END_TIME
  if [ $((start % 2)) = 1 ]; then
    "$layersweep" run small.ini --set run.folder=stopped >log 2>&1
  else
    "$@" 2 "$layersweep" run small.ini --set run.folder=stopped >log 2>&1
  fi
  code=$?
  unset SLURM_JOB_END_TIME
  [ $code = 0 ] && break
  [ $code = 75 ] || fail "start $start ended with exit code $code"
  grep -q "^stopped .*time" log || fail "start $start does not say why"
  stops=$((stops + 1))
done
[ $code = 0 ] || fail "20 starts did not end the run"
[ $stops -gt 0 ] || fail "no start was stopped: the run is too short for this test"
same_results whole/results.h5 stopped/results.h5 >log || fail "the same results after $stops stops"
for unit in hidden-3-5 input-3-5; do
  cmp -s "whole/units/$unit/probes.safetensors" "stopped/units/$unit/probes.safetensors" || fail "$unit differs"
  [ -z "$(find "stopped/units/$unit" -name 'checkpoint-*')" ] || fail "$unit left checkpoints"
done
echo "the same bits after $stops stops"
exit 0
