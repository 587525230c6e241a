// SPDX-License-Identifier: Apache-2.0
//
// What to do about each kind of incident. `causes`: whether the advice on the single endings helps as well.
export const incidentAdvice = {
  restart: {
    causes: true,
    text: 'Find out who restarted it and whether that was planned. If it recurs: look for a crash or a kill in ' +
      'its journal at the start of the incident, and let the load balancer drain it before it stops.',
  },
  failover: {
    causes: true,
    text: 'Look at the cluster’s or firewall pair’s log at the start of the incident. Connections survive a ' +
      'failover only when state is synchronised between the two; check that it is, and that both see the ' +
      'same traffic.',
  },
  policy_change: {
    causes: true,
    text: 'Compare with the change log of the firewalls and access lists on this path at the start of the ' +
      'incident. If the new rule is meant to be, tell the clients’ owners; if not, roll it back.',
  },
  overload: {
    causes: true,
    text: 'Look at the queue of the listener (ss -ltn, Recv-Q against Send-Q), at file descriptors and at the ' +
      'workers. More capacity, or less at once: limits and back-off at the clients.',
  },
  rate_limit: {
    causes: true,
    text: 'A limit was reached. See whose it is, whether the clients named here are meant to send that much, ' +
      'and have them back off when refused.',
  },
  flood: {
    causes: false,
    text: 'Filter the sources upstream and see that SYN cookies are on (sysctl net.ipv4.tcp_syncookies). ' +
      'Sources of a flood are often forged: do not blame their owners.',
  },
  scan: {
    causes: false,
    text: 'If the scanner is yours (monitoring, inventory, a security audit), note it down and filter it out. ' +
      'If it is not: block it at the border, and read what it found open as it does.',
  },
  retry_storm: {
    causes: true,
    text: 'Clients try again at once, and more of them each time. Give them exponential back-off with jitter ' +
      'and a limit; then mend what made the first attempt fail.',
  },
  path_change: {
    causes: true,
    text: 'Look at routing (BGP, ECMP, load balancers) at the start of the incident: connections moved to a ' +
      'device that does not know them.',
  },
  backscatter: {
    causes: false,
    text: 'Somebody elsewhere is flooded with your addresses as forged senders; what you see are the victim’s ' +
      'answers. Nothing is wrong here; tell the victim if you like.',
  },
};
