# A folder to work in, which goes away with the script, and commands whose exit codes are checked. To be sourced first.
# shellcheck shell=sh
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
