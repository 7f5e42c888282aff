#!/usr/bin/env bash
# A run that asks for a GPU where none can be used is refused on every rank before it makes its folder, and says what to do.
#   gpu_refused_test.sh PROGRAM [LAUNCHER…]
set -euo pipefail
program=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
printf '[task]\nname = text\ndata = texts.tsv\n[encoder]\nfolder = model\n' >asks.ini
for launch in "" "$* 2"; do
  code=0
  # Also where there is a GPU it is not shown.
  # shellcheck disable=SC2086
  CUDA_VISIBLE_DEVICES='' $launch "$program" run asks.ini --set run.device=cuda >out 2>&1 || code=$?
  test "$code" -eq 1 || { echo "exit code $code" && cat out && exit 1; }
  test "$(grep -c 'run.device = cuda, but no GPU can be used here' out)" -eq 1 || { cat out && exit 1; }
  grep -q 'run.device = cpu' out || { cat out && exit 1; }
  test ! -e runs || { echo "a run folder was made" && exit 1; }
done
