# same_results A B [OPTION-OF-H5DIFF…]: whether two results files are equal in everything but the attributes that tell of the
# circumstances, and references, which are places in the file; else prints what differs. To be sourced; ends the script with exit
# code 77 where h5diff is missing.
# shellcheck shell=sh
command -v h5diff >/dev/null || { echo "no h5diff: it comes with the HDF5 tools"; exit 77; }
same_results() {
  if [ "$(h5ls -r "$1")" != "$(h5ls -r "$2")" ] || [ -z "$(h5ls -r "$1")" ]; then
    echo "$1 and $2 hold other objects"
    return 1
  fi
  one=$1
  other=$2
  shift 2
  differences=$(h5diff -c "$@" "$one" "$other" 2>&1)
  if [ $? -gt 1 ]; then
    echo "h5diff: $differences"
    return 1
  fi
  if printf '%s\n' "$differences" | grep '^[a-zA-Z ]*: <' |
    grep -v '^attribute: <\(command\|created\|experiment\|history\|hosts\|merged_from\) of </>>\|^attribute: <REFERENCE_LIST of \|is an empty dataset$'; then
    return 1
  fi
}

# same_explanations A B METHOD…: the same, but for the seconds that explaining took, of files in which these methods and random
# have attributions (h5diff takes two missing values for equal).
same_explanations() {
  one=$1
  other=$2
  shift 2
  for method in "$@" random; do
    if ! h5dump -y -w 1 -d "/explain/$method/attribution" "$one" | grep -q '^ *-\{0,1\}[0-9]'; then
      echo "$one holds no attributions of $method"
      return 1
    fi
  done
  # shellcheck disable=SC2046
  same_results "$one" "$other" --exclude-path=/evaluation/seconds \
    $(h5ls "$one/explain" | awk '{print "--exclude-path=/explain/" $1 "/seconds"}')
}
