"""The pages of a worker, served by Faust's web server; all are read-only.

Faust's own pages (tables, routes, graph, statistics) are switched off by
:func:`web_options`: they show data, and our ``/`` replaces its index.
"""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import faust
import msgspec
from faust.web import Request, Response, View
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from streams.errors import SettingsError
from streams.metrics import Metrics
from streams.settings import Web
from streams.visible import visible

Verdict = tuple[bool, list[str]]
"""Whether all is well, and the reasons if it is not."""

_OK: Final = 200
_UNAVAILABLE: Final = 503
_TEXT: Final = "text/plain"
_JSON: Final = "application/json"
_INDEX: Final = """\
refund worker
/livez    200 while the process makes progress, else 503 with reasons
/readyz   200 once facts are loaded and requests are decided, else 503 with reasons
/metrics  Prometheus text format; docs/metrics.md
/status   state of this worker, JSON
"""


@dataclass(frozen=True, slots=True)
class Pages:
    """The sources of the pages; each call is quick and does not block."""

    ready: Callable[[], Verdict]
    """Whether requests are decided now; a spare without partitions is ready."""

    alive: Callable[[], Verdict]
    """Whether the process should go on; False asks the supervisor for a restart."""

    status: Callable[[], Mapping[str, object]]
    """JSON values: versions, partitions, offsets, table sizes."""

    metrics: Metrics


def web_options(web: Web) -> dict[str, Any]:
    """Return the web arguments of ``faust.App``.

    Port 0 is resolved here to a port that is free now, so that it can be shown; another
    process may take it before the server binds, and then the worker ends.
    """
    port = web.port
    if port == 0:
        port = _free_port(web.host)
    return {
        "web_enabled": port is not None,
        "web_host": web.host,
        "web_bind": web.host,
        **({} if port is None else {"web_port": port}),
        "web_in_thread": False,
        "web_router_enabled": False,
        "web_tables_enabled": False,
        "web_graph_enabled": False,
        "web_stats_enabled": False,
        "web_metrics_enabled": False,
    }


def address_of(options: Mapping[str, Any]) -> str | None:
    """Return the address of the pages by :func:`web_options`; None = no pages."""
    if not options["web_enabled"]:
        return None
    host = options["web_host"]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{options['web_port']}"


def check_address(web: Web) -> None:
    """Refuse an address that cannot be listened on, before anything starts.

    Raises
    ------
    SettingsError
        The port is taken, or the host is not ours; one line.
    """
    if not web.port:
        return
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((web.host, web.port))
    except OSError as problem:
        why = problem.strerror or str(problem)
        raise SettingsError(
            [
                f"web.host and web.port: {web.host}:{web.port}: {why}; choose another port"
            ]
        ) from None


def _free_port(host: str) -> int:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
    return port


def register(app: faust.App, pages: Pages) -> None:
    """Add the pages to the app; call it before the app starts."""

    @app.page("/", name="index")
    async def index(view: View, request: Request) -> Response:
        del request
        return view.text(_INDEX, content_type=_TEXT)

    @app.page("/livez", name="livez")
    async def livez(view: View, request: Request) -> Response:
        del request
        return _verdict(view, pages.alive())

    @app.page("/readyz", name="readyz")
    async def readyz(view: View, request: Request) -> Response:
        del request
        return _verdict(view, pages.ready())

    @app.page("/metrics", name="metrics")
    async def metrics(view: View, request: Request) -> Response:
        del request
        body = generate_latest(pages.metrics.registry)
        headers = {"content-type": CONTENT_TYPE_LATEST}
        return view.bytes(body, headers=headers)

    @app.page("/status", name="status")
    async def status(view: View, request: Request) -> Response:
        del request
        text = msgspec.json.encode(pages.status()).decode()
        return view.text(visible(text), content_type=_JSON)


def _verdict(view: View, verdict: Verdict) -> Response:
    well, reasons = verdict
    text = (
        "\n".join(map(visible, reasons))
        if reasons
        else "ok"
        if well
        else "no reason given"
    )
    return view.text(
        text + "\n", content_type=_TEXT, status=_OK if well else _UNAVAILABLE
    )
