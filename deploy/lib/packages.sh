# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Installing Debian packages. Sourced; needs say, die and $HERE (deploy/).

# packages GROUP…: the names of these groups.
packages() {
  local group
  for group in "$@"; do sed -n "s/^$group: //p" "$HERE/lib/packages.txt"; done | tr ' ' '\n' | sort -u
}

# missing GROUP…: those not installed.
missing() {
  local name
  while read -r name; do
    # Another package may stand in for it (nginx for nginx-light, a nodejs that brings its npm): its program is what
    # counts.
    case $name in
      nodejs) command -v node >/dev/null && continue ;;
      npm) command -v npm >/dev/null && continue ;;
      nginx-light) command -v nginx >/dev/null && continue ;;
    esac
    [[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || echo "$name"
  done < <(packages "$@")
}

# install GROUP…: installs what is missing. Services that come with a package are neither started now nor at boot: the
# lab runs the programs itself, inside its own namespaces.
install_packages() {
  local wanted policy=/usr/sbin/policy-rc.d ours='' name
  mapfile -t wanted < <(missing "$@")
  ((${#wanted[@]})) || return 0
  command -v apt-get >/dev/null || die "these Debian packages are missing, and there is no apt-get: ${wanted[*]}"
  ((EUID == 0)) || die "these packages are missing; run as root, or install them: apt-get install ${wanted[*]}"
  say "installing ${wanted[*]}"
  mkdir -p "$LOG"
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\n# resetscope quickstart, while it installs packages\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    ours=1
  fi
  local ok=1
  {
    DEBIAN_FRONTEND=noninteractive apt-get update -q &&
      DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${wanted[@]}"
  } >"$LOG/packages.log" 2>&1 || ok=
  [[ $ours ]] && rm -f "$policy"
  [[ $ok ]] || die "apt-get failed; the end of $LOG/packages.log:"$'\n'"$(tail -5 "$LOG/packages.log")"
  for name in "${wanted[@]}"; do
    case $name in
      nginx-light) name=nginx ;;
      haproxy | redis-server) ;;
      *) continue ;;
    esac
    systemctl disable -q "$name" 2>/dev/null || true
  done
}
