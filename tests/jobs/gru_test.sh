#!/bin/sh
# The recurrent model through every job and command, on the word embeddings of a tiny encoder: the same bits on one and two
# ranks, and again after the probes were lost; then its folder as an encoder, whole and damaged.
# usage: gru_test.sh LAYERSWEEP MPIEXEC…     (ends with exit code 77 where h5diff is missing)
layersweep=$1
shift
# shellcheck source=tests/support/expect.sh
. "$(dirname "$0")/../support/expect.sh"
# shellcheck source=tests/support/same_results.sh
. "$root/tests/support/same_results.sh"
python3 "$here/make_tiny_texts.py" . || fail "making texts"
fixtures=$root/tests/model/fixtures
export LAYERSWEEP_DATA="$PWD"

# The experiment of the repository, made small.
cp "$root/experiments/sst-gru.ini" gru.ini
small="--set encoder.folder=$fixtures/tiny-bert --set finetune.epochs=2 --set finetune.batch=8 --set probe.batch=8
  --set probe.max_steps=4 --set probe.validate_every=2 --set run.threads=1 --set run.deterministic=true"
# shellcheck disable=SC2086
expect 0 "plan" "$layersweep" plan gru.ini $small
grep -q 'gru,.* 32,.* 32' log || fail "the plan does not know the model"
# shellcheck disable=SC2086
expect 0 "one rank" "$layersweep" run gru.ini $small --set run.folder=alone
# shellcheck disable=SC2086
expect 0 "two ranks" "$@" 2 "$layersweep" run gru.ini $small --set run.folder=two
same_results alone/results.h5 two/results.h5 >log || fail "the same results on one and two ranks"
for file in model/model.safetensors units/hidden-0/probes.safetensors units/input-0/probes.safetensors; do
  cmp -s "alone/$file" "two/$file" || fail "$file differs"
done
expect 0 "validate" "$layersweep" validate alone/results.h5
for variable in hidden/keep_probability input/keep_probability logits token_sentiment; do
  h5ls "alone/results.h5/$variable" >log 2>&1 || fail "$variable is not in the results"
done
cp alone/results.h5 before.h5
rm -r alone/units/hidden-0 alone/results.h5
touch before
# shellcheck disable=SC2086
expect 0 "a run goes on" "$layersweep" run gru.ini $small --set run.folder=alone
[ "$(newer before alone/model)" = 0 ] || fail "the model is trained again"
same_results before.h5 alone/results.h5 >log || fail "the same results after going on"

# Other explainers, added to both runs.
few="--set explain.splits=test --set explain.limit=6 --set explain.search_steps=4 --set explain.samples=2
  --set explain.integration_steps=4"
methods=leave_one_out,gradient_times_input,guan
# shellcheck disable=SC2086
expect 0 "explain sentences, one rank" "$layersweep" run gru.ini $small $few --set run.folder=alone \
  --set explain.methods=$methods
# shellcheck disable=SC2086
expect 0 "explain sentences, two ranks" "$@" 2 "$layersweep" run gru.ini $small $few --set run.folder=two \
  --set explain.methods=$methods
expect 0 "validate explained sentences" "$layersweep" validate alone/results.h5
# shellcheck disable=SC2046
same_explanations alone/results.h5 two/results.h5 $(echo $methods | tr , ' ') >log ||
  fail "sentences: the same explanations on one and two ranks"

for mode in hidden input; do
  expect 0 "a text explained in $mode mode" "$layersweep" explain alone --mode $mode --text "w3 w5 w7"
  grep -q 'GRU states' log || fail "the point is not named"
done
expect 0 "masks of new texts" "$layersweep" explain alone --input new.jsonl --output masks.h5
expect 0 "validate masks of new texts" "$layersweep" validate masks.h5
printf 'w3 w5\nw7\n' | "$layersweep" predict --encoder alone/model >log 2>&1 || fail "predict"
[ "$(grep -c '"label":[0-4]' log)" = 2 ] || fail "not every line is classified"
printf 'w3 w5\n' | "$layersweep" tokenize --encoder alone/model >log 2>&1 || fail "tokenize"
grep -q '"w3","w5"' log || fail "the tokens are not told"

# Its folder as an encoder: as it is on users' texts, and trained on with other classes.
cat >own.ini <<INI
[task]
name = text
data = own
[probe]
modes = hidden
batch = 8
max_steps = 4
validate_every = 2
warm_up = 2
[run]
threads = 1
INI
sed 's/^same/0/; s/^other/1/' own/train.tsv >numbers.tsv
expect 0 "as it is" "$layersweep" run own.ini --set task.data=numbers.tsv --set encoder.folder=alone/model --set run.folder=as-is
expect 0 "trained on" "$layersweep" run own.ini --set finetune.epochs=1 --set encoder.folder=alone/model --set run.folder=on
grep -q '"same"' on/model/config.json || fail "the names of the classes are lost"
expect 0 "validate" "$layersweep" validate on/results.h5

damaged() {
  rm -rf damaged
  cp -r alone/model damaged
}
refused() {
  expect 1 "$1" "$layersweep" run own.ini --set task.data=numbers.tsv --set encoder.folder=damaged --set run.folder=refused
  named "$2"
  rm -rf refused
}
damaged && rm damaged/vocab.txt && refused "no vocabulary" 'damaged .*vocab.txt'
damaged && rm damaged/model.safetensors && refused "no weights" 'damaged/model.safetensors'
damaged && sed -i 's/"hidden_size": 32/"hidden_size": 31/' damaged/config.json && refused "a wrong shape" 'gru.weight_ih_l0'
damaged && printf 'w60\n' >>damaged/vocab.txt && printf '0\tw60 w1\tw2\n' >>numbers.tsv && refused "a word without embedding" 'damaged .*64 .*vocab_size'
# shellcheck disable=SC2086
expect 2 "answers in texts" "$layersweep" run gru.ini $small --set task.name=squad --set run.folder=squad
named 'finetune.model = gru'
exit 0
