# SPDX-License-Identifier: Apache-2.0
"""Why packets cannot tell some causes apart: (true cause, cause said) -> one line. Either order is looked up."""

REASONS = {
    ("app_abort_linger0", "app_abort_unread"):
        "one image for both; whether the last request had been read stands in the server's memory only",
    ("admin_kill", "app_abort_linger0"):
        "ss -K and SO_LINGER 0 send the same packet; who called is not on the wire",
    ("admin_kill", "idle_timeout_rst"):
        "a socket killed by hand after a pause looks like one killed by a timer",
    ("client_cancel", "client_fast_close"):
        "whether more was to come stands in the answer's length, inside the payload",
    ("client_cancel", "app_abort_linger0"):
        "the client's reset is the same whether it had what it wanted or not",
    ("client_fast_close", "health_check"):
        "a check over HTTP is a fast close; only its rhythm over many connections tells",
    ("process_crash", "app_abort_unread"):
        "each connection alone is a close with unread data; only that many end in one moment tells",
    ("process_crash", "close_then_late_data"):
        "the kernel of a killed process closes with a FIN, as a program does; only that many end in one moment "
        "tells",
    ("state_loss_failover", "fw_midstream_reject"):
        "one connection shows a reject in its middle; that others ended in the same moment is not in its packets",
    ("path_change", "fw_midstream_reject"):
        "the step of the TTL may be too early or too small to be seen in this connection",
    ("port_closed", "host_fw_reject"):
        "an unmarked IPv4 refusal by nftables on the host has the same fields as the kernel's own",
    ("port_scan", "port_closed"):
        "one refused SYN of a whole stack is like any other; only the number of ports tells",
    ("port_scan", "stray_segment"):
        "a bare ACK to a closed port is a stray segment until there are many of them",
    ("port_scan", "connect_cancel"):
        "connect() and an early end: one connection does not tell a scanner from a client that changed its mind",
    ("port_scan", "health_check"):
        "SYN, SYN-ACK, reset: only the rhythm and the number of ports tell",
    ("health_check", "connect_cancel"):
        "one check alone is a connection given up; only its rhythm tells",
    ("connect_cancel", "app_abort_linger0"):
        "a reset right after the handshake, whatever the program meant by it",
    ("syn_blackhole", "listen_overflow_drop"):
        "an ignored SYN is silence in both cases; only that others are served at the same time tells",
    ("retrans_timeout", "listen_overflow_drop"):
        "with SYN cookies the server says nothing at all: silence after the handshake",
    ("retrans_timeout", "silent_state_expiry"):
        "after silence nobody can see whether a device or the peer forgot the connection",
    ("ips_reset_both", "sni_url_block"):
        "the same resets to both sides; only what the request named, and what others were allowed, tells",
    ("ips_reset_both", "censor_injection"):
        "who owns the device is not on the wire; number, steps and fields are all there is",
    ("ips_reset_both", "isp_throttle"):
        "who owns the device is not on the wire; number, steps and fields are all there is",
    ("fw_midstream_reject", "sni_url_block"):
        "a reset to the client alone: a firewall's reject or a name filter's answer",
    ("idle_timeout_rst", "nat_expiry_rst"):
        "both forget by a timer; a firewall that rejects and a router that answers for itself differ in one field "
        "at most",
    ("idle_timeout_rst", "app_abort_linger0"):
        "a program's own timer and a program's decision send the same packet",
    ("idle_timeout_fin", "close_then_late_data"):
        "a FIN after a pause may be a timer's or a decision's; only repetition shows the timer",
    ("request_timeout", "idle_timeout_fin"):
        "an unfinished request and a finished one differ in the payload only",
    ("keepalive_race", "close_then_late_data"):
        "whether the request left before the FIN arrived is a matter of half a round trip",
    ("lb_no_backend", "idle_timeout_fin"):
        "a proxy that gives up on its back side and a timer both close after whole seconds without an answer",
    ("lb_no_backend", "close_then_late_data"):
        "why a proxy closed is known to its back side only",
    ("rate_limit", "app_abort_linger0"):
        "a refused client and an aborted one get the same packet; only the others' fate tells",
    ("rate_limit", "listener_closed_backlog"):
        "a reset right after the handshake: a limiter, or a listener that went away",
    ("listener_closed_backlog", "app_abort_linger0"):
        "a connection reset before it was accepted, or right after",
    ("tls_failure", "app_abort_unread"):
        "with TLS 1.3 the alert is encrypted: only its length is seen",
    ("tls_failure", "client_fast_close"):
        "with TLS 1.3 the alert is encrypted: only its length is seen",
    ("tls_failure", "client_cancel"):
        "with TLS 1.3 the alert is encrypted: only its length is seen",
    ("timewait_collision", "half_open_discovery"):
        "an old connection answers a new SYN; how it ended may not have been seen",
    ("ddos_auth_reset", "half_open_discovery"):
        "a wrong acknowledgement to a SYN; only that every new client gets one tells",
    ("ct_invalid_leak", "stray_segment"):
        "the translated connection has other addresses: only their comparison tells",
    ("backscatter", "stray_segment"):
        "an answer to nothing and a segment of something unseen look alike",
    ("idle_timeout_rst", "client_fast_close"):
        "a client's timer and a client's decision send the same packet",
    ("request_timeout", "idle_timeout_rst"):
        "a timer in either case; what the server waited for stands in the payload",
    ("app_protocol_error", "app_abort_unread"):
        "the server says nothing: that it expected another protocol is not on the wire",
    ("overload", "rate_limit"):
        "a limit on sessions is both: protection from one client and a table that is full",
    ("proxy_relayed", "client_cancel"):
        "the other leg tells; it has other addresses",
    ("proxy_relayed", "client_fast_close"):
        "the other leg tells; it has other addresses",
}


def reason(true, said):
    return REASONS.get((true, said)) or REASONS.get((said, true))
