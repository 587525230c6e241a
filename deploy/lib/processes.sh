# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Processes by pid and start time: what runs under a remembered pid is only ours if it started when ours did.
# Sourced; needs $RUN and $LOG.

# started_at PID: clock ticks since boot; nothing if there is no such process.
started_at() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  # shellcheck disable=SC2086  # split into fields
  set -- ${stat##*) }
  [[ $1 == Z ]] || echo "${20}"
}

# launch NAME COMMAND…: in the background, in its own session, logging to $LOG/NAME.log.
launch() {
  local name=$1
  shift
  # The lab and the programs write no more than a few lines a minute; an old log is kept once.
  [[ -e $LOG/$name.log ]] && mv -f "$LOG/$name.log" "$LOG/$name.log.1"
  setsid "$@" </dev/null >>"$LOG/$name.log" 2>&1 &
  local pid=$!
  echo "$pid $(started_at $pid)" >"$RUN/$name.pid"
}

# prefer NAME: its turns come first. A sensor has cores of its own, and loses packets where it has not.
prefer() {
  local pid
  pid=$(running "$1") || return 0
  { echo -10 >"/proc/$pid/autogroup" || renice -n -10 -p "$pid"; } >/dev/null 2>&1 || true
}

# running NAME: prints the pid; false if it does not run.
running() {
  local pid start
  read -r pid start 2>/dev/null <"$RUN/$1.pid" || return 1
  [[ -n $start && $(started_at "$pid") == "$start" ]] || return 1
  echo "$pid"
}

# halt NAME SECONDS: asks it to end, waits, and ends it if it does not.
halt() {
  local pid n
  if pid=$(running "$1"); then
    kill -TERM "$pid" 2>/dev/null || true
    for ((n = 0; n < $2 * 10; n++)); do
      running "$1" >/dev/null || break
      sleep 0.1
    done
    if running "$1" >/dev/null; then
      warn "$1 (pid $pid) did not end within $2 s: killed"
      kill -KILL "$pid" 2>/dev/null || true
      sleep 0.2
    fi
    say "stopped $1"
  fi
  rm -f "$RUN/$1.pid"
}

# log_end NAME: the last lines of its log.
log_end() { tail -n 8 "$LOG/$1.log" 2>/dev/null | sed 's/^/    /'; }
