#!/usr/bin/env bash
# Builds layersweep (set-up first) into build/release, with its tests; with --program, the program alone. Further arguments go
# to CMake, e.g. -DLAYERSWEEP_TESTS=OFF.
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

target=()
if [ "${1:-}" = --program ]; then
  target=(--target layersweep)
  shift
fi

scripts/setup.sh

libtorch=$(own_libtorch)
read -r -a options <<<"$(compiler_options)"
options+=(-DLAYERSWEEP_LIBTORCH="${libtorch:-$root/.deps/libtorch}" "$@")

# CMake keeps the MPI and HDF5 it found first: another choice needs a fresh configuration.
chosen="MPI_HOME=${MPI_HOME:-} HDF5_ROOT=${HDF5_ROOT:-} ${options[*]}"
stamp=build/release/.chosen
if [ -f "$stamp" ] && [ "$(cat "$stamp")" != "$chosen" ]; then options+=(--fresh); fi

jobs=$(job_count)
say "Building into build/release, $jobs job(s) at a time"
cmake --preset release "${options[@]}"
echo "$chosen" >"$stamp"
cmake --build --preset release --parallel "$jobs" "${target[@]}"
say "Built build/release/src/app/layersweep"
