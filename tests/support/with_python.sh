#!/bin/sh
# Runs a Python script with the interpreter that scripts/setup.sh makes; where there is none, ends with exit code 77, "skipped".
# usage: with_python.sh SCRIPT ARGUMENTS…
python=$(cd "$(dirname "$0")/../.." && pwd)/.deps/venv/bin/python
test -x "$python" || { echo "no $python: scripts/setup.sh makes it"; exit 77; }
exec "$python" "$@"
