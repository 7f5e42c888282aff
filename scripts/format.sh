#!/usr/bin/env bash
# Formats the C++ sources in place; with --check changes nothing and fails where something would change.
# shellcheck source=scripts/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

command -v clang-format >/dev/null || die "no clang-format found (Debian: clang-format)"
case ${1:-} in
  --check) how=(--dry-run -Werror) ;;
  '') how=(-i) ;;
  *) die "unknown argument '$1' (known: --check)" ;;
esac
git ls-files -z --cached --others --exclude-standard -- '*.cpp' '*.hpp' '*.cu' | xargs -0 -r clang-format "${how[@]}"
