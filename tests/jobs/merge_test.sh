#!/bin/sh
# Files that were merged hold, variable by variable, what one run with all of their seeds, modes or splits writes; what does
# not fit together is refused with the reason, and nothing is left behind.
# usage: merge_test.sh LAYERSWEEP     (ends with exit code 77 where h5diff is missing)
layersweep=$1
# shellcheck source=tests/support/expect.sh
. "$(dirname "$0")/../support/expect.sh"
# shellcheck source=tests/support/same_results.sh
. "$root/tests/support/same_results.sh"

cat >small.ini <<'INI'
[task]
name = counting
limit = 100
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
[extract]
splits = dev,test
[explain]
methods = leave_one_out,exact_erasure,integrated_gradients
splits = dev,test
limit = 30
replacement = mean
integration_steps = 4
shares = 0.2,0.5
[run]
threads = 1
deterministic = true
INI
explained="probe_hidden probe_input leave_one_out exact_erasure integrated_gradients random"
# Times are never the same twice.
times="--exclude-path /evaluation/seconds"
for method in $explained; do times="$times --exclude-path /explain/$method/seconds"; done
# Means over the texts of both splits, of which files hold nothing but means over their own.
means="/evaluation/aopc_comprehensiveness_shuffled_head /evaluation/aopc_sufficiency_shuffled_head"
inexact=
for mean in $means; do inexact="$inexact --exclude-path $mean"; done

# run NAME SETTING…: a run of its own, on the same fine-tuned model
run() {
  name=$1
  shift
  mkdir -p "$name"
  if [ -d one/model ]; then cp -r one/model "$name/model"; fi
  for setting in "$@"; do set -- "$@" --set "$setting"; shift; done
  expect 0 "run $name" "$layersweep" run small.ini --set run.folder="$name" "$@"
}
run one
run a probe.seeds=3
run b probe.seeds=5
run hidden probe.modes=hidden
run input probe.modes=input
run dev extract.splits=dev explain.splits=dev
run test extract.splits=test explain.splits=test

# merged NAME WHAT TOLERANCE SOURCE…: is as the one run
merged() {
  name=$1
  what=$2
  tolerance=$3
  shift 3
  expect 0 "merge $what" "$layersweep" merge "$@" --output "$name.h5"
  expect 0 "validate $what" "$layersweep" validate "$name.h5"
  [ -f "$name.h5.sha256" ] || fail "$what: no sum beside the file"
  if [ -n "$tolerance" ]; then
    # Near-equal probabilities may change places by rounding, which a rank correlation notices.
    for mode in input hidden; do
      h5diff -d 0.01 one/results.h5 "$name.h5" /$mode/agreement_spearman /$mode/agreement_spearman >log ||
        fail "$what: agreement_spearman as in one run"
    done
    # shellcheck disable=SC2086
    same_results one/results.h5 "$name.h5" -d "$tolerance" --exclude-path /input/agreement_spearman \
      --exclude-path /hidden/agreement_spearman $times >log ||
      fail "$what: the same as one run"
  else
    # shellcheck disable=SC2086
    same_results one/results.h5 "$name.h5" $times $inexact >log || fail "$what: the same as one run"
    for mean in $means; do
      h5diff -d 1e-6 one/results.h5 "$name.h5" "$mean" "$mean" >log || fail "$what: $mean as in one run"
    done
  fi
  for method in $explained; do
    h5dump -A 0 -d "/explain/$method/seconds" "$name.h5" | grep -q nan && fail "$what: no time of $method"
  done
  for source in "$@"; do
    h5dump -a /merged_from "$name.h5" | tr -d '\n' | grep -q "$source (sha256" || fail "$what: $source is not named"
  done
}
# Extraction takes the copies of all seeds through one product, whose sums are then in another order: probabilities and
# divergences of order 1 differ by rounding.
merged seeds "seeds" 1e-5 a/results.h5 b/results.h5
merged modes "modes" "" hidden/results.h5 input/results.h5
merged splits "splits" "" dev/results.h5 test/results.h5
h5dump -a /history seeds.h5 | grep -c 'layersweep run small.ini' | grep -q 2 || fail "the history names the two runs"

