#!/usr/bin/env bash
# Gets everything that building and testing need; run it again at any time, it only does what is not done yet.
#   scripts/setup.sh [--cuda] [--encoders] [--bench] [--slurm] [--readers] [--browser] [--format]
#     --cuda      also fetch the CUDA libraries that LibTorch loads on GPUs, and the headers to build against (3 GB)
#     --encoders  also fetch the small encoder (90 MB) into .deps/encoders
#     --bench     also make .deps/bench-venv for the published loops in bench/published (5 GB)
#     --slurm     also install Slurm and network tools, for the tests that start a cluster or hosts of their own
#     --readers   also install R with rhdf5 and Octave with netcdf (290 MB), for the tests of docs/reading.md
#     --browser   also install Chromium and what drives it, for the tests that look at reports
#     --format    also install clang-format, for scripts/format.sh
# Read from the environment:
#   LAYERSWEEP_LIBTORCH   a LibTorch of your own (folder with include/ and lib/); CMAKE_PREFIX_PATH is searched too
#   MPI_HOME, HDF5_ROOT   an MPI, a parallel HDF5 of your own: Debian's are then not asked for, and CMake takes yours
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

torch_pins=(torch==2.11.0 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85)
# What torch 2.11.0 asks for, to the version; and the headers that the runtime's own include.
cuda_pins=(nvidia-nccl-cu13==2.28.9 nvidia-cublas==13.1.0.3 nvidia-cuda-nvrtc==13.0.88 nvidia-cudnn-cu13==9.19.0.56
  nvidia-cufft==12.0.0.61 nvidia-cufile==1.15.1.6 nvidia-curand==10.4.0.35 nvidia-cusolver==12.0.4.66
  nvidia-cusparse==12.6.3.3 nvidia-cusparselt-cu13==0.8.0 nvidia-nvjitlink==13.0.88 nvidia-nvshmem-cu13==3.4.5
  nvidia-nvtx==13.0.85 nvidia-cuda-crt==13.0.88)
bench_pins=(torch==2.11.0 transformers==5.23.0)
browser_pins=(playwright==1.65.2)

cuda=no encoders=no bench=no slurm=no readers=no browser=no format=no
for argument in "$@"; do
  case $argument in
    --cuda) cuda=yes ;;
    --encoders) encoders=yes ;;
    --bench) bench=yes ;;
    --slurm) slurm=yes ;;
    --readers) readers=yes ;;
    --browser) browser=yes ;;
    --format) format=yes ;;
    -h | --help)
      sed -n '2,13s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
      exit 0
      ;;
    *) die "unknown argument '$argument' (known: --cuda, --encoders, --bench, --slurm, --readers, --browser, --format)" ;;
  esac
done

