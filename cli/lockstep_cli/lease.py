"""Is there an operator? What its Lease says about that."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from lockstep_cli.moment import parse_time

LEASE_NAME: Final = "lockstep-operator"
_CLOCK_SKEW: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Operator:
    """The holder of the Lease. `unknown`: this account may not look."""

    state: Literal["running", "absent", "expired", "unknown"]
    holder: str | None = None
    namespace: str | None = None

    @property
    def missing(self) -> bool:
        """True when it is known that nobody acts on what is written."""
        return self.state in ("absent", "expired")

    @property
    def warning(self) -> str | None:
        """The sentence for the user, None when there is nothing to say."""
        if self.state == "absent":
            return f"no operator holds the Lease {LEASE_NAME!r}: nothing acts on changes"
        if self.state == "expired":
            return (
                f"no operator holds the Lease {LEASE_NAME!r}: {self.holder} in {self.namespace} "
                "stopped renewing it, and nothing acts on changes"
            )
        return None


def find_operator(leases: Sequence[dict[str, Any]] | None, now: datetime) -> Operator:
    """Judge the Leases of the operator's name; None: they could not be read."""
    if leases is None:
        return Operator("unknown")
    held = [lease for lease in leases if lease.get("spec", {}).get("holderIdentity")]
    if not held:
        return Operator("absent")
    newest = max(held, key=_expiry)
    state: Literal["running", "expired"] = "running" if _expiry(newest) >= now else "expired"
    return Operator(state, newest["spec"]["holderIdentity"], newest["metadata"]["namespace"])


def _expiry(lease: dict[str, Any]) -> datetime:
    spec = lease["spec"]
    renewed = parse_time(spec.get("renewTime")) or datetime.min.replace(tzinfo=UTC)
    return renewed + timedelta(seconds=spec.get("leaseDurationSeconds", 15)) + _CLOCK_SKEW
