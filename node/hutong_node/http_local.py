"""The local API over HTTP: the table of operations behind a token, on its own address.

Owns what stands between the network and the operations. Whoever has the token may do everything, so
a web page in somebody's browser must not get at it (threat 46): a foreign Host or any Origin is
refused, and bodies are taken as application/json only, which no form can send. Bodies are bounded
and parsed strictly (threat 47). Probes need no token and tell nothing but whether the node works.

What operations do is `service`'s business; refusals become answers in `http_errors`.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from pathlib import Path
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from pydantic import BaseModel

from hutong_node import json_strict
from hutong_node.api_models import PublishAnswer
from hutong_node.config import DataFolder, LocalListen
from hutong_node.http_errors import problem_response, refusal_of
from hutong_node.keys import read_secret
from hutong_node.observe import Metrics, logger
from hutong_node.openapi import document
from hutong_node.operations import OPERATIONS, Call, Operation
from hutong_node.refusals import Code, Refused
from hutong_node.request_shapes import body_as, query_as
from hutong_node.running_file import RunningFile
from hutong_node.service import NodeService
from hutong_node.store.errors import StoreError

BODY_S: Final = 30.0
"""How long a body may take to arrive."""
OPERATION_S: Final = 120.0
"""How long an operation may take: an import of a whole chunk on a slow disk."""
_LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_OPEN_ROUTES: Final = frozenset({"/healthz", "/readyz", "/metrics"})


class LocalApiRefused(Exception):
    """The local API can't listen as it is configured; the message says what to change."""


def local_application(
    service: NodeService, *, token: str, hosts: frozenset[str], metrics: Metrics
) -> web.Application:
    """The application for the local bind.

    Args:
        token: what requests carry as `Authorization: Bearer ...`.
        hosts: names by which this node may be called, beside those of loopback.
    """
    application = web.Application(
        middlewares=[_measured(metrics), _guarded(token, hosts | _LOOPBACK_NAMES)],
        client_max_size=json_strict.BODY_BYTES_MAX,
    )
    for operation in OPERATIONS:
        application.router.add_route(operation.method, operation.path, _handler(service, operation))
    _add_probes(application, service)
    return application


class LocalApi:
    """The local API of a node while it runs. `url` is where it is reached."""

    def __init__(self, service: NodeService, folder: DataFolder, listen: LocalListen) -> None:
        """Nothing listens yet."""
        self._service = service
        self._listen = listen
        self._folder = folder
        self._runner: web.AppRunner | None = None
        self._running_file: RunningFile | None = None
        self.url = ""

    async def start(self, metrics: Metrics) -> None:
        """Listens, and says where in `running.json`.

        Raises:
            LocalApiRefused: the address can't be had.
            KeyFileRefused: the token's file can be read by others.
        """
        application = local_application(
            self._service,
            token=read_token(self._folder.token),
            hosts=frozenset({_host_name(self._listen.host)}),
            metrics=metrics,
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._listen.host, self._listen.port)
        try:
            await site.start()
        except OSError as refused:
            await self._runner.cleanup()
            raise LocalApiRefused(
                f"can't listen on {self._listen.host}:{self._listen.port} ({refused.strerror}):"
                " is another node running there? Change `port` under [local] in hutong.toml"
            ) from refused
        port = self._runner.addresses[0][1]
        self.url = f"http://{_host_name(self._listen.host)}:{port}"
        self._running_file = RunningFile.write(self._folder.running, self.url)
        logger().info("local-api-listens", port=port)

    async def stop(self) -> None:
        """Finishes what is under way and stops listening. Idempotent."""
        if self._running_file is not None:
            self._running_file.remove()
            self._running_file = None
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


def read_token(path: Path) -> str:
    """The token of the local API.

    Raises:
        KeyFileRefused: others can read the file, or it isn't there.
    """
    return read_secret(path).decode("ascii", errors="replace").strip()


def _handler(service: NodeService, operation: Operation) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        query = query_as(operation.query, _single(request))
        body = None
        if operation.body is not None:
            body = body_as(operation.body, await _json_body(request))
        key = request.headers.get("Idempotency-Key") if operation.keyed else None
        call = Call(dict(request.match_info), query, body, key)
        async with asyncio.timeout(OPERATION_S):
            answer = await operation.run(service, call)
        response = _json_response(answer)
        if isinstance(answer, PublishAnswer) and answer.replayed:
            response.headers["Idempotency-Replayed"] = "true"
        return response

    return handle


