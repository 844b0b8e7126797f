"""Asks one pod of the candidate the golden requests, past the router."""

import asyncio
import json
import re
from typing import Any

from lockstep_operator.api.gates import ConfigMapKeyRef, Gate
from lockstep_operator.core.errors import ApiError, NotFound, PodUnreachable
from lockstep_operator.core.gates.golden import (
    GoldenDocument,
    GoldenRequest,
    InvalidGolden,
    first_difference,
    parse_golden,
    result_of,
    tolerance_of,
)
from lockstep_operator.core.gates.samples import GoldenResult
from lockstep_operator.core.gates.target import Target
from lockstep_operator.core.names import TELEMETRY_PORT
from lockstep_operator.shell.analysis.models import ready_pods
from lockstep_operator.shell.analysis.problems import Uncomputable
from lockstep_operator.shell.client import Client
from lockstep_operator.shell.keys import Key
from lockstep_operator.shell.pods import Pods
from lockstep_operator.shell.store import Manifest, Store

_DOCUMENT_SECONDS = 5.0
_ANSWER_SECONDS = 15.0
_AT_ONCE = 4
# What is right is no longer than the document (1 MiB), but for outputs that nobody asked about.
LONGEST_ANSWER = 4 * 1024 * 1024
LONGEST_ANSWERS = 64 * 1024 * 1024
# The server's state at the moment, or it wants a token, which the operator has not.
_NOT_ITS_ANSWER = (401, 403, 429, 502, 503, 504)
_LONGEST_EXCERPT = 200
# No dots in a row and nothing encoded: in proxy mode the path is part of an API server's URL.
_PATH = re.compile(r"/(?!.*\.\.)[-A-Za-z0-9_~:/.,=&?+]*")


class Golden:
    """Golden requests, from a ConfigMap or from the file beside the model."""

    def __init__(self, client: Client, store: Store, pods: Pods) -> None:
        self._client = client
        self._store = store
        self._pods = pods

    async def ask(self, key: Key, target: Target, gate: Gate) -> GoldenResult:
        """Return how many of the requests the candidate answers otherwise than expected.

        Raises:
            Uncomputable: they could not all be asked; the message says why.
        """
        namespace, name = key
        pods = ready_pods(self._store, key, target.candidate)
        if not pods:
            raise Uncomputable(
                f"candidate {target.candidate} has no ready pod to ask: see why it is not ready"
            )
        document = await self._document(namespace, gate.config_map, pods[0])
        return await self._answers(document, gate, _Pod(self._pods, pods[0], name, target.port))

    async def _answers(self, document: GoldenDocument, gate: Gate, pod: "_Pod") -> GoldenResult:
        """Each answer is compared when it comes, and let go: together they may be large."""
        turns = asyncio.Semaphore(_AT_ONCE)
        tolerance = tolerance_of(document, gate)
        misses: dict[str, str | None] = {}

        async def ask(request: GoldenRequest) -> None:
            async with turns:
                try:
                    answer = await pod.answer(request)
                    misses[request.name] = first_difference(request, answer, tolerance)
                except _Wrong as error:
                    misses[request.name] = str(error)

        try:
            async with asyncio.TaskGroup() as group:
                for request in document.requests:
                    group.create_task(ask(request))
        except* Uncomputable as errors:
            raise errors.exceptions[0] from None
        return result_of(document, misses)

    async def _document(
        self, namespace: str, reference: ConfigMapKeyRef | None, pod: Manifest
    ) -> GoldenDocument:
        if reference is None:
            source = "golden.json beside the model"
        else:
            source = f"key {reference.key} of ConfigMap {reference.name}"
        try:
            if reference is None:
                return parse_golden(await self._file(pod))
            return parse_golden(await self._config_map(namespace, reference))
        except InvalidGolden as error:
            raise Uncomputable(f"{source}: {error}") from error

    async def _file(self, pod: Manifest) -> bytes:
        name = pod["metadata"]["name"]
        try:
            answer = await self._pods.ask(pod, TELEMETRY_PORT, "/golden", _DOCUMENT_SECONDS)
        except PodUnreachable as error:
            raise Uncomputable(f"golden.json of pod {name} could not be read: {error}") from error
        if answer.status == 404:
            raise Uncomputable(
                "there is no golden.json beside the model: add it there, or name a configMap"
            )
        if answer.status != 200:
            why = _excerpt(answer.body)
            raise Uncomputable(f"pod {name} answered {answer.status} to /golden: {why}")
        return answer.body

    async def _config_map(self, namespace: str, reference: ConfigMapKeyRef) -> str:
        name, key = reference.name, reference.key
        try:
            found = await self._client.get("ConfigMap", namespace, name)
        except NotFound as error:
            raise Uncomputable(f"ConfigMap {name} does not exist in {namespace}") from error
        except ApiError as error:
            raise Uncomputable(f"ConfigMap {name} could not be read: {error}") from error
        text = (found.get("data") or {}).get(key)
        if text is None:
            raise Uncomputable(f"ConfigMap {name} has no key {key}: add the golden requests to it")
        return str(text)


class _Wrong(Exception):
    """The pod answered, and not with 200 and JSON."""


class _Pod:
    """The pod that is asked."""

    def __init__(self, pods: Pods, pod: Manifest, model: str, port: int) -> None:
        self._pods = pods
        self._pod = pod
        self._model = model
        self._port = port
        self._read = 0

    async def answer(self, request: GoldenRequest) -> Any:
        path = _checked(request.path or f"/v2/models/{self._model}/infer", request.name)
        name = self._pod["metadata"]["name"]
        try:
            answer = await self._pods.post(
                self._pod, self._port, path, request.body, _ANSWER_SECONDS, longest=LONGEST_ANSWER
            )
        except PodUnreachable as error:
            raise Uncomputable(f"golden request {request.name}: {error}") from error
        self._read += len(answer.body)
        if self._read > LONGEST_ANSWERS:
            raise Uncomputable(
                f"the answers to the golden requests have more than {LONGEST_ANSWERS} bytes "
                "together: ask fewer, or for fewer outputs"
            )
        if answer.status in _NOT_ITS_ANSWER:
            raise Uncomputable(
                f"golden request {request.name}: pod {name} answered {answer.status}; "
                "it is asked again"
            )
        if answer.status != 200:
            raise _Wrong(f"status {answer.status}: {_excerpt(answer.body)}")
        try:
            return json.loads(answer.body)
        except ValueError:
            raise _Wrong(f"the answer is not JSON: {_excerpt(answer.body)}") from None
        except RecursionError:
            raise _Wrong("the answer is nested too deeply to be compared") from None


def _checked(path: str, name: str) -> str:
    if not _PATH.fullmatch(path):
        raise Uncomputable(
            f"golden request {name}: path {path[:_LONGEST_EXCERPT]!r} must be a plain path, "
            "without .. and without encoded characters"
        )
    return path


def _excerpt(body: bytes) -> str:
    return " ".join(body[:_LONGEST_EXCERPT].decode(errors="replace").split())
