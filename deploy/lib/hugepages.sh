# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Hugepages of 2 MiB, if this machine has memory to spare. Never an error: the sensor runs without, more slowly.
# Sourced; needs say and $RUN.

readonly HUGE=/sys/kernel/mm/hugepages/hugepages-2048kB
readonly WANTED_PAGES=256   # 512 MiB: a million connections (384 MiB), packet buffers, and what DPDK needs itself

reserve_hugepages() {
  local free total available got
  [[ -r $HUGE/nr_hugepages ]] || { say "hugepages: not supported here, running without"; return 0; }
  [[ -e $RUN/hugepages.added ]] && return 0   # an earlier run's
  free=$(<$HUGE/free_hugepages)
  if ((free < WANTED_PAGES)); then
    total=$(<$HUGE/nr_hugepages)
    available=$(awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo)
    if ((available < (WANTED_PAGES - free) * 2 * 4)); then
      say "hugepages: $available MiB of memory are free, too little to set some aside; running without"
      return 0
    fi
    # Remembered before it is done: what we add is what --stop takes away.
    echo "$total" >"$RUN/hugepages.before"
    if ! echo $((total + WANTED_PAGES - free)) 2>/dev/null >$HUGE/nr_hugepages; then
      rm -f "$RUN/hugepages.before"
      say "hugepages: may not be set aside here, running without"
      return 0
    fi
    got=$(($(<$HUGE/nr_hugepages) - total))
    echo "$got" >"$RUN/hugepages.added"
    rm -f "$RUN/hugepages.before"
    say "hugepages: set $got of 2 MiB aside"
  fi
  if ! grep -q ' hugetlbfs ' /proc/mounts; then
    mkdir -p "$RUN/huge"
    if mount -t hugetlbfs -o pagesize=2M none "$RUN/huge" 2>/dev/null; then
      : >"$RUN/huge.mounted"
    else
      rmdir "$RUN/huge"
    fi
  fi
}

release_hugepages() {
  local added now
  if [[ -e $RUN/huge.mounted ]]; then
    umount "$RUN/huge" 2>/dev/null && rmdir "$RUN/huge" && rm -f "$RUN/huge.mounted"
  fi
  if [[ -e $RUN/hugepages.before ]]; then
    # Interrupted between the request and the count.
    now=$(<$HUGE/nr_hugepages)
    echo $((now - $(<"$RUN/hugepages.before"))) >"$RUN/hugepages.added"
    rm -f "$RUN/hugepages.before"
  fi
  [[ -e $RUN/hugepages.added ]] || return 0
  added=$(<"$RUN/hugepages.added")
  now=$(<$HUGE/nr_hugepages)
  ((added > 0)) && echo $((now > added ? now - added : 0)) >$HUGE/nr_hugepages
  rm -f "$RUN/hugepages.added"
  say "gave $added hugepages back"
}
