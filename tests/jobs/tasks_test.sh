#!/bin/sh
# Questions and users' own texts from files to results, on tiny encoders: the same bits on one and two ranks, valid files,
# masks of new texts, and the set-ups of the paper on models of the same layout.
# usage: tasks_test.sh LAYERSWEEP MPIEXEC…     (ends with exit code 77 where h5diff is missing)
layersweep=$1
shift
# shellcheck source=tests/support/expect.sh
. "$(dirname "$0")/../support/expect.sh"
# shellcheck source=tests/support/same_results.sh
. "$root/tests/support/same_results.sh"
python3 "$here/make_tiny_texts.py" . || fail "making texts"
fixtures=$root/tests/model/fixtures
export LAYERSWEEP_DATA="$PWD"

cat >small.ini <<INI
[task]
name = squad
max_length = 32
overlap = 8
[encoder]
folder = $fixtures/tiny-qa
[finetune]
epochs = 1
batch = 8
[probe]
modes = hidden,input
batch = 8
max_steps = 4
validate_every = 2
warm_up = 2
learning_rate = 1e-2
[extract]
random_control = true
[run]
threads = 1
deterministic = true
INI

expect 0 "questions, one rank" "$layersweep" run small.ini --set run.folder=alone
grep -q '^test: exact match [0-9.]* %, F1 [0-9.]* %.* 12 ' log || fail "exact match and F1 are not told"
expect 0 "questions, two ranks" "$@" 2 "$layersweep" run small.ini --set run.folder=two
grep -q '^test: exact match [0-9.]* %, F1 [0-9.]* %.* 12 ' log || fail "exact match and F1 are not told on two ranks"
expect 0 "validate" "$layersweep" validate alone/results.h5
same_results alone/results.h5 two/results.h5 >log || fail "the same results on one and two ranks"
for file in model/model.safetensors units/hidden-0/probes.safetensors units/input-0/probes.safetensors; do
  cmp -s "alone/$file" "two/$file" || fail "$file differs"
done
for variable in question gold_start predicted_start start_logits; do
  h5ls "alone/results.h5/$variable" >log 2>&1 || fail "$variable is not in the results"
done
h5ls alone/results.h5/logits >log 2>&1 && fail "logits of classes are in the results"

# Other explainers, added to both runs.
few="--set explain.splits=test --set explain.limit=6 --set explain.search_steps=4 --set explain.samples=2
  --set explain.integration_steps=4"
methods=greedy_erasure,integrated_gradients,diffmask
# shellcheck disable=SC2086
expect 0 "explain questions, one rank" "$layersweep" run small.ini $few --set run.folder=alone \
  --set explain.methods=$methods
# shellcheck disable=SC2086
expect 0 "explain questions, two ranks" "$@" 2 "$layersweep" run small.ini $few --set run.folder=two \
  --set explain.methods=$methods
expect 0 "validate explained questions" "$layersweep" validate alone/results.h5
# shellcheck disable=SC2046
same_explanations alone/results.h5 two/results.h5 $(echo $methods | tr , ' ') >log ||
  fail "questions: the same explanations on one and two ranks"

