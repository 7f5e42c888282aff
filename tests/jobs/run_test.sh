#!/bin/sh
# A whole small run by command: the same results alone and on two ranks, found done when asked again, refused when it changed.
# usage: run_test.sh LAYERSWEEP MPIEXEC…     (ends with exit code 77 where h5diff is missing)
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
seeds = 3,5
seeds_per_unit = 1
batch = 32
max_steps = 6
validate_every = 3
warm_up = 2
learning_rate = 1e-2
[run]
threads = 1
deterministic = true
INI

expect 0 "a run alone" "$layersweep" run small.ini --set run.folder=alone
expect 0 "a run on two ranks" "$@" 2 "$layersweep" run small.ini --set run.folder=two
for run in alone two; do
  expect 0 "validate $run" "$layersweep" validate $run/results.h5
  expect 0 "inspect $run" "$layersweep" inspect $run/results.h5
  for unit in hidden-3 hidden-5 input-3 input-5; do
    [ -f "$run/units/$unit/done.json" ] || fail "$run: unit $unit is not done"
  done
done

same_results alone/results.h5 two/results.h5 >log || fail "the same results on one and two ranks"
for file in model/model.safetensors statistics/figures.safetensors units/hidden-5/probes.safetensors units/input-3/probes.safetensors; do
  cmp -s "alone/$file" "two/$file" || fail "$file differs"
done

# Asked again, the run finds everything done and gives the same file; also on another number of ranks.
cp alone/results.h5 before.h5
touch before
expect 0 "a second run" "$@" 2 "$layersweep" run small.ini --set run.folder=alone
[ "$(newer before alone/units alone/model alone/statistics)" = 0 ] || fail "the second run did work again"
[ alone/results.h5 -nt before ] || fail "the second run wrote no results"
same_results before.h5 alone/results.h5 >log || fail "the same results again"

# Statistics that are stopped in the middle go on from there, on another number of ranks, to the same bits.
more="--set task.limit=3000 --steps statistics"
# shellcheck disable=SC2086
expect 0 "statistics" "$layersweep" run small.ini $more --set run.folder=whole
mkdir stopped
cp -r whole/model stopped
# shellcheck disable=SC2086
"$layersweep" run small.ini $more --set run.folder=stopped --set run.checkpoint_seconds=0 >log 2>&1 &
while kill -0 $! 2>/dev/null && ! ls stopped/statistics/shard-7-* >/dev/null 2>&1; do sleep 0.02; done
kill -TERM $! 2>/dev/null
wait $!
[ $? = 75 ] || fail "statistics are stopped"
cp -r stopped changed
# shellcheck disable=SC2086
expect 0 "stopped statistics go on" "$@" 2 "$layersweep" run small.ini $more --set run.folder=stopped
cmp -s whole/statistics/figures.safetensors stopped/statistics/figures.safetensors || fail "stopped statistics differ"
[ "$(ls stopped/statistics)" = figures.safetensors ] || fail "parts of the statistics are left"
# They go on from what was kept, and do not begin anew: other kept sums give other figures.
for kept in changed/statistics/shard-*; do
  printf '\0\0\0\0' | dd of="$kept" bs=1 seek=$(($(wc -c <"$kept") - 4)) conv=notrunc 2>/dev/null
done
# shellcheck disable=SC2086
expect 0 "changed statistics go on" "$layersweep" run small.ini $more --set run.folder=changed
cmp -s whole/statistics/figures.safetensors changed/statistics/figures.safetensors && fail "stopped statistics begin anew"

# Units of a run that was stopped early are trained later, and the result is the same.
rm -r alone/units/input-5 alone/results.h5
touch before
expect 0 "a run goes on" "$layersweep" run small.ini --set run.folder=alone
[ "$(newer before alone/units/hidden-3 alone/units/hidden-5 alone/units/input-3)" = 0 ] || fail "other units are trained again"
[ alone/units/input-5/done.json -nt before ] || fail "the missing unit is not trained"
same_results before.h5 alone/results.h5 >log || fail "the same results after going on"

expect 1 "a changed setting" "$layersweep" run small.ini --set run.folder=alone --set probe.epsilon=0.3
named 'probe\.epsilon.*0\.1.*0\.3'
expect 1 "a changed setting on two ranks" "$@" 2 "$layersweep" run small.ini --set run.folder=alone --set probe.batch=16
named 'probe\.batch.*32.*16'
expect 2 "an unknown setting" "$layersweep" run small.ini --set run.folder=alone --set probe.epsilonn=0.3
named 'probe\.epsilonn' 'probe\.epsilon[^n]'

# A damaged unit is named, and nothing is made of it.
printf 'x' | dd of=alone/units/hidden-3/probes.safetensors bs=1 seek=5000 conv=notrunc 2>/dev/null
expect 1 "a damaged unit" "$layersweep" run small.ini --set run.folder=alone
named hidden-3/probes.safetensors
exit 0
