#!/bin/sh
# Units over teams of ranks: the same bits for every number of ranks, and what failed is reported, left out and retried.
# usage: teams_test.sh LAYERSWEEP MPIEXEC…     (ends with exit code 77 where h5diff is missing)
set -u
layersweep=$1
shift
support=$(cd "$(dirname "$0")/../support" && pwd)
# shellcheck source=tests/support/expect.sh
. "$support/expect.sh"
# shellcheck source=tests/support/same_results.sh
. "$support/same_results.sh"

cat >small.ini <<'INI'
[task]
name = counting
limit = 200
[finetune]
epochs = 1
[probe]
modes = hidden,input
seeds = 3,5,7
seeds_per_unit = 1
batch = 32
max_steps = 20
calibrate = true
validate_every = 10
warm_up = 2
learning_rate = 1e-2
[run]
threads = 1
deterministic = true
json_log = true
INI

expect 0 "a run alone" "$layersweep" run small.ini --set run.folder=alone
expect 0 "a run on four ranks" "$@" 4 "$layersweep" run small.ini --set run.folder=four
grep -q '^unit .*: ranks* [1-3]' log || fail "no unit was trained by a team without rank 0"
for unit in hidden-3 hidden-5 hidden-7 input-3 input-5 input-7; do
  cmp -s alone/units/$unit/probes.safetensors four/units/$unit/probes.safetensors || fail "$unit depends on the team"
  [ "$(grep -c "\"unit\":\"$unit\"" log)" = 2 ] || fail "the progress of $unit did not reach standard output"
  unit_log=four/units/$unit/log
  grep -q "^== [0-9TZ:-]*  start, process [0-9]*: ranks* [0-9].* on $(hostname)" "$unit_log" || fail "no head in the log of $unit"
  grep -q "Z  step 20/20, .* KL" "$unit_log" || fail "the log of $unit holds no progress"
  tail -n 1 "$unit_log" | grep -q 'Z  done$' || fail "the log of $unit does not end well"
done
# What a team says, with whatever ranks, is shown and stands in its unit's log, and in no other's.
[ "$(grep -c '^unit .*: calibrating' log)" = 6 ] || fail "not every team is heard"
for unit in hidden-3 hidden-5 hidden-7 input-3 input-5 input-7; do
  [ "$(grep -c 'calibrating' four/units/$unit/log)" = 1 ] || fail "the calibration of $unit is not in its log once"
  grep -q "unit $unit: calibrating" four/units/$unit/log || fail "the log of $unit is another's"
done
same_results alone/results.h5 four/results.h5 >log || fail "the same results alone and on four ranks"
[ "$(grep -c ': done before' log)" = 0 ] || fail "something was done before"

# A unit that failed is left alone, its cells say so, and the exit code too.
cp four/results.h5 before.h5
rm four/units/hidden-5/* four/results.h5
echo "an earlier start" >four/units/hidden-5/log
echo '{"reason": "memory ran out"}' >four/units/hidden-5/failed.json
expect 3 "a run with a failed unit" "$@" 2 "$layersweep" run small.ini --set run.folder=four
grep -q 'hidden-5: failed before (memory ran out)' log || fail "the failed unit is not named"
[ ! -f four/units/hidden-5/done.json ] || fail "the failed unit was trained"
expect 0 "validate" "$layersweep" validate four/results.h5
h5dump -d /hidden/status four/results.h5 | grep -q '(1,0): 4, 4' || fail "its cells are not marked as failed"
h5dump -d /hidden/status four/results.h5 | grep -q '(0,0): 1, 1' || fail "the others are not trained"

# Retry trains just that one.
touch mark
expect 0 "retry" "$@" 2 "$layersweep" retry four
[ "$(find four/units -newer mark -name done.json)" = four/units/hidden-5/done.json ] || fail "retry trained something else"
[ ! -f four/units/hidden-5/failed.json ] || fail "the mark of the failure is still there"
same_results before.h5 four/results.h5 >log || fail "the same results after a retry"
head -n 1 four/units/hidden-5/log | grep -q "an earlier start" || fail "the retry removed the log"
tail -n 1 four/units/hidden-5/log | grep -q 'Z  done$' || fail "the retry is not in the log"
expect 0 "nothing to retry" "$layersweep" retry four
expect 1 "no run folder" "$layersweep" retry nowhere
exit 0