touch before
expect 1 "masks in place of the run's results" "$layersweep" explain alone --input questions.jsonl --output alone/results.h5
named alone/results.h5
[ "$(newer before alone)" = 0 ] || fail "masks in place of the run's results are written"
expect 0 "masks of new questions" "$layersweep" explain alone --input questions.jsonl --output masks.h5
expect 0 "validate masks of new questions" "$layersweep" validate masks.h5
expect 0 "a question explained" "$layersweep" explain alone --text "w3 w5" --second-text "w1 w3 w7 w9"
grep -q '^answer: ' log || fail "the answer is not shown"
expect 1 "a question without a passage" "$layersweep" explain alone --text "w3 w5"
named second-text
"$layersweep" predict --encoder alone/model <questions.jsonl >log 2>&1 || fail "predict"
[ "$(grep -c '^{"start_logits":\[.*"answer":"w' log)" = 9 ] || fail "not every question is answered"

# Version 2.0: a model that learned to answer nothing is right about the two questions of three that have no answer.
expect 0 "questions without answers" "$layersweep" run small.ini --set task.data=unanswerable --set run.folder=unanswerable/run \
  --set probe.modes=hidden --set finetune.epochs=8 --set finetune.learning_rate=3e-3 --set finetune.warm_up=4
grep -q '^test: exact match \(6[6-9]\|[7-9][0-9]\|100\)[0-9.]* %, F1 .* 12 ' log || fail "no answer is never right"
expect 0 "validate questions without answers" "$layersweep" validate unanswerable/run/results.h5
expect 0 "masks after questions without answers" "$layersweep" explain unanswerable/run --input questions.jsonl --output none.h5
# The same model says so of a question on the command line, of a line, and in the masks of a file.
"$layersweep" predict --encoder unanswerable/run/model <questions.jsonl >log 2>&1 || fail "predict without answers"
grep -q '"answer":"","start":0,"end":0}' log || fail "no question is predicted to have no answer"
question=$(sed -n "$(grep -n '"answer":"","start":0' log | head -n 1 | cut -d: -f1)p" questions.jsonl)
echo "$question" | "$layersweep" explain unanswerable/run >log 2>&1 || fail "explain a question without an answer"
grep -q '^answer: none' log || fail "it is not said that there is no answer"
h5dump -y -w 1 -d /predicted_start none.h5 | tr -d ' ,' | grep -qx 0 || fail "no answer is not among the masks' predictions"

cat >own.ini <<INI
[task]
name = text
data = own
[encoder]
folder = $fixtures/tiny-bert
[finetune]
epochs = 1
batch = 8
[probe]
modes = hidden
batch = 8
max_steps = 4
validate_every = 2
warm_up = 2
[run]
threads = 1
deterministic = true
INI
expect 0 "plan of own texts" "$layersweep" plan own.ini
grep -q '40 train, 12 dev, 12 test' log || fail "the plan does not know the texts"
expect 0 "own texts, one rank" "$layersweep" run own.ini --set run.folder=own-alone
expect 0 "own texts, two ranks" "$@" 2 "$layersweep" run own.ini --set run.folder=own-two
expect 0 "validate own texts" "$layersweep" validate own-alone/results.h5
same_results own-alone/results.h5 own-two/results.h5 >log || fail "the same results of own texts on one and two ranks"
methods=leave_one_out,reinforce,attention
# shellcheck disable=SC2086
expect 0 "explain own texts, one rank" "$layersweep" run own.ini $few --set run.folder=own-alone --set explain.methods=$methods
# shellcheck disable=SC2086
expect 0 "explain own texts, two ranks" "$@" 2 "$layersweep" run own.ini $few --set run.folder=own-two \
  --set explain.methods=$methods
expect 0 "validate explained own texts" "$layersweep" validate own-alone/results.h5
# shellcheck disable=SC2046
same_explanations own-alone/results.h5 own-two/results.h5 $(echo $methods | tr , ' ') >log ||
  fail "own texts: the same explanations on one and two ranks"
expect 0 "masks of new texts" "$layersweep" explain own-alone --input new.jsonl --output new.h5
expect 0 "masks of new texts on two ranks" "$@" 2 "$layersweep" explain own-alone --input new.jsonl --output new-two.h5
expect 0 "validate masks of new texts" "$layersweep" validate new.h5
same_results new.h5 new-two.h5 >log || fail "the same masks on one and two ranks"
expect 0 "a pair explained" "$layersweep" explain own-alone --text "w3 w5" --second-text "w5 w7"
grep -q '^prediction: [01] (\(same\|other\))' log || fail "the class is not named"

# The masks of the test file, given anew, are those of the run.
expect 0 "masks of the same texts" "$layersweep" explain own-alone --input own/test.jsonl --output same.h5
expect 0 "the same texts alone in a run" "$layersweep" run own.ini --set extract.splits=test --set run.folder=own-test
h5diff same.h5 own-test/results.h5 /hidden/keep_probability >log 2>&1 || fail "the masks of the same texts differ"
h5diff same.h5 own-test/results.h5 /label >log 2>&1 || fail "the labels of the same texts differ"

# The model as it is, and one file for all splits.
expect 0 "a classifier as it is" "$layersweep" run own.ini --set task.data=own/train.tsv --set finetune.epochs=0 \
  --set encoder.folder=own-alone/model --set run.folder=own-model
printf 'text\tlabel\nw1\t0\nw2\tseven\nw3\t1\n' >bad.tsv
expect 1 "a label that is no class" "$layersweep" run own.ini --set task.data=bad.tsv --set finetune.epochs=0 --set run.folder=bad
named 'bad.tsv.* 3.*"seven"'
{ cat own/train.tsv; printf 'same\t'; printf 'w3 %.0s' $(seq 40); printf '\tw5\n'; } >long.tsv
expect 1 "a text longer than the encoder reads" "$layersweep" run own.ini --set task.data=long.tsv --set run.folder=long
named ' 44 .*tiny-bert.* 24.*task.max_length = 24'
[ ! -e long/model ] && [ ! -e long/model.training ] || fail "a text that is too long is found only in the training"
printf '{"text": "w1"}\n{"text": \n' >bad.jsonl
expect 1 "a broken file" "$layersweep" explain own-alone --input bad.jsonl --output bad.h5
named 'bad.jsonl.* 2'
[ ! -e bad.h5 ] || fail "a file was written"
expect 2 "--input alone" "$layersweep" explain own-alone --input new.jsonl

# The set-ups of the paper on tiny models of the same layout.
paper() {
  expect 0 "plan $1" "$layersweep" plan "$root/experiments/$1.ini" --set "encoder.folder=$fixtures/$2" --ranks 16
  expect 0 "run $1" "$layersweep" run "$root/experiments/$1.ini" --set "encoder.folder=$fixtures/$2" --set "task.max_length=$3" \
    --set probe.max_steps=2 --set probe.validate_every=2 --set run.threads=1 --set "run.folder=$1"
  expect 0 "validate $1" "$layersweep" validate "$1/results.h5"
}
paper squad-bert-large tiny-qa 32
paper sst-bert-base tiny-bert 24
