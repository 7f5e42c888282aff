#!/bin/sh
# Points shared out over groups of ranks, by whole runs: points only on two ranks, points and data on four, results as of one
# rank, the same bits after a stop; and when ranks do it by themselves.
# usage: point_groups_test.sh LAYERSWEEP MPIEXEC…     (ends with exit code 77 where h5diff is missing)
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
seeds = 3,5
seeds_per_unit = 2
batch = 32
max_steps = 20
validate_every = 10
warm_up = 2
[extract]
random_control = true
[run]
threads = 1
deterministic = true
INI

for mode in hidden input; do
  expect 0 "$mode alone" "$layersweep" run small.ini --set probe.modes=$mode --set run.folder=$mode-alone
  for ranks in 2 4; do
    expect 0 "$mode, two groups of $ranks ranks" "$@" $ranks "$layersweep" run small.ini --set probe.modes=$mode \
      --set run.point_groups=2 --set run.folder=$mode-$ranks
    grep -q "^unit $mode-3-5: .* 0 .* $((ranks - 1)), 2 groups" log || fail "no groups"
    expect 0 "validate" "$layersweep" validate $mode-$ranks/results.h5
    # Other sizes of products and another order of sums, over 20 steps.
    same_results $mode-alone/results.h5 $mode-$ranks/results.h5 -d 1e-3 >log || fail "$mode: results as of one rank"
  done
done

# Stopped and gone on in the same layout.
"$@" 4 "$layersweep" run small.ini --set probe.modes=hidden --set run.point_groups=2 --set run.checkpoint_seconds=0.1 \
  --set run.folder=stopped >log 2>&1 &
job=$!
waited=0
until [ -n "$(find stopped/units -name 'checkpoint-*' 2>/dev/null)" ] || [ $waited = 600 ]; do
  sleep 0.1
  waited=$((waited + 1))
done
kill -USR1 $job
wait $job
code=$?
[ $code = 75 ] || fail "a run that was asked to stop ended with exit code $code"
expect 0 "the run goes on" "$@" 4 "$layersweep" run small.ini --set probe.modes=hidden --set run.point_groups=2 --set run.folder=stopped
cmp -s hidden-4/units/hidden-3-5/probes.safetensors stopped/units/hidden-3-5/probes.safetensors ||
  fail "the same bits after a stop"

# More ranks than shards: the points too are shared out, but not where results must not depend on the number of ranks.
few="--set run.shards=2 --set probe.modes=hidden"
# shellcheck disable=SC2086 # words
expect 0 "four ranks, two shards" "$@" 4 "$layersweep" run small.ini $few --set run.deterministic=false --set run.folder=more
grep -q "^unit hidden-3-5: .* 0 .* 3, 2 groups" log || fail "ranks without a shard are idle"
# shellcheck disable=SC2086
expect 0 "one rank, two shards" "$layersweep" run small.ini $few --set run.folder=shards-alone
# shellcheck disable=SC2086
expect 0 "four ranks, two shards, deterministic" "$@" 4 "$layersweep" run small.ini $few --set run.folder=shards-four
same_results shards-alone/results.h5 shards-four/results.h5 >log || fail "the same bits on any number of ranks"
exit 0