# --- Debian packages ---
system_packages() {
  local wanted=(g++ cmake ninja-build ccache pkg-config libboost-program-options-dev libfmt-dev nlohmann-json3-dev
    libutf8proc-dev libpcre2-dev libgtest-dev libgmock-dev libssl-dev hdf5-tools netcdf-bin python3-venv unzip)
  if [ -z "${MPI_HOME:-}" ]; then wanted+=(openmpi-bin libopenmpi-dev); fi
  if [ -z "${HDF5_ROOT:-}" ]; then wanted+=(libhdf5-openmpi-dev); fi
  if [ $slurm = yes ]; then
    wanted+=(slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge libpmix2 iproute2)
  fi
  if [ $readers = yes ]; then wanted+=(r-bioc-rhdf5 octave-netcdf); fi
  if [ $format = yes ]; then wanted+=(clang-format); fi
  if [ $browser = yes ]; then wanted+=(chromium fonts-dejavu-core); fi

  if ! command -v dpkg-query >/dev/null; then
    warn "not a Debian system: the packages cannot be checked. What Debian calls ${wanted[*]} is needed; CMake names what it misses."
    return
  fi
  local installed missing=() package
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
  for package in "${wanted[@]}"; do
    grep -Fxq "installed $package" <<<"$installed" || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then
    say "System packages: all installed"
  elif [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    say "System packages: installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q </dev/null
    apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null
  else
    warn "System packages missing: ${missing[*]}
  With root rights: apt-get install ${missing[*]}
  Without: bring them by other means (environment modules, Spack, conda); CMake names what it still misses."
  fi
}

# --- Python environments ---
# A stamp holds the pins that are in an environment and is written last. Packages that are new are added; an environment
# without a stamp (never made, interrupted) or with another version of a wanted package is made anew as a whole, since pip
# takes half-written packages for complete ones.
make_venv() { # folder, stamp, pins installed without their dependencies, pins installed with them (a line each)
  local folder=$1 stamp=$2 wanted
  wanted=$(printf '%s\n' "$3" "$4" | sed '/^$/d')
  local present="" missing=$wanted
  if [ -x "$folder/bin/python" ] && [ -s "$stamp" ]; then
    present=$(cat "$stamp")
    missing=$(grep -vxF -e "$present" <<<"$wanted" || true)
    if [ -z "$missing" ]; then return; fi
  fi
  mkdir -p .deps/stamps
  rm -f "$stamp" # until all is in place
  if [ -n "$present" ] && ! grep -qF -e "$(sed 's/==.*/==/' <<<"$missing")" <<<"$present"; then
    say "Python environment $folder: adding ${missing//$'\n'/ }"
  else
    command -v python3 >/dev/null || die "no python3 found: install it (Debian: python3-venv)"
    rm -rf "$folder"
    present="" missing=$wanted
    say "Python environment $folder: installing ${wanted//$'\n'/ }"
    python3 -m venv "$folder" ||
      die "python3 -m venv failed: install python3-venv, or put a complete python3 first on PATH"
  fi
  local pip=("$folder/bin/python" -m pip install --quiet --disable-pip-version-check)
  local hint="pip could not install into $folder: see above. Without a network: set LAYERSWEEP_LIBTORCH and build with CMake directly (CONTRIBUTING.md)"
  local pins
  mapfile -t pins < <(grep -xF -e "$4" <<<"$missing" || true)
  if [ ${#pins[@]} -gt 0 ]; then "${pip[@]}" "${pins[@]}" </dev/null || die "$hint"; fi
  if [ -n "$3" ]; then # last, else pip complains that these lack their dependencies
    mapfile -t pins < <(grep -xF -e "$3" <<<"$missing" || true)
    if [ ${#pins[@]} -gt 0 ]; then "${pip[@]}" --no-deps "${pins[@]}" </dev/null || die "$hint"; fi
  fi
  printf '%s\n' "$present" "$missing" | sed '/^$/d' >"$stamp.part"
  mv "$stamp.part" "$stamp"
}

libtorch_and_readers() {
  local own torch_lines="" reader_pins
  own=$(own_libtorch)
  if [ -z "$own" ]; then torch_lines=$(printf '%s\n' "${torch_pins[@]}"); fi
  if [ $cuda = yes ]; then
    if [ -n "$own" ]; then
      warn "--cuda fetches what belongs to the LibTorch of .deps; yours, $own, needs the CUDA libraries it was built with"
    else
      torch_lines=$(printf '%s\n' "$torch_lines" "${cuda_pins[@]}")
    fi
  fi
  reader_pins=$(grep -v '^#' scripts/requirements-readers.txt)
  if [ $browser = yes ]; then reader_pins=$(printf '%s\n' "$reader_pins" "${browser_pins[@]}"); fi
  make_venv .deps/venv .deps/stamps/venv "$torch_lines" "$reader_pins"
  if [ -n "$own" ]; then
    say "LibTorch: yours, $own"
    return
  fi
  local found
  found=$(cd .deps && echo venv/lib/python3*/site-packages/torch)
  [ -e ".deps/$found/lib/libtorch_cpu.so" ] || {
    rm -f .deps/stamps/venv
    die ".deps/$found holds no lib/libtorch_cpu.so; run this script again to make the environment anew"
  }
  if [ "$(readlink .deps/libtorch || true)" != "$found" ]; then ln -sfn "$found" .deps/libtorch; fi
  say "LibTorch: ${torch_pins[0]} in .deps/libtorch"
}

# The package in analysis/, as it lies there, for `layersweep report` and its siblings.
analysis_package() {
  local python=.deps/venv/bin/python stamp=.deps/venv/analysis-package wanted
  wanted="$root/analysis $(cksum <analysis/pyproject.toml)"
  if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then return; fi
  say "Analysis package: installing analysis/ into .deps/venv"
  "$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable ./analysis </dev/null ||
    die "pip could not install analysis/ into .deps/venv: see above"
  echo "$wanted" >"$stamp"
}

mkdir -p .deps
if command -v flock >/dev/null; then # one set-up at a time; pip, left behind by a killed one, also holds the lock
  exec 9>.deps/lock
  flock --nonblock 9 || {
    say "Another set-up is at work here: waiting for it"
    flock 9
  }
fi
system_packages
libtorch_and_readers
analysis_package
if [ $bench = yes ]; then
  make_venv .deps/bench-venv .deps/stamps/bench-venv "" "$(printf '%s\n' "${bench_pins[@]}")"
  say "Published loops: .deps/bench-venv"
fi
if [ $encoders = yes ]; then datasets/fetch.sh encoder; fi
say "Set-up complete"
