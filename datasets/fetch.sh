#!/usr/bin/env bash
# Fetches data sets and the small encoder, each file checked by its SHA-256: see fetch.py beside it, or --help.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
python=$here/../.deps/venv/bin/python # the set-up's own: it surely has pip
if [ ! -x "$python" ]; then
  python=$(command -v python3) || {
    echo "error: fetching needs python3: run scripts/setup.sh, or install it" >&2
    exit 1
  }
fi
exec "$python" "$here/fetch.py" "$@"
