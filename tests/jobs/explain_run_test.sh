#!/bin/sh
# Explainers within a small run: the same attributions alone and on two ranks, added to a run that was done, not done twice.
# usage: explain_run_test.sh LAYERSWEEP MPIEXEC…     (ends with exit code 77 where h5diff is missing)
layersweep=$1
shift
command -v h5diff >/dev/null || { echo "no h5diff: it comes with the HDF5 tools"; exit 77; }
# shellcheck source=tests/support/expect.sh
. "$(dirname "$0")/../support/expect.sh"

cat >small.ini <<'INI'
[task]
name = counting
limit = 150
[finetune]
epochs = 1
[probe]
modes = hidden,input
seeds = 3,5
batch = 32
max_steps = 4
warm_up = 2
[extract]
splits = test
[explain]
limit = 40
search_steps = 6
samples = 2
integration_steps = 8
[run]
threads = 1
deterministic = true
INI
all=leave_one_out,exact_erasure,greedy_erasure,diffmask,reinforce,integrated_gradients,gradient_times_input,schulz,guan

# Explainers are asked for after the run was done: its folder takes them.
expect 0 "a run without explainers" "$layersweep" run small.ini --set run.folder=alone
if h5ls alone/results.h5 | grep -q explain; then fail "explanations that nobody asked for"; fi
expect 0 "with two" "$layersweep" run small.ini --set run.folder=alone --set explain.methods=guan,leave_one_out
touch before
expect 0 "with all" "$layersweep" run small.ini --set run.folder=alone --set explain.methods=$all
# 12 methods with 3 parts of at most 16 texts each, of which 3 probes and random, guan and leave_one_out were there.
[ "$(newer before alone/explain)" = 21 ] || fail "what was explained is explained again"
expect 0 "validate" "$layersweep" validate alone/results.h5
touch before
expect 0 "again" "$layersweep" run small.ini --set run.folder=alone --set explain.methods=$all
[ "$(newer before alone/explain)" = 0 ] || fail "the second run explained again"

expect 0 "on two ranks" "$@" 2 "$layersweep" run small.ini --set run.folder=two --set explain.methods=$all
for method in probe_hidden probe_input random $(echo $all | tr , ' '); do
  h5diff alone/results.h5 two/results.h5 "/explain/$method/attribution" >log 2>&1 || fail "$method: the same on two ranks"
done
for name in comprehensiveness sufficiency aopc_comprehensiveness aopc_sufficiency kept_probability dropped_probability \
  aopc_comprehensiveness_shuffled_head aopc_sufficiency_shuffled_head truth_kl truth_js truth_f1 clean_probability method_name; do
  h5diff alone/results.h5 two/results.h5 "/evaluation/$name" >log 2>&1 || fail "$name: the same on two ranks"
done

# Stopped in the middle, the same command goes on from there, on another number of ranks, to the same attributions.
cp -r alone stopped
rm -r stopped/explain stopped/results.h5*
"$layersweep" run small.ini --set run.folder=stopped --set explain.methods=$all >log 2>&1 &
while kill -0 $! 2>/dev/null && [ ! -e stopped/explain/leave_one_out/1.safetensors ]; do sleep 0.01; done
kill -TERM $! 2>/dev/null
wait $!
[ $? = 75 ] || fail "explaining is stopped"
there=$(find stopped/explain -name '*.safetensors' | wc -l)
[ "$there" -gt 0 ] && [ "$there" -lt 36 ] || fail "nothing is left to do"
touch before
expect 0 "stopped explaining goes on" "$@" 2 "$layersweep" run small.ini --set run.folder=stopped --set explain.methods=$all
[ "$(newer before stopped/explain)" = $((36 - there)) ] || fail "stopped explaining begins anew"
for method in leave_one_out diffmask guan; do
  h5diff alone/results.h5 stopped/results.h5 "/explain/$method/attribution" >log 2>&1 || fail "$method: the same after a stop"
done

# Explainers added to a run by another folder's file.
expect 0 "a run with one" "$layersweep" run small.ini --set run.folder=few --set explain.methods=guan
expect 0 "a merge" "$layersweep" merge few/results.h5 two/results.h5 --output merged.h5
for method in probe_hidden probe_input random $(echo $all | tr , ' '); do
  h5diff two/results.h5 merged.h5 "/explain/$method/attribution" >log 2>&1 || fail "$method: the same after a merge"
done

# Other texts are other explanations.
for split in test dev; do
  touch before
  expect 0 "texts of $split" "$layersweep" run small.ini --set run.folder=both --set explain.methods=leave_one_out \
    --set extract.splits=dev,test --set explain.splits=$split
  [ "$(newer before both/explain)" = 12 ] || fail "texts of $split are not explained"
done

# Another setting is another explanation.
touch before
expect 0 "another replacement" "$layersweep" run small.ini --set run.folder=alone --set explain.methods=leave_one_out \
  --set explain.replacement=zero
[ "$(newer before alone/explain)" = 12 ] || fail "a changed replacement changes nothing"
expect 0 "without the control" "$layersweep" run small.ini --set run.folder=alone --set explain.methods=leave_one_out \
  --set explain.shuffled_head=false
h5dump -d /evaluation/aopc_sufficiency_shuffled_head alone/results.h5 | grep -q '(0,0): nan' || fail "a control that nobody asked for"
expect 2 "a split that is not extracted" "$layersweep" run small.ini --set explain.methods=guan --set explain.splits=dev
echo "OK"
