"""The cluster's DNS: Services by name, answers that live as long as CoreDNS's cache keeps them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from dnslib import QTYPE, RCODE, RR, SOA, A, DNSError, DNSRecord

from lockstep_sandbox.node.services import HEADLESS, Services

ZONE = "cluster.local"
_PLAIN_UDP = 512  # what a question without EDNS takes
_LONGEST_UDP = 1232


@dataclass(frozen=True)
class Answer:
    """A result: addresses, or none with the code that says why."""

    code: int
    addresses: tuple[str, ...] = ()


class Resolver:
    """Answers questions about the zone; caches them, the negative ones too."""

    def __init__(
        self, services: Services, ttl: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._services = services
        self._ttl = ttl
        self._clock = clock
        self._cache: dict[tuple[str, str], tuple[float, Answer]] = {}

    def ask(self, name: str, kind: str) -> tuple[Answer, int]:
        """Return the answer for a lower-case name without the last dot, and its time to live."""
        now = self._clock()
        until, answer = self._cache.get((name, kind), (now, None))
        if answer is None or until <= now:
            until, answer = now + self._ttl, self._look_up(name, kind)
            self._cache[name, kind] = (until, answer)
        return answer, max(round(until - now), 1)

    def _look_up(self, name: str, kind: str) -> Answer:
        labels = name.removesuffix(ZONE).rstrip(".").split(".")
        match labels:
            case [service, namespace, "svc"]:
                addresses = self._addresses(service, namespace)
                if not addresses:
                    return Answer(RCODE.NXDOMAIN)
                return Answer(RCODE.NOERROR, tuple(addresses) if kind == "A" else ())
            case [namespace, "svc"]:
                known = namespace in self._services.namespaces()
                return Answer(RCODE.NOERROR if known else RCODE.NXDOMAIN)
            case ["svc"] | [""]:
                return Answer(RCODE.NOERROR)
            case _:
                return Answer(RCODE.NXDOMAIN)

    def _addresses(self, name: str, namespace: str) -> list[str]:
        service = self._services.get((namespace, name))
        if service is None:
            return []
        address = service["spec"].get("clusterIP")
        if address == HEADLESS:
            return self._services.addresses((namespace, name))
        return [address] if address else []


def reply(resolver: Resolver, question: bytes) -> DNSRecord:
    """Return the reply to one packet.

    Raises:
        DNSError: it is no question.
    """
    request = DNSRecord.parse(question)
    name = str(request.q.qname).rstrip(".").lower()
    kind = QTYPE[request.q.qtype]
    inside = name == ZONE or name.endswith(f".{ZONE}")
    answer, ttl = resolver.ask(name, kind) if inside else (Answer(RCODE.REFUSED), 0)
    record = request.reply(ra=1, aa=int(inside))
    record.header.rcode = answer.code
    for address in answer.addresses:
        record.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(address), ttl=ttl))
    if not answer.addresses and inside:
        times = (1, 7200, 1800, 86400, 30)
        authority = SOA(f"ns.dns.{ZONE}", f"hostmaster.{ZONE}", times)
        record.add_auth(RR(ZONE, QTYPE.SOA, rdata=authority, ttl=ttl))
    return record


class _Datagrams(asyncio.DatagramProtocol):
    """UDP: each packet is answered by itself; what is too long is cut and asked again over TCP."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            record = reply(self._resolver, data)
        except DNSError:
            return  # not DNS: no reply, as everywhere
        packet = record.pack()
        limit = _LONGEST_UDP if DNSRecord.parse(data).ar else _PLAIN_UDP
        self._transport.sendto(packet if len(packet) <= limit else record.truncate().pack(), addr)


async def serve(resolver: Resolver, host: str) -> tuple[asyncio.Server, int]:
    """Listen on UDP and TCP with one port number; return the TCP server and the port."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while size := await reader.readexactly(2):
                question = await reader.readexactly(int.from_bytes(size))
                packet = reply(resolver, question).pack()
                writer.write(len(packet).to_bytes(2) + packet)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, DNSError):
            pass  # the client hung up, or speaks something else
        finally:
            writer.close()

    server = await asyncio.start_server(converse, host, 0)
    port = int(server.sockets[0].getsockname()[1])
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: _Datagrams(resolver), (host, port))
    return server, port
