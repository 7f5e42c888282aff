#!/bin/sh
# Extraction by any number of ranks gives the same file, also where there are more ranks than parts of the data.
# usage: extract_test.sh LAYERSWEEP "2 4 …" MPIEXEC…     (ends with exit code 77 where h5diff is missing)
layersweep=$1
numbers=$2
shift 2
# shellcheck source=tests/support/expect.sh
. "$(dirname "$0")/../support/expect.sh"
# shellcheck source=tests/support/same_results.sh
. "$root/tests/support/same_results.sh"

# 130 texts are three parts of at most 64: of four ranks one has none.
cat >small.ini <<'INI'
[task]
name = counting
limit = 130
[finetune]
epochs = 1
[probe]
modes = hidden,input
seeds = 3,5
seeds_per_unit = 1
batch = 32
max_steps = 4
validate_every = 2
warm_up = 2
learning_rate = 1e-2
[extract]
splits = dev
random_control = true
[run]
threads = 1
deterministic = true
INI

expect 0 "a run alone" "$layersweep" run small.ini --set run.folder=alone
for ranks in $numbers; do
  rm -rf many
  cp -r alone many
  rm many/results.h5
  touch before
  start=$(date +%s)
  expect 0 "extraction on $ranks ranks" "$@" "$ranks" "$layersweep" run small.ini --set run.folder=many
  echo "$ranks ranks: $(($(date +%s) - start)) s"
  [ "$(newer before many/units)" = 0 ] || fail "something was trained on $ranks ranks"
  expect 0 "validate the file of $ranks ranks" "$layersweep" validate many/results.h5
  same_results alone/results.h5 many/results.h5 >log || fail "the same results on $ranks ranks"
done
exit 0