# A part that is there twice, merged files merged again, and another order of splits.
merged twice "what is there twice" 1e-5 a/results.h5 seeds.h5 b/results.h5
expect 0 "splits in another order" "$layersweep" merge test/results.h5 dev/results.h5 --output turned.h5
expect 0 "in this order again" "$layersweep" merge dev/results.h5 turned.h5 --output again.h5
same_results splits.h5 again.h5 $times $inexact >log || fail "the same after a turn"

# What nobody has stays missing: the masks of seed 5 on the test split.
run b-dev probe.seeds=5 extract.splits=dev explain.splits=dev
expect 0 "a hole" "$layersweep" merge a/results.h5 b-dev/results.h5 --output hole.h5
expect 0 "validate a hole" "$layersweep" validate hole.h5
h5dump -A 0 -d /hidden/kl -s 1,0,0 -c 1,1,100 hole.h5 >cells && grep -q nan cells && fail "masks on dev are missing"
h5dump -A 0 -d /hidden/kl -s 1,0,100 -c 1,1,100 hole.h5 | grep -c '(1,0,.*: nan, nan' >/dev/null || fail "masks on test are there"
# Seeds are compared on the texts of which all have masks: those that the run `dev` has.
for figure in iou spearman kappa; do
  h5diff -d 0.01 hole.h5 dev/results.h5 /hidden/agreement_$figure /hidden/agreement_$figure >log || fail "agreement_$figure with a hole"
  h5dump -d /hidden/agreement_$figure hole.h5 | grep -q '(0): .*[0-9]' || fail "agreement_$figure with a hole is missing"
done

# Statistics and explanations that do not depend on the probes may come from one of the files alone.
mkdir bare && cp -r one/model bare/model
expect 0 "a bare run" "$layersweep" run small.ini --set run.folder=bare --set probe.seeds=5 --set explain.methods=none \
  --steps finetune,probe,extract
expect 0 "with a bare run" "$layersweep" merge bare/results.h5 a/results.h5 --output dressed.h5
expect 0 "validate it" "$layersweep" validate dressed.h5
for part in /statistics/mean /explain/leave_one_out /explain/random /evaluation/clean_probability; do
  h5diff a/results.h5 dressed.h5 $part $part >log || fail "$part from one of the files"
done
h5dump -a /experiment dressed.h5 | grep -q 'methods = leave_one_out,exact_erasure' || fail "the experiment says what was explained"

# refused WHAT PATTERN SOURCE…: the message names what the pattern matches
refused() {
  refusal=$1
  pattern=$2
  shift 2
  expect 1 "$refusal" "$layersweep" merge "$@" --output refused.h5
  named "$pattern"
  [ ! -e refused.h5 ] && [ ! -e refused.h5.part ] || fail "$refusal left a file"
}
run steps probe.max_steps=3
refused "other settings" "one/results.h5.*steps/results.h5.*probe.max_steps.*6.*3" one/results.h5 steps/results.h5
run shards run.shards=4
refused "another training" "one/results.h5.*shards/results.h5.*\(input\|hidden\)/" one/results.h5 shards/results.h5
mv one/model model
run encoder finetune.seed=1
mv model one/model
refused "another encoder" "one/results.h5.*encoder/results.h5.*model.safetensors" one/results.h5 encoder/results.h5
run sample probe.seeds=5 statistics.seed=1
refused "another sample for statistics" "a/results.h5.*sample/results.h5.*statistics.seed.*0.*1" a/results.h5 sample/results.h5
run searched probe.seeds=5 explain.replacement=zero
refused "other explanations" "explain.replacement.*mean.*zero.*explain.methods=none" a/results.h5 searched/results.h5
cp a/results.h5 damaged.h5
printf 'x' | dd of=damaged.h5 bs=1 seek=3000 conv=notrunc 2>/dev/null
cp a/results.h5.sha256 damaged.h5.sha256
refused "a damaged file" "damaged.h5.*sha256" damaged.h5 b/results.h5
cp a/results.h5 more.h5
h5copy -i a/results.h5 -o more.h5 -s /hidden -d /extra || fail "h5copy"
refused "other groups" "more.h5.*/extra" more.h5 b/results.h5
touch before
expect 1 "onto a source" "$layersweep" merge one/results.h5 a/results.h5 --output one/results.h5
named one/results.h5
[ "$(newer before one)" = 0 ] || fail "onto a source: it was written to"
expect 2 "one file" "$layersweep" merge one/results.h5 --output refused.h5
expect 2 "no output" "$layersweep" merge one/results.h5 a/results.h5
exit 0
