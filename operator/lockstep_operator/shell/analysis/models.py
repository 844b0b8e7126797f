"""Reads the telemetry of the model pods of two revisions, in parallel."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lockstep_operator.api.group import COMPONENT_LABEL, DEPLOYMENT_LABEL, REVISION_LABEL
from lockstep_operator.core.errors import PodUnreachable
from lockstep_operator.core.failures import is_ready
from lockstep_operator.core.gates.samples import ModelReading
from lockstep_operator.core.gates.target import Target
from lockstep_operator.core.names import TELEMETRY_PORT
from lockstep_operator.shell.analysis.needs import Needs
from lockstep_operator.shell.analysis.telemetry import Page, Unreadable, parse_page
from lockstep_operator.shell.keys import Key
from lockstep_operator.shell.pods import Pods
from lockstep_operator.shell.store import Manifest, Store

LOOK_SECONDS = 1.5
_MOST_PAGES = 3  # a pod remembers no more
_ADVICE = (
    f"check that the operator reaches pods on port {TELEMETRY_PORT} (NetworkPolicies, --pod-access)"
)


Cursors = Mapping[str, int]
"""How far a pod's answers were read, by its UID."""


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What was read; `problems` by gate."""

    readings: tuple[ModelReading, ...] = ()
    cursors: Cursors = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


def ready_pods(store: Store, key: Key, revision: str) -> list[Manifest]:
    """Return the Ready pods of a revision, by name."""
    namespace, name = key
    labels = {COMPONENT_LABEL: "model", DEPLOYMENT_LABEL: name, REVISION_LABEL: revision}
    return [pod for pod in store.select("Pod", namespace, labels) if is_ready(pod)]


class Models:
    """The model pods, as far as gates are concerned."""

    def __init__(self, store: Store, pods: Pods, seconds: float = LOOK_SECONDS) -> None:
        """Give a pod so many seconds to answer."""
        self._store = store
        self._pods = pods
        self._seconds = seconds

    async def read(self, key: Key, target: Target, needs: Needs, cursors: Cursors) -> Telemetry:
        """Return the telemetry of both revisions, as far as gates need it; never raises.

        A pod of the candidate that does not answer may be the one that does harm, so then its
        gates are not computed. Of stable, one pod that answers is enough.
        """
        if not needs.candidate:
            return Telemetry()
        asked = [
            (revision, pod)
            for revision in (target.candidate, target.stable)
            if revision is not None
            for pod in ready_pods(self._store, key, revision)
        ]
        kept = cursors if needs.answers else None
        found = await asyncio.gather(*(self._page(pod, name, kept) for name, pod in asked))
        reads = [
            _Read(revision, pod["metadata"]["uid"], page)
            for (revision, pod), page in zip(asked, found, strict=True)
        ]
        return Telemetry(
            readings=tuple(one.page.reading for one in reads if isinstance(one.page, Page)),
            cursors=_moved(cursors, reads) if needs.answers else {},
            problems=_problems(target, needs, reads),
        )

    async def _page(self, pod: Manifest, revision: str, cursors: Cursors | None) -> Page | str:
        """Return what the pod tells, or why there is nothing. No answers without `cursors`."""
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        try:
            async with asyncio.timeout(self._seconds):
                return await self._pages(pod, revision, (cursors or {}).get(uid))
        except (PodUnreachable, Unreadable) as error:
            return f"pod {name}: {error}"
        except TimeoutError:
            return f"pod {name}: no answer within {self._seconds:g} s"

    async def _pages(self, pod: Manifest, revision: str, after: int | None) -> Page:
        whole = page = await self._one(pod, revision, after)
        for _ in range(_MOST_PAGES - 1):
            if not page.is_full:
                break
            page = await self._one(pod, revision, page.cursor)
            whole = whole.followed_by(page)
        return whole

    async def _one(self, pod: Manifest, revision: str, after: int | None) -> Page:
        path = "/telemetry" if after is None else f"/telemetry?after={after}"
        answer = await self._pods.ask(pod, TELEMETRY_PORT, path, self._seconds)
        if answer.status != 200:
            raise PodUnreachable(f"port {TELEMETRY_PORT} answered {answer.status} to {path}")
        return parse_page(answer.body, pod["metadata"]["uid"], revision)


@dataclass(frozen=True, slots=True)
class _Read:
    """One pod's page, or why there is none."""

    revision: str
    uid: str
    page: Page | str


def _moved(cursors: Cursors, reads: Sequence[_Read]) -> dict[str, int]:
    """A pod that did not answer is read on from where it was; one that is gone is forgotten."""
    moved = {one.uid: one.page.cursor for one in reads if isinstance(one.page, Page)}
    return {one.uid: cursors[one.uid] for one in reads if one.uid in cursors} | moved


def _problems(target: Target, needs: Needs, reads: Sequence[_Read]) -> dict[str, str]:
    problems: dict[str, str] = {}
    if target.stable is not None:
        stable = [one.page for one in reads if one.revision == target.stable]
        if not any(isinstance(page, Page) for page in stable):
            sentence = _sentence(f"stable revision {target.stable}", stable)
            problems |= dict.fromkeys(needs.stable, sentence)
    candidate = [one.page for one in reads if one.revision == target.candidate]
    if not candidate or not all(isinstance(page, Page) for page in candidate):
        sentence = _sentence(f"candidate {target.candidate}", candidate)
        problems |= dict.fromkeys(needs.candidate, sentence)
    return problems


def _sentence(whose: str, pages: Sequence[Page | str]) -> str:
    if not pages:
        return f"{whose} has no ready pod to read: see why its pods are not ready"
    first = next(page for page in pages if isinstance(page, str))
    return f"{whose} could not be read: {first}; {_ADVICE}"
