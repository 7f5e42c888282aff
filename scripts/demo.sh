#!/usr/bin/env bash
# Builds the program, without its tests, and shows it at work on two ranks: the counting task, whose right masks are known,
# then sentiment (SST) on a real 6-layer encoder. Some 15 minutes on two cores after the build. Started again, it goes on where
# it was.
# Real texts: LAYERSWEEP_DATA=<folder with sst/>, else they are fetched. Results and logs: runs/demo/.
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

scripts/build.sh --program
layersweep=$root/build/release/src/app/layersweep
logs=runs/demo/logs
mkdir -p "$logs"

ranks=2
threads=$(($(nproc) / ranks))
if [ "$threads" -lt 1 ]; then threads=1; fi
mpirun=$(command -v "${MPI_HOME:+$MPI_HOME/bin/}mpirun") || die "no mpirun found${MPI_HOME:+ in $MPI_HOME/bin}"
if [ "$(id -u)" -eq 0 ]; then export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; fi

# Runs one experiment, then prints its table. A run of which some units failed (3) has a table as well.
sweep() { # name, threads per rank, `run` arguments…
  local name=$1 per_rank=$2 status=0
  shift 2
  say "$name: $ranks ranks of $per_rank thread(s), log in $logs/$name.log"
  "$mpirun" -n $ranks --bind-to none --oversubscribe "$layersweep" run "$@" --set run.folder="runs/demo/$name" \
    --set run.threads="$per_rank" </dev/null 2>&1 | tee -a "$logs/$name.log" || status=$?
  case $status in
    0) ;;
    3) warn "$name: some units failed; the table shows which" ;;
    75)
      warn "$name: stopped after a checkpoint; run scripts/demo.sh again to go on"
      exit 75
      ;;
    *)
      warn "$name: failed with exit code $status, see $logs/$name.log"
      exit "$status"
      ;;
  esac
  say "$name: results in $root/runs/demo/$name/results.h5"
  if [ $status -gt $worst ]; then worst=$status; fi
}

worst=0
sweep counting 1 experiments/counting.ini

if ! datasets/fetch.sh encoder; then
  die "no encoder, so no sentiment part: where there is a network, run 'datasets/fetch.sh encoder', then scripts/demo.sh again"
fi
data=${LAYERSWEEP_DATA:-$root/data}
if [ ! -e "$data/sst/train.txt" ] && ! { [ -z "${LAYERSWEEP_DATA:-}" ] && datasets/fetch.sh sst; }; then
  die "no SST texts in $data/sst, so no sentiment part: set LAYERSWEEP_DATA to a folder with sst/train.txt, dev.txt and test.txt,
  or run 'datasets/fetch.sh sst' where there is a network (or 'datasets/fetch.sh sst --from DIR'), then scripts/demo.sh again"
fi
precision=fp32 # bf16 where the processor multiplies it several times as fast (docs/decisions/0006)
if grep -qwE 'amx_bf16|avx512_bf16' /proc/cpuinfo; then precision=bf16; fi
sweep sst "$threads" experiments/demo-sst.ini --set run.precision=$precision --set task.data="$data" --set encoder.folder="$root/.deps/encoders/minilm-l6"

say "Logs: $root/$logs"
exit $worst
