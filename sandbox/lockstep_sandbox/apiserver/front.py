"""The HTTP side: guards, authentication, encoding, watches."""

from __future__ import annotations

import ipaddress
import json
import logging
from typing import Any

from aiohttp import web

from lockstep_sandbox.apiserver import discovery, reviews
from lockstep_sandbox.apiserver.auth import Tokens, impersonated
from lockstep_sandbox.apiserver.call import Call, User, media_type, read_document
from lockstep_sandbox.apiserver.certificates import NAMES
from lockstep_sandbox.apiserver.cluster import Cluster
from lockstep_sandbox.apiserver.documents import document
from lockstep_sandbox.apiserver.errors import ApiError, not_in_the_sandbox
from lockstep_sandbox.apiserver.handlers import authorise, authorise_call, perform
from lockstep_sandbox.apiserver.pessimism import Pessimism
from lockstep_sandbox.apiserver.present import encode, warnings
from lockstep_sandbox.apiserver.proxies import Proxy
from lockstep_sandbox.apiserver.rbac import Attributes, allowed, refusal
from lockstep_sandbox.apiserver.routes import Route, parse
from lockstep_sandbox.apiserver.watch import Change, Watch

Json = Any
log = logging.getLogger(__name__)
HEALTH = ("/healthz", "/livez", "/readyz")
_GROUPS = ("apps", "batch", "autoscaling", "policy", "extensions", "")


class Front:
    """Answers every request."""

    def __init__(
        self, cluster: Cluster, tokens: Tokens, pessimism: Pessimism, proxy: Proxy
    ) -> None:
        self._cluster, self._tokens = cluster, tokens
        self._pessimism, self._proxy = pessimism, proxy

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request; failures become a Status."""
        try:
            _guard(request)
            user = self._user(request)
            watching = request.query.get("watch") in ("true", "1")
            route = parse(request.method, request.path, watching=watching)
            if route is None:
                return await self._other(request, user)
            return await self._resource(request, user, route)
        except ApiError as error:
            return _failure(error)
        except (ConnectionResetError, web.HTTPException):
            raise
        except Exception as error:
            log.exception("%s %s", request.method, request.path)
            return _failure(ApiError(500, "InternalError", f"Internal error occurred: {error}"))

    def _user(self, request: web.Request) -> User:
        """Return who asks, or as whom an administrator wants to ask (`kubectl --as`)."""
        user = self._tokens.user(self._cluster, request.headers)
        if not (name := request.headers.get("Impersonate-User")):
            return user
        authorise(self._cluster, user, Attributes(verb="impersonate", resource="users", name=name))
        return impersonated(name, request.headers.getall("Impersonate-Group", ()))

    async def _resource(self, request: web.Request, user: User, route: Route) -> web.StreamResponse:
        body = await request.read()
        if (route.group, route.resource) in reviews.REVIEWS:
            return self._review(user, route, body, media_type(request.headers))
        resource = self._cluster.registry.find(route.group, route.version, route.resource)
        if resource is None:
            return self._unknown(route)
        name = route.name
        if route.verb == "watch" and not name:
            name = _single_name(request)
        namespace = route.namespace if resource.namespaced else ""
        call = Call(
            resource=resource,
            verb=route.verb,
            namespace=namespace,
            name=name,
            sub=route.sub,
            query=request.query,
            headers=request.headers,
            user=user,
            body=body,
        )
        authorise_call(self._cluster, call)
        if route.sub == "proxy" and "proxy" in resource.sub:
            return await self._proxy.pass_on(call, request, route.rest)
        return await self._serve(request, call)

    async def _serve(self, request: web.Request, call: Call) -> web.StreamResponse:
        """Answer a request that its sender may make."""
        if call.sub == "log" and "log" in call.resource.sub:
            return await self._proxy.log(call, request)
        self._pessimism.before(call)
        if call.verb == "watch":
            return await self._watch(request, call)
        answer = perform(self._cluster, self._tokens, call)
        if self._pessimism.loses(call):
            if request.transport is not None:
                request.transport.abort()
            return web.Response()  # goes nowhere
        response = _json(encode(answer.body, call), answer.code)
        response.headers.update(answer.headers)
        for text in warnings(call.warnings):
            response.headers.add("Warning", text)
        return response

    def _review(self, user: User, route: Route, body: bytes, media: str) -> web.Response:
        wanted = Attributes(verb="create", group=route.group, resource=route.resource)
        authorise(self._cluster, user, wanted)
        asked = read_document(body or b"{}", media) or {}
        return _json(reviews.answer(self._cluster, user, route.group, route.resource, asked), 201)

    def _unknown(self, route: Route) -> web.Response:
        if route.group in _GROUPS or route.group.endswith(".k8s.io"):
            raise not_in_the_sandbox(f"{route.resource}.{route.group}".rstrip("."))
        return web.Response(status=404, text="404 page not found\n")

    async def _watch(self, request: web.Request, call: Call) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        try:
            watch = Watch(self._cluster, call, self._pessimism)
        except ApiError as error:
            if error.code != 410:
                raise
            await response.prepare(request)
            await response.write(_line(("ERROR", error.status())))
            return response
        await response.prepare(request)
        first = True
        async for kind, obj in watch.changes():
            shown = encode(obj, call) if kind != "BOOKMARK" else obj
            if shown.get("kind") == "Table" and not first:
                shown["columnDefinitions"] = None
            first = False
            await response.write(_line((kind, shown)))
        return response

    async def _other(self, request: web.Request, user: User) -> web.StreamResponse:
        """Answer discovery, OpenAPI and health."""
        path = request.path.rstrip("/")
        wanted = Attributes(verb=request.method.lower(), path=path)
        if not allowed(self._cluster, user, wanted):
            raise ApiError(403, "Forbidden", f"forbidden: {refusal(user, wanted)}", {})
        if path in HEALTH:
            return web.Response(text="ok")
        aggregated = "g=apidiscovery.k8s.io" in request.headers.get("Accept", "")
        found = document(self._cluster.registry, path, aggregated=aggregated)
        if found is None:
            return web.Response(status=404, text="404 page not found\n")
        response = _json(found)
        if found.get("kind") == "APIGroupDiscoveryList":
            response.headers["Content-Type"] = discovery.AGGREGATED
        elif path == "/openapi/v3":
            response.headers["Content-Type"] = "text/plain; charset=utf-8"
        return response


def _guard(request: web.Request) -> None:
    """Refuse browsers and foreign names: this server runs commands."""
    host = request.host.rpartition(":")[0] if ":" in request.host else request.host
    if "Origin" in request.headers or not _is_own(host):
        raise ApiError(403, "Forbidden", "requests from browsers and foreign hosts are refused")


def _is_own(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host in NAMES


def _single_name(request: web.Request) -> str:
    """Return the name that a watch's field selector asks for, so that RBAC can see it."""
    selector = request.query.get("fieldSelector", "")
    name = selector.removeprefix("metadata.name=")
    return name if name != selector and "," not in name else ""


def _failure(error: ApiError) -> web.Response:
    response = _json(error.status(), error.code)
    response.headers.update(error.headers)
    return response


def _json(body: Json, status: int = 200) -> web.Response:
    data = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return web.Response(body=data, status=status, headers={"Content-Type": "application/json"})


def _line(change: Change) -> bytes:
    kind, obj = change
    text = json.dumps({"type": kind, "object": obj}, separators=(",", ":"), ensure_ascii=False)
    return text.encode() + b"\n"
