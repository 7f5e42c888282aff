#!/bin/sh
# A run that asks for a GPU where none can be used is refused on every rank before it makes its folder, and says what to do.
# usage: gpu_refused_test.sh LAYERSWEEP MPIEXEC…
layersweep=$1
shift
# shellcheck source=tests/support/expect.sh
. "$(dirname "$0")/../support/expect.sh"
printf '[task]\nname = text\ndata = texts.tsv\n[encoder]\nfolder = model\n' >asks.ini
export CUDA_VISIBLE_DEVICES='' # also where there is a GPU
for launch in "" "$* 2"; do
  # shellcheck disable=SC2086 # words
  expect 1 "a GPU that is not there" $launch "$layersweep" run asks.ini --set run.device=cuda
  named 'run.device = cpu'
  [ "$(grep -c 'error: run.device = cuda' log)" = 1 ] || fail "the setting is not named once"
  [ ! -e runs ] || fail "a run folder was made"
done
exit 0
