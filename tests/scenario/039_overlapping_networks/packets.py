# SPDX-License-Identifier: Apache-2.0
"""Three customers use the same addresses and, by chance, the same ports, at the same time: in virtual network 5001 the
server aborts, in 5002 nothing listens, in 5003 all is well; and a fourth, with the network's number but within another
provider's, is well too. No packet of one counts for another."""
import tunnels as t
from builder import Conversation, merge


def vxlan(vni, payload):
    return t.frame(t.IPV4, t.ipv4(17, t.udp(4789, t.vxlan(vni, payload))))


def talk():
    return Conversation("10.0.1.7", 40001, "10.0.2.9", 8080)


def packets():
    aborted, refused, well, nested = talk(), talk(), talk(), talk()
    aborted.handshake().client_sends(800).wait(0.05).server_rst()
    refused.wait(0.0003).syn().wait(0.0004).server_rst("stateless")
    well.wait(0.0005).handshake().client_sends(800).server_sends(3000).client_fin().server_fin()
    nested.wait(0.0007).handshake().client_sends(800).server_sends(90).client_fin().server_fin()
    return merge(t.carried(aborted.packets, lambda s: vxlan(5001, s.bytes())),
                 t.carried(refused.packets, lambda s: vxlan(5002, s.bytes())),
                 t.carried(well.packets, lambda s: vxlan(5003, s.bytes())),
                 t.carried(nested.packets, lambda s: vxlan(9, vxlan(5001, s.bytes()))))
