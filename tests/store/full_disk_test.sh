#!/bin/sh
# A disk that fills up while ranks write: the job ends soon, with a message and exit code 1, and the old file is as it was.
# usage: full_disk_test.sh WRITE_SAMPLE [MPIEXEC… RANKS]
set -u
write_sample=$1
shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
fail() {
  echo "FAILED: $1"
  cat "$folder/log"
  exit 1
}

"$write_sample" sst "$folder/results.h5" || exit 1
cp "$folder/results.h5" "$folder/old.h5"
for limit in 4096 60000 150000 300000; do
  timeout 60 "$@" "$write_sample" sst "$folder/results.h5" 10000 "$limit" >"$folder/log" 2>&1
  code=$?
  [ "$code" = 1 ] || fail "exit code $code at $limit bytes"
  grep -q "error: .*$folder/results.h5.part" "$folder/log" || fail "the file is not named at $limit bytes"
  cmp -s "$folder/results.h5" "$folder/old.h5" || fail "the old file changed at $limit bytes"
done
"$@" "$write_sample" sst "$folder/results.h5" >"$folder/log" 2>&1 || fail "a later run with room"
[ ! -e "$folder/results.h5.part" ] || fail "a part file is left after success"
exit 0