def _add_probes(application: web.Application, service: NodeService) -> None:
    api = json.dumps(document(), ensure_ascii=False)

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def readyz(_request: web.Request) -> web.Response:
        ready = await service.ready()
        return web.json_response(ready.model_dump(), status=200 if ready.ok else 503)

    async def metrics(_request: web.Request) -> web.Response:
        text = await service.metrics()
        return web.Response(
            body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    async def openapi(_request: web.Request) -> web.Response:
        return web.Response(text=api, content_type="application/json")

    application.router.add_get("/healthz", healthz)
    application.router.add_get("/readyz", readyz)
    application.router.add_get("/metrics", metrics)
    application.router.add_get("/v1/openapi.json", openapi)


def _measured(metrics: Metrics) -> Middleware:
    """The outermost layer: counts, and turns whatever happens into an answer."""

    @web.middleware
    async def measured(request: web.Request, handler: Handler) -> web.StreamResponse:
        started_s = asyncio.get_running_loop().time()
        try:
            response = await handler(request)
        except Refused as refused:
            response = problem_response(refused)
        except StoreError as failed:
            logger().error("store-failed", route=_route(request), error=type(failed).__name__)
            response = problem_response(refusal_of(failed))
        except web.HTTPException as raised:
            response = problem_response(_of_http(raised))
        except TimeoutError:
            response = problem_response(
                Refused(
                    Code.TIMED_OUT,
                    "this took too long; some of it may have been done",
                    way_out="send the same request again, with the same key",
                )
            )
        except Exception as unforeseen:  # noqa: BLE001 - the outermost loop of the local API
            # Its message may quote anything, so only its kind is told.
            logger().error("request-failed", route=_route(request), error=type(unforeseen).__name__)
            response = problem_response(
                Refused(Code.INTERNAL, "something went wrong here; the node's log names its kind")
            )
        took_s = asyncio.get_running_loop().time() - started_s
        labels = {"route": _route(request), "status": str(response.status)}
        metrics.requests.labels(**labels).observe(took_s)
        if not response.prepared:
            response.headers["Cache-Control"] = "no-store"
            response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    return measured


def _guarded(token: str, hosts: frozenset[str]) -> Middleware:
    expected = f"Bearer {token}".encode("ascii", errors="replace")

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        # Another name for this address is a page that rebinds its own name to it.
        if _host_name_of(request.headers.get("Host", "")) not in hosts:
            raise Refused(
                Code.FOREIGN_HOST,
                "this node is not called by that name",
                way_out="use the address in running.json, or set `host` under [local]",
            )
        if "Origin" in request.headers:
            raise Refused(Code.FOREIGN_ORIGIN, "web pages may not use this API")
        if request.path not in _OPEN_ROUTES:
            given = request.headers.get("Authorization", "").encode("utf-8", errors="replace")
            if not hmac.compare_digest(given, expected):
                raise Refused(
                    Code.NO_TOKEN,
                    "the token is missing or wrong",
                    way_out="send `Authorization: Bearer ...` with the content of api.token",
                )
        return await handler(request)

    return guarded


async def _json_body(request: web.Request) -> object:
    if request.content_type != "application/json" or request.headers.get("Content-Encoding"):
        raise Refused(
            Code.WRONG_CONTENT_TYPE,
            "the body must be application/json, not compressed",
            way_out="send the header `Content-Type: application/json`",
        )
    async with asyncio.timeout(BODY_S):
        data = await request.read()
    try:
        return json_strict.parse(data)
    except json_strict.BadJson as wrong:
        raise Refused(Code.BAD_JSON, "the body can't be used as JSON", detail=str(wrong)) from None


def _single(request: web.Request) -> dict[str, str]:
    """The parameters of the query, each of which stands once."""
    found: dict[str, str] = {}
    for name, value in request.query.items():
        if name in found:
            raise Refused(Code.BAD_REQUEST, "a parameter stands twice")
        found[name] = value
    return found


def _json_response(answer: BaseModel) -> web.Response:
    text = json.dumps(answer.model_dump(mode="json"), ensure_ascii=False)
    # Text of records may hold characters that have no UTF-8; a broken answer helps nobody.
    return web.Response(
        body=text.encode("utf-8", errors="replace"),
        content_type="application/json",
        charset="utf-8",
    )


def _of_http(raised: web.HTTPException) -> Refused:
    """The refusal that stands for an error of the HTTP library."""
    match raised.status:
        case 404:
            return Refused(Code.NO_SUCH_ROUTE, "no such address", way_out="see /v1/openapi.json")
        case 405:
            return Refused(
                Code.WRONG_METHOD, "this address has other methods", way_out="see /v1/openapi.json"
            )
        case 413:
            return Refused(
                Code.BODY_TOO_LARGE,
                f"a body has at most {json_strict.BODY_BYTES_MAX} bytes",
                way_out="send an import in chunks with the same `run`",
            )
        case _:
            return Refused(Code.BAD_REQUEST, "the request can't be read")


def _route(request: web.Request) -> str:
    """The address as the table has it, never as it was typed: labels and logs hold no ids."""
    resource = request.match_info.route.resource
    return "none" if resource is None else resource.canonical


def _host_name(host: str) -> str:
    """A host as it stands in an address: brackets around IPv6, loopback for "everywhere"."""
    if host in ("0.0.0.0", "", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _host_name_of(header: str) -> str:
    """The name in a Host header, without its port, in lower case."""
    header = header.strip().lower()
    if header.startswith("["):
        return header.partition("]")[0] + "]"
    return header.partition(":")[0]
