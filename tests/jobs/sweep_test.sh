#!/bin/sh
# A sweep: a run folder for every combination, checked before anything runs, resumed, and the worst exit code.
# usage: sweep_test.sh LAYERSWEEP MPIEXEC…
layersweep=$1
shift
# shellcheck source=tests/support/expect.sh
. "$(dirname "$0")/../support/expect.sh"

cat >small.ini <<'INI'
[task]
name = counting
limit = 100
[finetune]
epochs = 1
[probe]
modes = hidden
batch = 32
max_steps = 3
validate_every = 3
warm_up = 2
[run]
threads = 1
folder = out
[sweep]
probe.epsilon = 0.05,0.1
INI

expect 2 "a wrong value" "$layersweep" run small.ini --sweep probe.batch=16,none
[ ! -e out ] || fail "something ran although a combination is wrong"
expect 2 "a list" "$layersweep" run small.ini --sweep probe.seeds=1,2
[ ! -e out ] || fail "something ran although seeds cannot be swept"

expect 0 "four combinations on two ranks" "$@" 2 "$layersweep" run small.ini --sweep probe.batch=16,32
for epsilon in 0.05 0.1; do
  for batch in 16 32; do
    run=out/probe.epsilon=$epsilon/probe.batch=$batch
    [ -f "$run/results.h5" ] || fail "$run has no results"
    grep -q "^epsilon = $epsilon$" "$run/experiment.ini" && grep -q "^batch = $batch$" "$run/experiment.ini" ||
      fail "$run is not the experiment that it is named after"
  done
done

# What is done is found; what is missing is made up for; what fails does not keep the others from being run.
rm -r out/probe.epsilon=0.05/probe.batch=32/units/hidden-0
printf 'x' | dd of=out/probe.epsilon=0.05/probe.batch=16/units/hidden-0/probes.safetensors bs=1 seek=5000 conv=notrunc 2>/dev/null
touch before
expect 1 "the same again" "$layersweep" run small.ini --sweep probe.batch=16,32
named 'probe\.epsilon=0\.05.*probe\.batch=16.*hidden-0/probes.safetensors'
status out/probe.epsilon=0.05/probe.batch=32 'unit["hidden-0"]["state"] == "done"'
[ "$(newer before out/*/*/units)" = "$(newer before out/probe.epsilon=0.05/probe.batch=32/units)" ] ||
  fail "runs that were done are trained again"
exit 0
