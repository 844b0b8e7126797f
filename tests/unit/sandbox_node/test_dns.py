import asyncio
import socket
from typing import Any

import pytest
from dnslib import DNSRecord

from lockstep_sandbox.node.dns import Answer, Resolver, serve
from unit.sandbox_node.stubs import StubServices

NAME_ERROR = 3


@pytest.fixture
def services() -> StubServices:
    many = [f"127.9.1.{number}" for number in range(1, 60)]
    return StubServices(
        {
            ("ns", "web"): ("127.9.128.2", []),
            ("ns", "head"): ("None", ["127.9.1.1", "127.9.1.2"]),
            ("ns", "empty"): ("None", []),
            ("ns", "many"): ("None", many),
        }
    )


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("web.ns.svc.cluster.local", "A", Answer(0, ("127.9.128.2",))),
        ("web.ns.svc.cluster.local", "AAAA", Answer(0)),
        ("head.ns.svc.cluster.local", "A", Answer(0, ("127.9.1.1", "127.9.1.2"))),
        ("empty.ns.svc.cluster.local", "A", Answer(NAME_ERROR)),
        ("none.ns.svc.cluster.local", "A", Answer(NAME_ERROR)),
        ("ns.svc.cluster.local", "A", Answer(0)),
        ("other.svc.cluster.local", "A", Answer(NAME_ERROR)),
        ("x.y.z.cluster.local", "A", Answer(NAME_ERROR)),
        ("cluster.local", "A", Answer(0)),
    ],
)
def test_answers(services: StubServices, name: str, kind: str, expected: Answer) -> None:
    assert Resolver(services, 30).ask(name, kind)[0] == expected


def test_answers_live_their_time_also_negative_ones(services: StubServices) -> None:
    now = [100.0]
    resolver = Resolver(services, 30, lambda: now[0])
    name = "new.ns.svc.cluster.local"
    assert resolver.ask(name, "A") == (Answer(NAME_ERROR), 30)
    services.known["ns", "new"] = ("127.9.128.9", [])
    now[0] += 29
    assert resolver.ask(name, "A") == (Answer(NAME_ERROR), 1)
    now[0] += 1
    assert resolver.ask(name, "A") == (Answer(0, ("127.9.128.9",)), 30)


@pytest.fixture
async def address(services: StubServices) -> Any:
    server, port = await serve(Resolver(services, 30), "127.0.0.1")
    yield "127.0.0.1", port
    server.close()


async def ask(name: str, address: tuple[str, int], tcp: bool = False) -> DNSRecord:
    question = DNSRecord.question(name)
    return DNSRecord.parse(await asyncio.to_thread(question.send, *address, tcp=tcp, timeout=2))


async def test_udp(address: tuple[str, int]) -> None:
    reply = await ask("HEAD.ns.svc.cluster.local", address)
    assert [str(each.rdata) for each in reply.rr] == ["127.9.1.1", "127.9.1.2"]
    assert reply.rr[0].ttl == 30
    missing = await ask("none.ns.svc.cluster.local", address)
    assert missing.header.rcode == NAME_ERROR
    assert missing.auth[0].ttl == 30


async def test_a_long_answer_is_cut_over_udp_and_whole_over_tcp(address: tuple[str, int]) -> None:
    cut = await ask("many.ns.svc.cluster.local", address)
    assert cut.header.tc
    whole = await ask("many.ns.svc.cluster.local", address, tcp=True)
    assert len(whole.rr) == 59


async def test_garbage_and_foreign_names(address: tuple[str, int]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(b"\x00garbage", address)
    reply = await ask("example.com", address)
    assert reply.header.rcode == 5  # refused
