#!/usr/bin/env bash
# datasets/fetch.sh on a made-up manifest: what does not match its hash is refused, --from and the network kinds (file://
# stands in for a publisher) give the same files, and a second call has nothing to do.
set -euo pipefail
datasets=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../datasets" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/datasets"
cp "$datasets"/fetch.* "$work/datasets/"
fetch=$work/datasets/fetch.sh

fail() {
  echo "FAILED: $1"
  echo "--- its output:"
  cat "$work/log"
  exit 1
}
must_pass() { "$@" >"$work/log" 2>&1 || fail "should pass: $*"; }
must_fail_naming() {
  local name=$1
  shift
  if "$@" >"$work/log" 2>&1; then fail "should fail: $*"; fi
  grep -q -- "error: .*$name" "$work/log" || fail "the error of '$*' should name $name"
}

# A publisher with a folder and an archive, and manifests that know the right hashes.
mkdir -p "$work/publisher/squad" "$work/trees"
for split in train dev test; do echo "(3 $split)" >"$work/trees/$split.txt"; done
for name in train-v1.1 dev-v1.1 train-v1.1.part; do echo "{\"$name\": []}" >"$work/publisher/squad/$name.json"; done
python3 - "$work" <<'PYTHON'
import hashlib, json, pathlib, sys, zipfile
work = pathlib.Path(sys.argv[1])
entry = lambda path, **more: {"name": path.name, "bytes": path.stat().st_size,
                              "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), **more}
trees = sorted((work / "trees").iterdir())
with zipfile.ZipFile(work / "publisher/trees.zip", "w") as archive:
    for tree in trees:
        archive.write(tree, f"trees/{tree.name}")
squad = work / "publisher/squad"
manifests = {
    "sst": {"fetch": {"kind": "zip", "url": f"file://{work}/publisher/trees.zip", "member_folder": "trees"},
            "files": [entry(tree) for tree in trees]},
    "squad": {"fetch": {"kind": "files", "url": f"file://{squad}/"},
              "files": [entry(squad / "train-v1.1.json", unverified=True), entry(squad / "dev-v1.1.json"),
                        entry(squad / "train-v1.1.part.json", stands_for="train-v1.1.json")]},
}
for name, manifest in manifests.items():
    manifest |= {"title": name, "licence": "none", "folder": name}
    (work / f"datasets/{name}.json").write_text(json.dumps(manifest))
PYTHON

# From the publisher, by archive and by file, into the default place.
must_pass "$fetch" sst
must_pass "$fetch" squad
diff -r "$work/trees" "$work/data/sst" || fail "sst: not the published files"
cmp "$work/publisher/squad/train-v1.1.json" "$work/data/squad/train-v1.1.json" || fail "squad: not the published file"
[ ! -e "$work/data/squad/train-v1.1.part.json" ] || fail "a stand-in was taken although the official file is there"

# A second call touches nothing, even when the publisher is gone; a damaged file is mended.
touch -d '2001-01-01' "$work/data/sst/"*.txt
mv "$work/publisher" "$work/gone"
must_pass "$fetch" sst
[ -z "$(find "$work/data/sst" -newermt 2002-01-01 -name '*.txt')" ] || fail "a second call wrote files again"
echo "(1 damaged)" >"$work/data/sst/dev.txt"
must_fail_naming trees.zip "$fetch" sst
mv "$work/gone" "$work/publisher"
must_pass "$fetch" sst
diff -r "$work/trees" "$work/data/sst" || fail "a damaged file was not mended"

# From a folder; a partial training set stands in for the official one.
mkdir -p "$work/disk/squad" && cp -r "$work/trees" "$work/disk/sst"
cp "$work/publisher/squad/"{train-v1.1.part,dev-v1.1}.json "$work/disk/squad/"
must_pass "$fetch" sst --from "$work/disk" --to "$work/here"
must_pass "$fetch" squad --from "$work/disk" --to "$work/here"
diff -r "$work/disk" "$work/here" || fail "--from: not the same files"
must_fail_naming "$work/publisher/sst/[a-z]*.txt" "$fetch" sst --from "$work/publisher" --to "$work/other"

# What does not match its hash never appears under its name: neither from a folder, nor from the publisher.
for split in train dev test; do echo "(4 $split)" >"$work/disk/sst/$split.txt"; done # the right length, other bytes
must_fail_naming "[a-z]*.txt from $work/disk" "$fetch" sst --from "$work/disk" --to "$work/wrong"
echo '{"train-v1.1": {}}' >"$work/publisher/squad/train-v1.1.json"
must_fail_naming train-v1.1.json "$fetch" squad --to "$work/wrong"
echo 'no archive' >"$work/publisher/trees.zip"
must_fail_naming trees.zip "$fetch" sst --to "$work/wrong"
[ -z "$(find "$work/wrong" -type f)" ] || fail "a refused file was left behind: $(find "$work/wrong" -type f)"

must_fail_naming imdb "$fetch" imdb
echo "all passed"
