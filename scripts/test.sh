#!/usr/bin/env bash
# Set-up, build, all tests. Arguments go to ctest (-R regex, -L label, …). Real data: LAYERSWEEP_DATA=<folder>; tests
# that need data, or the small encoder when it cannot be fetched, are shown as skipped.
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

if [ "$(id -u)" -eq 0 ]; then # as others they could not be used: the tests need namespaces
  scripts/setup.sh --slurm --readers ||
    warn "no Slurm, R or Octave (reason above): the tests that start a cluster or read results in R and Octave are skipped"
  scripts/setup.sh --browser || warn "no Chromium (reason above): the tests that look at reports are skipped"
fi
scripts/build.sh
datasets/fetch.sh encoder ||
  warn "no small encoder (reason above): the tests that need it are skipped"
if [ -z "${LAYERSWEEP_DATA:-}" ]; then warn "LAYERSWEEP_DATA is not set: the tests on real texts are skipped"; fi

say "Testing"
exec ctest --preset release --parallel "$(nproc)" "$@" </dev/null
