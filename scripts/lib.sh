# Shared by the scripts beside it: source it, do not run it. Sets `root` and works from there.
# shellcheck shell=bash
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"

say() { printf '==> %s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# The user's own LibTorch (LAYERSWEEP_LIBTORCH, or a folder of CMAKE_PREFIX_PATH that holds one), or nothing.
own_libtorch() {
  if [ -n "${LAYERSWEEP_LIBTORCH:-}" ]; then
    [ -e "$LAYERSWEEP_LIBTORCH/lib/libtorch_cpu.so" ] ||
      die "LAYERSWEEP_LIBTORCH=$LAYERSWEEP_LIBTORCH holds no lib/libtorch_cpu.so: give the folder with include/ and lib/"
    (cd "$LAYERSWEEP_LIBTORCH" && pwd)
    return
  fi
  local folder folders
  IFS=':;' read -r -a folders <<<"${CMAKE_PREFIX_PATH:-}"
  for folder in "${folders[@]}"; do
    if [ -n "$folder" ] && [ -e "$folder/lib/libtorch_cpu.so" ]; then
      (cd "$folder" && pwd)
      return
    fi
  done
}

# For CMake: by ccache, where there is one.
compiler_options() {
  if command -v ccache >/dev/null; then echo -DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache; fi
}

# Compile jobs: one per core, but no more than one per 2 GiB of memory (a file that includes LibTorch takes that much).
job_count() {
  local cores limit kib
  cores=$(env -u OMP_NUM_THREADS nproc)
  kib=$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
  if [ "$limit" != max ] && [ $((limit / 1024)) -lt "$kib" ]; then kib=$((limit / 1024)); fi
  local by_memory=$((kib / (2 * 1024 * 1024)))
  if [ "$by_memory" -lt 1 ]; then by_memory=1; fi
  echo $((cores < by_memory ? cores : by_memory))
}
