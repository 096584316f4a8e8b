"""The page's server: a few addresses that answer for runs. It computes in one thread, and keeps nothing it is given."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse
from fastapi.staticfiles import StaticFiles

from ..version import __version__
from .answers import activations, finished, generated, predicted
from .runs import Runs, UnknownRun
from .watching import denoising, watched_text

LOG = logging.getLogger(__name__)
STATIC = Path(__file__).parent / "static"
MIB = 2**20
LIMIT = 32 * MIB
REFUSED = (ValueError, OSError, RuntimeError, ImportError, ArithmeticError)
LOCAL = ("localhost", "127.0.0.1", "[::1]")
PAGE_POLICY = "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; frame-ancestors 'none'"
REPORT_POLICY = "script-src 'none'; object-src 'none'; connect-src 'none'; form-action 'none'; frame-ancestors 'none'"
"""A report has its style and pictures within itself, and no program: one in a run from elsewhere is not the page's."""


def create_app(folder: str | Path = "runs", limit: int = LIMIT, hosts: tuple[str, ...] | None = LOCAL) -> FastAPI:
    """The server for the runs in a folder. `limit` bounds an upload, in bytes; requests for other hosts than `hosts` are
    refused, so that no foreign page can reach it through a name that points here; None takes any."""
    app = FastAPI(title="Talweg", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    runs = Runs(folder)
    worker = ThreadPoolExecutor(1)
    app.middleware("http")(partial(_guarded, hosts=hosts))
    app.add_exception_handler(UnknownRun, _unknown)

    async def computed(function: Callable, *args: Any) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(worker, function, *args)
        except REFUSED as error:
            raise HTTPException(422, " ".join(str(error).split())) from error
        except UnknownRun:
            raise
        except Exception as error:  # an answer all the same: the page shows what it is told
            LOG.exception("the page could not be answered")
            raise HTTPException(500, f"internal error: {type(error).__name__}: {error}") from error

    @app.get("/api/runs")
    async def listed() -> Any:
        return {"runs": await computed(runs.listed), "folder": str(folder), "version": __version__}

    @app.post("/api/runs/{name}/predict")
    async def predict(name: str, request: Request, options: str = "{}", suffix: str = "") -> Any:
        content = await _body(request, limit)
        return await computed(predicted, runs, name, content, _object(options), suffix)

    @app.post("/api/runs/{name}/activations")
    async def look(name: str, request: Request) -> Any:
        return await computed(activations, runs, name, await _body(request, limit))

    @app.post("/api/runs/{name}/generate")
    async def generate(name: str, request: Request) -> Response:
        answer = await computed(generated, runs, name, await _form(request))
        if answer.pieces is None:
            return JSONResponse(await computed(finished, answer))
        return StreamingResponse(_streamed(answer.text, answer.pieces, computed), media_type="text/plain; charset=utf-8")

    @app.post("/api/runs/{name}/watch")
    async def watch(name: str, request: Request) -> Response:
        lines = await computed(watched_text, runs, name, await _form(request))
        return StreamingResponse(_lines(lines, computed), media_type="application/x-ndjson")

    @app.post("/api/runs/{name}/denoise")
    async def denoise(name: str, request: Request) -> Any:
        return await computed(denoising, runs, name, await _form(request))

    @app.get("/api/runs/{name}/report")
    async def report(name: str) -> FileResponse:
        path = runs.path(name) / "report.html"
        if not path.is_file():
            raise HTTPException(404, f"{name} has no report yet")
        return FileResponse(path, media_type="text/html")

    app.mount("/", StaticFiles(directory=STATIC, html=True))
    return app


async def _guarded(request: Request, call_next: Callable, hosts: tuple[str, ...] | None) -> Response:
    """Only for this host, only from its own pages, and never kept by the browser."""
    host = request.headers.get("host", "")
    origin = request.headers.get("origin")
    foreign = hosts is not None and _bare(host) not in hosts
    if foreign or (origin is not None and origin.partition("://")[2] != host):
        return JSONResponse({"detail": "this server answers only to its own page"}, 403)
    response = await call_next(request)
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    report = request.url.path.endswith("/report")
    response.headers["Content-Security-Policy"] = REPORT_POLICY if report else PAGE_POLICY
    return response


def _bare(host: str) -> str:
    """The host without its port."""
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host


async def _unknown(request: Request, error: Exception) -> Response:
    return JSONResponse({"detail": f"there is no run {error.args[0]!r} here"}, 404)


async def _body(request: Request, limit: int) -> bytes:
    """All that was sent. Raises HTTPException as soon as it is too much."""
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise HTTPException(413, f"that is more than {limit / MIB:g} MiB, the most that is taken")
    return bytes(content)


async def _form(request: Request) -> dict[str, Any]:
    """The options in a request's body."""
    return _object((await _body(request, MIB)).decode("utf-8", "replace") or "{}")


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "options must be a JSON object") from error
    if not isinstance(found, dict):
        raise HTTPException(400, "options must be a JSON object")
    return found


async def _streamed(text: str, pieces: Iterator[str], computed: Callable) -> AsyncIterator[str]:
    """A text as it is made; its last line says what went wrong, if something does."""
    yield text
    while True:
        try:
            piece = await computed(next, pieces, None)
        except HTTPException as error:
            yield f"\n[{error.detail}]"
            return
        if piece is None:
            return
        yield piece


async def _lines(found: Iterator[dict[str, Any]], computed: Callable) -> AsyncIterator[str]:
    """JSON objects as they are made, one a line; the last says what went wrong, if something does."""
    while True:
        try:
            line = await computed(next, found, None)
        except HTTPException as error:
            line = {"fault": error.detail}
        if line is None:
            return
        yield json.dumps(line) + "\n"
        if "fault" in line:
            return
