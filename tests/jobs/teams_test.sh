#!/bin/sh
# Units over teams of ranks: the same bits for every number of ranks, and what failed is reported, left out and retried.
# usage: teams_test.sh LAYERSWEEP MPIEXEC…     (ends with exit code 77 where h5diff is missing)
layersweep=$1
shift
# shellcheck source=tests/support/expect.sh
. "$(dirname "$0")/../support/expect.sh"
# shellcheck source=tests/support/same_results.sh
. "$root/tests/support/same_results.sh"

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
for unit in hidden-3 hidden-5 hidden-7 input-3 input-5 input-7; do
  cmp -s alone/units/$unit/probes.safetensors four/units/$unit/probes.safetensors || fail "$unit depends on the team"
  [ "$(grep -c "\"unit\":\"$unit\"" log)" = 2 ] || fail "the progress of $unit did not reach standard output"
  # Its log: a head, the progress, an end.
  unit_log=four/units/$unit/log
  head -n 1 "$unit_log" | grep -q "^== [0-9TZ:-]* .* ranks* [0-9].* $(hostname)" || fail "no head in the log of $unit"
  grep -q "Z  .* 20/20" "$unit_log" || fail "the log of $unit holds no progress"
  tail -n 1 "$unit_log" | grep -q 'Z  done$' || fail "the log of $unit does not end well"
  # What its team says, with whatever ranks, is shown once and stands in this log once, and in no other.
  grep -q "Z  unit $unit: " "$unit_log" || fail "nothing that the team of $unit says is in its log"
  sed -n 's/^[^ ]*Z  \(unit .*\)/\1/p' "$unit_log" >said
  while read -r line; do
    [ "$(grep -cxF "$line" log)" = 1 ] && [ "$(grep -cxF "$line" said)" = 1 ] || fail "once: $line"
    case $line in "unit $unit: "*) ;; *) fail "the log of $unit is another's" ;; esac
  done <said
done
head -qn 1 four/units/*/log | grep -q ' ranks* [1-3]' || fail "no unit was trained by a team without rank 0"
same_results alone/results.h5 four/results.h5 >log || fail "the same results alone and on four ranks"

# A unit that failed is left alone, its cells say so, and the exit code too.
cp four/results.h5 before.h5
rm four/units/hidden-5/* four/results.h5
echo "an earlier start" >four/units/hidden-5/log
echo '{"reason": "memory ran out"}' >four/units/hidden-5/failed.json
expect 3 "a run with a failed unit" "$@" 2 "$layersweep" run small.ini --set run.folder=four
named 'hidden-5.*memory ran out'
status four 'unit["hidden-5"]["state"] == "failed" and unit["hidden-5"]["reason"] == "memory ran out"'
expect 0 "validate" "$layersweep" validate four/results.h5
h5dump -d /hidden/status four/results.h5 | grep -q '(1,0): 4, 4' || fail "its cells are not marked as failed"
h5dump -d /hidden/status four/results.h5 | grep -q '(0,0): 1, 1' || fail "the others are not trained"

# Retry trains just that one.
touch mark
expect 0 "retry" "$@" 2 "$layersweep" retry four
[ "$(find four/units -newer mark -name done.json)" = four/units/hidden-5/done.json ] || fail "retry trained something else"
[ ! -f four/units/hidden-5/failed.json ] || fail "the mark of the failure is still there"
status four 'all(one["state"] == "done" for one in unit.values())'
same_results before.h5 four/results.h5 >log || fail "the same results after a retry"
head -n 1 four/units/hidden-5/log | grep -q "an earlier start" || fail "the retry removed the log"
tail -n 1 four/units/hidden-5/log | grep -q 'Z  done$' || fail "the retry is not in the log"
expect 0 "nothing to retry" "$layersweep" retry four
expect 1 "no run folder" "$layersweep" retry nowhere
exit 0
