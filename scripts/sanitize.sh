#!/usr/bin/env bash
# Set-up, then the rooms that need no LibTorch, with the address, leak and undefined-behaviour sanitizers, and their tests.
# Arguments go to ctest. For the other rooms there is the preset asan.
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/setup.sh
read -r -a options <<<"$(compiler_options)"
cmake --preset asan-rooms "${options[@]}"
cmake --build --preset asan-rooms --parallel "$(job_count)"
say "Testing with sanitizers"
exec ctest --preset asan-rooms --parallel "$(nproc)" "$@" </dev/null
