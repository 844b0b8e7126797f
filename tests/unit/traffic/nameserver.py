"""A DNS server on loopback whose answers a test sets."""

import asyncio
from dataclasses import dataclass, field
from typing import cast

from dnslib import AAAA, QTYPE, RCODE, RR, A, DNSRecord


@dataclass
class Zone:
    """`records`: addresses by name without the last dot; `failure`: answer with this code."""

    records: dict[str, list[str]] = field(default_factory=dict)
    failure: int | None = None
    ttl: int = 5
    questions: list[str] = field(default_factory=list)

    def answer(self, query: bytes) -> bytes:
        request = DNSRecord.parse(query)
        reply = request.reply()
        name = str(request.q.qname).rstrip(".")
        self.questions.append(f"{QTYPE[request.q.qtype]} {name}")
        if self.failure is not None:
            reply.header.rcode = self.failure
        elif name not in self.records:
            reply.header.rcode = RCODE.NXDOMAIN
        else:
            for address in self.records[name]:
                kind, data = (QTYPE.AAAA, AAAA) if ":" in address else (QTYPE.A, A)
                if kind == request.q.qtype:
                    reply.add_answer(RR(request.q.qname, kind, ttl=self.ttl, rdata=data(address)))
        return bytes(reply.pack())


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone) -> None:
        self._zone = zone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._transport.sendto(self._zone.answer(data), addr)


class Nameserver:
    """Serves a zone over UDP."""

    def __init__(self, address: str) -> None:
        self.zone = Zone()
        self.address = address
        self.port = 0

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Protocol(self.zone), local_addr=(self.address, 0)
        )
        self.port = self._transport.get_extra_info("sockname")[1]

    def stop(self) -> None:
        self._transport.close()
