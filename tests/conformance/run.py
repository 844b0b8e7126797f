"""Run a scenario against any API server, step by step."""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from typing import Any

from conformance.cases import Scenario, Step
from conformance.connection import ACCEPT, CONTENT_TYPES, Connection, Reply
from conformance.normalise import normalise, pick

PATIENCE = 20.0  # seconds that an `until` may take
ALPHABET = "bcdfghjklmnpqrstvwxz"  # no vowels, no digits: never a word, never a number

VARIABLE = re.compile(r"\{([a-z]+)\}")


class ScenarioError(Exception):
    """A step could not even be sent, or its answer lacks what later steps need."""


def run(connection: Connection, scenario: Scenario) -> Iterator[tuple[Step, dict[str, Any]]]:
    """Yield each step with its normalised answer; the namespace and leftovers are removed."""
    mark = "".join(secrets.choice(ALPHABET) for _ in range(6))
    variables = {"id": mark, "ns": f"conf-{mark}"}
    shown = {"id": mark}
    try:
        _make_namespace(connection, variables["ns"])
        for step in scenario.given:
            reply = _perform(connection, step, variables)
            if reply.status >= 400 and not step.until:
                raise ScenarioError(f"{step.name}: {step.do}: {reply.status} {reply.text}")
            _remember(step, reply, variables, shown)
        for step in scenario.steps:
            reply = _perform(connection, step, variables)
            _remember(step, reply, variables, shown)
            yield step, normalise(step, reply, shown)
    finally:
        for path in [*scenario.cleanup, "/api/v1/namespaces/{ns}"]:
            _send(connection, Step(name="cleanup", do=f"DELETE {path}"), variables)


def _make_namespace(connection: Connection, name: str) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    step = Step(name="namespace", do="POST /api/v1/namespaces", body=body)
    reply = _send(connection, step, {})
    if reply.status != 201:
        raise ScenarioError(f"cannot make namespace {name}: {reply.status} {reply.text}")


def _perform(connection: Connection, step: Step, variables: dict[str, str]) -> Reply:
    """Send a step; with `until`, again and again until the answer is as wanted."""
    deadline = time.monotonic() + PATIENCE
    while True:
        reply = _send(connection, step, variables)
        if not step.until or _satisfied(step, reply) or time.monotonic() > deadline:
            return reply
        time.sleep(0.1)


def _satisfied(step: Step, reply: Reply) -> bool:
    body = {"status": reply.status, "body": _parsed(reply)}
    return all(pick(body, path) == value for path, value in step.until.items())


def _send(connection: Connection, step: Step, variables: dict[str, str]) -> Reply:
    method, url = fill(step.do, variables).split(" ", 1)
    headers = {"Accept": ACCEPT.get(step.accept, step.accept), **fill(step.headers, variables)}
    content = _content(step, variables)
    if content is not None:
        headers["Content-Type"] = CONTENT_TYPES.get(step.type, step.type)
    user = fill(step.user, variables)
    return connection.send(
        method, url, headers=headers, content=content, user=user, events=step.watch
    )


def _content(step: Step, variables: dict[str, str]) -> str | None:
    if step.raw is not None:
        return str(fill(step.raw, variables))
    if step.body is None:
        return None
    return json.dumps(fill(step.body, variables))


def fill(value: Any, variables: dict[str, str]) -> Any:
    """Put variables into every string of a value; an unknown one is left as it stands."""
    if isinstance(value, dict):
        return {fill(k, variables): fill(v, variables) for k, v in value.items()}
    if isinstance(value, list):
        return [fill(v, variables) for v in value]
    if not isinstance(value, str):
        return value
    return VARIABLE.sub(lambda match: variables.get(match[1], match[0]), value)


def _remember(step: Step, reply: Reply, variables: dict[str, str], shown: dict[str, str]) -> None:
    """Keep what later steps need; values that are names show up as {variable} in answers."""
    for name, path in step.save.items():
        value = pick(_parsed(reply), path)
        if value == "<absent>":
            raise ScenarioError(f"{step.name}: no {path} in {reply.status} {reply.text[:300]}")
        variables[name] = str(value)
        if path.endswith("/name"):
            shown[name] = str(value)


def _parsed(reply: Reply) -> Any:
    """Return the body, or None when it is no JSON."""
    try:
        return json.loads(reply.text)
    except json.JSONDecodeError:
        return None
