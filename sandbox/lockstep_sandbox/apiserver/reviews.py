"""Questions that are answered and not stored: who am I, may I, what may I."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lockstep_sandbox.apiserver.call import User
from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import ApiError
from lockstep_sandbox.apiserver.rbac import Attributes, allowed, rules_of

Json = Any
Review = Callable[[Cluster, User, Json], Json]


def _may_i(cluster: Cluster, user: User, spec: Json) -> Json:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes") or {}
    if resource is not None:
        wanted = Attributes(
            verb=resource.get("verb", ""),
            group=resource.get("group", ""),
            resource=resource.get("resource", ""),
            sub=resource.get("subresource", ""),
            namespace=resource.get("namespace", ""),
            name=resource.get("name", ""),
        )
    else:
        wanted = Attributes(verb=path.get("verb", ""), path=path.get("path", ""))
    return {"allowed": allowed(cluster, user, wanted)}


def _may_he(cluster: Cluster, user: User, spec: Json) -> Json:
    other = User(spec.get("user", ""), tuple(spec.get("groups") or ()), spec.get("uid", ""))
    return _may_i(cluster, other, spec)


def _what_may_i(cluster: Cluster, user: User, spec: Json) -> Json:
    rules = list(rules_of(cluster, user, spec.get("namespace", "")))
    paths = [r for r in rules if r.get("nonResourceURLs")]
    resources = [r for r in rules if r.get("resources")]
    return {"incomplete": False, "nonResourceRules": paths, "resourceRules": resources}


def _who_am_i(cluster: Cluster, user: User, spec: Json) -> Json:
    info: Json = {"username": user.name, "groups": list(user.groups)}
    if user.uid:
        info["uid"] = user.uid
    if user.extra:
        info["extra"] = dict(user.extra)
    return {"userInfo": info}


REVIEWS: dict[tuple[str, str], tuple[str, Review]] = {
    ("authorization.k8s.io", "selfsubjectaccessreviews"): ("SelfSubjectAccessReview", _may_i),
    ("authorization.k8s.io", "subjectaccessreviews"): ("SubjectAccessReview", _may_he),
    ("authorization.k8s.io", "selfsubjectrulesreviews"): ("SelfSubjectRulesReview", _what_may_i),
    ("authentication.k8s.io", "selfsubjectreviews"): ("SelfSubjectReview", _who_am_i),
}


def answer(cluster: Cluster, user: User, group: str, resource: str, body: Json) -> Json:
    """Return a review with its status filled in; raises ApiError 404 for one not offered."""
    if (group, resource) not in REVIEWS:
        raise ApiError(404, "NotFound", "the server could not find the requested resource", {})
    kind, judge = REVIEWS[group, resource]
    spec = body.get("spec") or {}
    head = {"kind": kind, "apiVersion": f"{group}/v1", "metadata": body.get("metadata") or {}}
    return {**head, "spec": spec, "status": judge(cluster, user, spec)}
