#!/usr/bin/env bash
# Makes tests/jobs/fixtures/run-layout-1.tar.gz: a finished run on a tiny BERT (both modes, two seeds, statistics, explainers),
# as this version of layersweep leaves it. Later versions must read its results file, and go on with its run folder or refuse
# it by name (tests/jobs/old_run_test.py). It is made once: made again it would be a run of another version.
#   scripts/make_run_fixture.sh LAYERSWEEP
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

layersweep=$(realpath "$1")
target=$root/tests/jobs/fixtures/run-layout-1.tar.gz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 "$root/tests/jobs/make_tiny_texts.py" .
cp -r "$root/tests/model/fixtures/tiny-bert" encoder
cat >old.ini <<'INI'
[task]
name = text
data = own
[encoder]
folder = encoder
[finetune]
epochs = 1
batch = 8
[probe]
modes = hidden,input
seeds = 0,1
batch = 8
max_steps = 4
validate_every = 2
warm_up = 2
[extract]
splits = test
[statistics]
cka_tokens = 100
[explain]
methods = leave_one_out,attention
limit = 4
[run]
folder = run
threads = 1
deterministic = true
INI
"$layersweep" run old.ini
rm -rf run/lock encoder
# The same archive whenever it is made of the same files.
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - old.ini own run | gzip -9n >"$target"
say "$target: $(stat -c %s "$target") bytes"
