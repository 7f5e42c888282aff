# The beginning of a test that runs the program: a folder to work in, which goes away with the script; `here`, the script's own
# folder, and `root`, the repository; and what follows. To be sourced by a script whose $layersweep is the program; ends it with
# exit code 77 where python3 is missing.
# shellcheck shell=sh
set -u
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

# fail WHAT: ends the script, showing what the last command said
fail() {
  echo "FAILED: $1"
  cat log
  exit 1
}

# expect CODE WHAT COMMAND…
expect() {
  wanted=$1
  what=$2
  shift 2
  timeout 120 "$@" >log 2>&1
  code=$?
  [ "$code" = "$wanted" ] || fail "$what: exit code $code, not $wanted"
}

# named PATTERN…: an error or a warning of that command names what each of these matches: a file, a setting, a value
named() {
  sed -n '/^\(\[rank [0-9]*\] \)\{0,1\}\(error\|warning\): /,$p' log >errors
  for pattern in "$@"; do grep -q -- "$pattern" errors || fail "$what: no error names $pattern"; done
}

# status RUN EXPRESSION: what `status --json` says of a run folder fulfils it, in Python; `unit` maps names to units
status() {
  "$layersweep" status --json "$1" >log 2>&1 || fail "status of $1"
  python3 -c '
import json, sys
status = json.load(open("log"))
unit = {one["name"]: one for one in status["units"]}
sys.exit(not eval(sys.argv[1]))' "$2" || fail "$1: not $2"
}

# newer MARK FOLDER…: how many of their files were written after the file MARK
newer() {
  mark=$1
  shift
  find "$@" -type f -newer "$mark" | wc -l
}
