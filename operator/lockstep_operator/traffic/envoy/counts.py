"""Requests and errors by revision, from the statistics of one router pod's clusters."""

import re
from collections.abc import Collection
from urllib.parse import quote

from lockstep_operator.core.routing import RouterCount
from lockstep_operator.traffic.envoy import names
from lockstep_operator.traffic.envoy.stats import read_values

# Envoy counts an answer once, when the client gets it: those of the model server, and its own 503
# and 504. What it tried again stands under `retry.` (all checked with 1.40).
_REQUESTS, _ERRORS = "upstream_rq_completed", "upstream_rq_5xx"
# An answer of gRPC is HTTP 200 whatever its status. These count for 5xx: UNKNOWN,
# DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE and DATA_LOSS; Envoy's own answers are among them.
_GRPC_ERRORS = tuple(f"grpc.{code}" for code in (2, 4, 13, 14, 15))
# It has these two from the first answer on, but this one as soon as it knows the cluster.
_KNOWN = "membership_total"
# A copy that was not even sent says nothing of the revision.
_OVERFLOWS = ("upstream_rq_pending_overflow", "upstream_rq_active_overflow")


def counts_path(revisions: Collection[str]) -> str:
    """Return path and query, percent-encoded, of the one request that `parse_counts` needs."""
    known = [
        name
        for one in sorted(revisions)
        for name in (one, names.mirror_cluster(one), names.grpc_cluster(one))
    ]
    clusters = "|".join(re.escape(name) for name in known)
    kinds = "|".join(map(re.escape, (_REQUESTS, _ERRORS, *_GRPC_ERRORS, _KNOWN, *_OVERFLOWS)))
    pattern = f"^cluster\\.({clusters})\\.({kinds})$"
    return f"/stats?format=json&filter={quote(pattern, safe='')}"


def parse_counts(body: bytes, pod: str, revisions: Collection[str]) -> tuple[RouterCount, ...]:
    """Read an answer to `counts_path`; `pod` is the router pod's UID.

    Raises:
        LockstepError: not Envoy's statistics.
    """
    values = {name: int(value) for name, value in read_values(body).items()}
    return tuple(
        _count(values, cluster, pod, revision, assignment)
        for revision in sorted(revisions)
        for assignment, cluster in (
            ("split", revision),
            ("mirror", names.mirror_cluster(revision)),
        )
        if f"cluster.{cluster}.{_KNOWN}" in values
    )


def _count(
    values: dict[str, int], cluster: str, pod: str, revision: str, assignment: str
) -> RouterCount:
    def value(kind: str, cluster: str = cluster) -> int:
        return values.get(f"cluster.{cluster}.{kind}", 0)

    unsent = sum(map(value, _OVERFLOWS)) if assignment == "mirror" else 0
    grpc = names.grpc_cluster(cluster)
    return RouterCount(
        pod=pod,
        revision=revision,
        assignment=assignment,
        requests=value(_REQUESTS) + value(_REQUESTS, grpc),
        errors=value(_ERRORS) + sum(value(kind, grpc) for kind in _GRPC_ERRORS),
        unsent=unsent,
    )
