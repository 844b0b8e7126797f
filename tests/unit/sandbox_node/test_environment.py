from typing import Any

import pytest

from lockstep_sandbox.node.environment import expand, resolve
from lockstep_sandbox.node.rewrite import Rewriter
from lockstep_sandbox.node.sources import MissingError
from unit.sandbox_node.stubs import StubSources, pod

SOURCES = StubSources({"cm": {"a": b"1", "b": b"2"}}, {"s": {"key": b"secret"}})


REWRITE = Rewriter({"/run/x": "/run/x/pods/tmp"}, "127.9.1.1")


async def variables(container: dict[str, Any], **base: str) -> dict[str, str]:
    return await resolve(container, pod(), SOURCES, base, REWRITE)


def value_from(name: str, **source: Any) -> dict[str, Any]:
    return {"env": [{"name": name, "valueFrom": source}]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("$(A)/x", "1/x"), ("$(NONE)", "$(NONE)"), ("$$(A)", "$(A)"), ("$A", "$A"), ("$$", "$")],
)
def test_expansion(text: str, expected: str) -> None:
    assert expand(text, {"A": "1"}) == expected


async def test_later_variables_may_refer_to_earlier_ones_and_to_the_given() -> None:
    env = [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)$(HOST)$(C)"}, {"name": "C"}]
    assert await variables({"env": env}, HOST="h") == {"A": "1", "B": "1h$(C)", "C": ""}


async def test_no_path_is_rewritten_twice() -> None:
    env = [{"name": "A", "value": "/run/x/a"}, {"name": "B", "value": "$(A):$(HOME):/run/x/b"}]
    found = await variables({"env": env}, HOME="/run/x/pods/root")
    assert found["B"] == "/run/x/pods/tmp/a:/run/x/pods/root:/run/x/pods/tmp/b"


async def test_env_wins_over_env_from() -> None:
    container = {
        "envFrom": [{"configMapRef": {"name": "cm"}}, {"prefix": "S_", "secretRef": {"name": "s"}}],
        "env": [{"name": "a", "value": "own"}],
    }
    assert await variables(container) == {"a": "own", "b": "2", "S_key": "secret"}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "p"),
        ("metadata.labels['app']", "web"),
        ("metadata.annotations['note']", 'a "b"'),
        ("metadata.annotations['none']", ""),
        ("metadata.annotations", 'note="a \\"b\\""'),
        ("status.podIP", "127.9.1.1"),
        ("status.hostIP", "127.9.0.1"),
        ("spec.nodeName", "n1"),
        ("spec.serviceAccountName", "default"),
    ],
)
async def test_field_references(path: str, expected: str) -> None:
    assert await variables(value_from("X", fieldRef={"fieldPath": path})) == {"X": expected}


@pytest.mark.parametrize(("divisor", "expected"), [(None, "2"), ("1m", "1500"), ("1", "2")])
async def test_resources_are_rounded_up(divisor: str | None, expected: str) -> None:
    container = value_from("X", resourceFieldRef={"resource": "limits.cpu", "divisor": divisor})
    container["resources"] = {"limits": {"cpu": "1500m"}}
    assert await variables(container) == {"X": expected}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"secretKeyRef": {"name": "none", "key": "k"}}, 'secret "none" not found'),
        ({"configMapKeyRef": {"name": "cm", "key": "k"}}, "couldn't find key k in ConfigMap ns/cm"),
        ({"fieldRef": {"fieldPath": "spec.nothing"}}, "unsupported fieldPath"),
        ({"fileKeyRef": {}}, "unsupported valueFrom: fileKeyRef"),
    ],
)
async def test_what_is_missing_is_said(source: dict[str, Any], message: str) -> None:
    with pytest.raises(MissingError, match=message):
        await variables(value_from("X", **source))


async def test_optional_references_leave_the_variable_out() -> None:
    reference = {"name": "none", "key": "k", "optional": True}
    assert await variables(value_from("X", secretKeyRef=reference)) == {}
