"""What one router pod says about one ModelDeployment, from Envoy's statistics."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from lockstep_operator.core.errors import LockstepError
from lockstep_operator.traffic.envoy import names

_REFUSALS = ("update_rejected", "update_failure")
_SCOPES = {
    names.CLUSTERS_FILE: "cluster_manager.cds",
    names.LISTENERS_FILE: "listener_manager.lds",
}


@dataclass(frozen=True, slots=True)
class RouterStats:
    """One pod's view.

    Attributes:
        route_version: version of the route it runs, "" before the first, None: it has no listener.
        healthy: healthy endpoints by cluster; a cluster that it does not know is absent.
            (A cluster that is still warming, and would answer 503, counts 0: checked with 1.40.)
        refusals: by file, how often this Envoy has refused to take it over.
    """

    route_version: str | None
    healthy: Mapping[str, int]
    refusals: Mapping[str, int]


def stats_path(deployment: str, clusters: Collection[str]) -> str:
    """Return path and query, percent-encoded, of the one request that `parse_stats` needs."""
    shared = "|".join(re.escape(scope) for scope in _SCOPES.values())
    rds = re.escape(_route_scope(deployment))
    refusals = "|".join(_REFUSALS)
    patterns = [rf"({shared}|{rds})\.({refusals})", rf"{rds}\.version_text"]
    if clusters:
        known = "|".join(re.escape(cluster) for cluster in sorted(clusters))
        patterns.append(rf"cluster\.({known})\.membership_healthy")
    pattern = f"^({'|'.join(patterns)})$"
    return f"/stats?format=json&filter={quote(pattern, safe='')}"


def parse_stats(body: bytes, deployment: str) -> RouterStats:
    """Read an answer to `stats_path`.

    Raises:
        LockstepError: not Envoy's statistics.
    """
    values = read_values(body)
    scopes = {**_SCOPES, names.route_file(deployment): _route_scope(deployment)}
    version = values.get(f"{_route_scope(deployment)}.version_text")
    return RouterStats(
        route_version=None if version is None else str(version),
        healthy={
            parts[1]: int(value)
            for name, value in values.items()
            if len(parts := name.split(".")) == 3 and parts[0] == "cluster"
        },
        refusals={
            key: sum(int(values.get(f"{scope}.{kind}", 0)) for kind in _REFUSALS)
            for key, scope in scopes.items()
        },
    )


def _route_scope(deployment: str) -> str:
    return f"http.{deployment}.rds.{deployment}"


def read_values(body: bytes) -> dict[str, str | int]:
    """Return the values of an answer of `/stats?format=json` by name.

    Raises:
        LockstepError: not Envoy's statistics.
    """
    try:
        rows = json.loads(body)["stats"]
        return {row["name"]: row["value"] for row in rows if "name" in row}
    except (ValueError, KeyError, TypeError) as error:
        raise LockstepError(f"a router pod's statistics are not readable: {error!r}") from error
