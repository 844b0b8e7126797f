"""Who asks: bearer tokens of the admin, the sandbox itself and service accounts."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lockstep_sandbox.apiserver.call import NODES, Answer, Call, User
from lockstep_sandbox.apiserver.clock import SECONDS
from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import unauthorized
from lockstep_sandbox.apiserver.writes import existing

Json = Any
ALL = "system:authenticated"
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))  # RBAC gives it nothing
ADMIN = User("kubernetes-admin", ("system:masters", ALL))
KUBELET = User(f"{NODES}:kubelet", ("system:masters", ALL))
CONTROLLERS = User(f"{NODES}:controllers", ("system:masters", ALL))
LONGEST = 24 * 3600  # seconds that a service account's token may live


@dataclass(frozen=True)
class _Bound:
    user: User
    namespace: str
    account: str
    pod: tuple[str, str]  # name and uid, or two empty strings
    until: float  # time.time()


@dataclass
class Tokens:
    """The tokens that are good; they live as long as the process.

    `endpoint` opens no door here: the kubelet knows the server's log requests by it.
    """

    admin: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    kubelet: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    controllers: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    endpoint: str = field(default_factory=lambda: secrets.token_urlsafe(32))  # of the kubelet
    _bound: dict[str, _Bound] = field(default_factory=dict)

    def user(self, cluster: Cluster, headers: Mapping[str, str]) -> User:
        """Return who sent a request; raises ApiError 401."""
        if "Authorization" not in headers:
            return ANONYMOUS
        scheme, _, token = headers["Authorization"].partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise unauthorized()
        fixed = {self.admin: ADMIN, self.kubelet: KUBELET, self.controllers: CONTROLLERS}
        for known, user in fixed.items():
            if secrets.compare_digest(token.encode(), known.encode()):
                return user
        return self._account(cluster, token)

    def _account(self, cluster: Cluster, token: str) -> User:
        bound = self._bound.get(token)
        if bound is None:
            raise unauthorized()
        account = cluster.get("serviceaccounts", bound.namespace, bound.account)
        alive = account is not None and account["metadata"]["uid"] == bound.user.uid
        name, uid = bound.pod
        if name:
            pod = cluster.get("pods", bound.namespace, name)
            alive = alive and pod is not None and pod["metadata"]["uid"] == uid
        if not alive or time.time() > bound.until:
            del self._bound[token]
            raise unauthorized()
        return bound.user

    def request(self, cluster: Cluster, call: Call) -> Answer:
        """POST serviceaccounts/NAME/token: make a bound token."""
        account, body = existing(cluster, call), call.document()
        spec = dict(body.get("spec") or {})
        seconds = min(int(spec.get("expirationSeconds") or 3600), LONGEST)
        bound = spec.get("boundObjectRef") or {}
        pod = (
            (bound.get("name", ""), bound.get("uid", ""))
            if bound.get("kind") == "Pod"
            else ("", "")
        )
        user = account_user(call.namespace, call.name, account["metadata"]["uid"], pod)
        until = time.time() + seconds
        token = secrets.token_urlsafe(48)
        self._bound[token] = _Bound(user, call.namespace, call.name, pod, until)
        spec |= {"expirationSeconds": seconds, "audiences": spec.get("audiences") or _AUDIENCES}
        at = datetime.fromtimestamp(until, UTC).strftime(SECONDS)
        meta = {"name": call.name, "namespace": call.namespace}
        head = {"kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "metadata": meta}
        return Answer(
            {**head, "spec": spec, "status": {"token": token, "expirationTimestamp": at}}, 201
        )


_AUDIENCES = ["https://kubernetes.default.svc.cluster.local"]


def account_user(namespace: str, name: str, uid: str, pod: tuple[str, str] = ("", "")) -> User:
    """Return the user that a service account is."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", ALL)
    extra: dict[str, list[str]] = {}
    if pod[0]:
        prefix = "authentication.kubernetes.io/pod"
        extra = {f"{prefix}-name": [pod[0]], f"{prefix}-uid": [pod[1]]}
    return User(f"system:serviceaccount:{namespace}:{name}", groups, uid, extra)


def impersonated(name: str, groups: Iterable[str]) -> User:
    """Return the user that an administrator acts as."""
    match name.split(":"):
        case ["system", "serviceaccount", namespace, account]:
            return account_user(namespace, account, uid="")
    return User(name, (*groups, ALL))
