"""From a parsed request to its answer: authorise, then dispatch by verb and subresource."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lockstep_sandbox.apiserver import deletes, patching, reads, scale, writes
from lockstep_sandbox.apiserver.auth import Tokens
from lockstep_sandbox.apiserver.call import Answer, Call, User
from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.errors import (
    FieldError,
    forbidden,
    invalid,
    method_not_allowed,
    not_in_the_sandbox,
)
from lockstep_sandbox.apiserver.rbac import GROUP, Attributes, allowed, refusal

Json = Any
Handler = Callable[[Cluster, Call], Answer]

_PLAIN: dict[str, Handler] = {
    "get": reads.get,
    "list": reads.list_,
    "create": writes.create,
    "update": writes.replace,
    "patch": patching.patch,
    "delete": deletes.delete,
    "deletecollection": deletes.delete_collection,
}
_STATUS: dict[str, Handler] = {k: _PLAIN[k] for k in ("get", "update", "patch")}
_OPTIONS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}


def authorise(cluster: Cluster, user: User, wanted: Attributes) -> None:
    """Raise ApiError 403 when RBAC says no."""
    if not allowed(cluster, user, wanted):
        raise forbidden(wanted.resource, wanted.group, wanted.name, refusal(user, wanted))


def authorise_call(cluster: Cluster, call: Call) -> None:
    """Raise ApiError 403; an apply that would make the object needs `create` too."""
    space = call.namespace or (call.name if call.resource.key == "namespaces" else "")
    wanted = Attributes(
        verb=call.verb,
        group=call.resource.group,
        resource=call.resource.name,
        sub=call.sub,
        namespace=space,
        name=call.name,
    )
    authorise(cluster, call.user, wanted)
    applied = call.verb == "patch" and call.content_type.startswith("application/apply-patch")
    known = cluster.store.get(call.resource.key, call.namespace, call.name)
    if applied and not call.sub and known is None:
        authorise(cluster, call.user, replace(wanted, verb="create"))


def perform(cluster: Cluster, tokens: Tokens, call: Call) -> Answer:
    """Do what a request asks; watches, logs and proxies are not for here."""
    _check(call)
    if call.sub == "scale":
        return scale.serve(cluster, call)
    if call.sub == "token" and call.verb == "create":
        return tokens.request(cluster, call)
    if call.sub == "eviction" and call.verb == "create":
        return _evict(cluster, call)
    table = _STATUS if call.sub else _PLAIN
    if call.verb not in table or (call.verb not in call.resource.verbs and not call.sub):
        raise method_not_allowed()
    return table[call.verb](cluster, call)


def _check(call: Call) -> None:
    if call.sub and call.sub not in call.resource.sub:
        raise not_in_the_sandbox(f"{call.resource.name}/{call.sub}")
    nowhere = call.resource.namespaced and not call.namespace
    if (
        (nowhere and (call.verb in ("create", "deletecollection") or call.name))
        or (call.verb == "create" and call.name and not call.sub)
        or (call.verb in ("update", "patch") and not call.name)
    ):
        raise method_not_allowed()
    writes_rights = call.resource.group == GROUP and call.verb in ("create", "update", "patch")
    if writes_rights and "system:masters" not in call.user.groups:
        raise not_in_the_sandbox("rights given by somebody who is no administrator")
    value = call.query.get("dryRun", "")
    if value not in ("", "All"):
        problem = FieldError("dryRun", "Unsupported value", 'supported values: "All"', [value])
        raise invalid(_OPTIONS.get(call.verb, "DeleteOptions"), "meta.k8s.io", "", [problem])


def _evict(cluster: Cluster, call: Call) -> Answer:
    """Delete a pod; disruption budgets are not looked at."""
    pod = writes.existing(cluster, call)
    options = (call.document() or {}).get("deleteOptions") or {}
    deletes.remove(cluster, call.resource, pod, options, dry_run=call.dry_run)
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return Answer({**head, "code": 201}, 201)
