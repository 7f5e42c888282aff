#!/bin/sh
# Encoders of 12 and 24 layers by whole runs, their 14 points over 4 ranks and 26 points over 8: every rank with points of
# its own, and two ranks to a group; results as of one rank, in both modes.
# usage: deep_points_test.sh LAYERSWEEP MPIEXEC…     (ends with exit code 77 where h5diff is missing)
layersweep=$1
shift
# shellcheck source=tests/support/expect.sh
. "$(dirname "$0")/../support/expect.sh"
# shellcheck source=tests/support/same_results.sh
. "$root/tests/support/same_results.sh"
python3 "$here/make_tiny_texts.py" . || fail "making texts"
export LAYERSWEEP_DATA="$PWD"

cat >small.ini <<'INI'
[task]
name = text
data = own
[finetune]
epochs = 0
[probe]
batch = 8
max_steps = 3
validate_every = 3
warm_up = 2
calibrate = false
[extract]
splits = dev
[run]
threads = 1
deterministic = true
INI

# over LAYERS RANKS MPIEXEC…
over() {
  layers=$1
  ranks=$2
  shift 2
  python3 "$here/make_deep_encoder.py" "bert-$layers" "$layers" || fail "making an encoder"
  for mode in hidden input; do
    run="run small.ini --set encoder.folder=bert-$layers --set probe.modes=$mode"
    # shellcheck disable=SC2086 # words
    expect 0 "$mode, $layers layers alone" "$layersweep" $run --set run.folder=alone
    for groups in "$ranks" $((ranks / 2)); do
      # shellcheck disable=SC2086
      expect 0 "$mode, $layers layers in $groups groups" "$@" "$ranks" "$layersweep" $run --set run.point_groups="$groups" \
        --set run.folder="$groups"
      grep -q "^unit $mode-0: .* 0 .* $((ranks - 1)), $groups groups" log || fail "$mode: no groups"
      expect 0 "validate" "$layersweep" validate "$groups/results.h5"
      # Other sizes of products and another order of sums, through many layers.
      same_results alone/results.h5 "$groups/results.h5" -d 1e-3 >log ||
        fail "$mode, $layers layers, $groups groups: results as of one rank"
      rm -r "$groups"
    done
    rm -r alone
  done
}
over 12 4 "$@"
over 24 8 "$@"
exit 0
