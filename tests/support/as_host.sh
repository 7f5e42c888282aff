#!/usr/bin/env bash
# Becomes a host of its own and runs a command there: a host name, an empty /tmp and an empty /dev/shm, so that nothing
# reaches another "host" through memory or files that two real ones would not share. To be started in fresh namespaces:
#   unshare --mount --uts --propagation private as_host.sh NAME HOSTS BIND… -- COMMAND…
# HOSTS becomes its /etc/hosts ("-": it keeps the machine's); folders BIND are seen although they lie under /tmp.
set -eu
name=$1 hosts=$2
shift 2
hostname "$name"
if [ "$hosts" != - ]; then mount --bind "$hosts" /etc/hosts; fi

old=/mnt # where the old /tmp is seen for a moment
mount --bind /tmp $old
mount -t tmpfs none /tmp
mount -t tmpfs none /dev/shm
while [ "$1" != -- ]; do
  case $1 in
    /tmp/*)
      mkdir -p "$1"
      mount --bind "$old/${1#/tmp/}" "$1"
      ;;
  esac
  shift
done
shift
umount $old
exec "$@"
