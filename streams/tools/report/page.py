"""Build self-contained HTML pages from Jinja2 templates, with styles, scripts and data."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from streams.tools.show import json_line
from streams.visible import visible

_ASSETS: Final = files("streams.tools.report") / "assets"


def page(template: str, values: Mapping[str, Any], data: object = None) -> str:
    """Return a page; every value is escaped, including unprintable characters.

    Parameters
    ----------
    template
        A file in ``templates``.
    data
        Data for scripts, as JSON in the element ``data``.
    """
    environment = Environment(
        loader=PackageLoader("streams.tools.report"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        finalize=_finalized,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = number
    return environment.get_template(template).render(
        **values,
        data=_script_json(data),
        uplot_js=_asset("uPlot.iife.min.js"),
        uplot_css=_asset("uPlot.min.css"),
    )


def _finalized(value: object) -> object:
    return visible(value) if isinstance(value, str) and not _is_markup(value) else value


def _is_markup(value: str) -> bool:
    return hasattr(value, "__html__")


def number(value: float | None) -> str:
    """Return a number for people: thousands separated, three decimals."""
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3f}"


def _asset(name: str) -> Markup:
    return Markup((_ASSETS / name).read_text("utf-8"))  # noqa: S704 - a file of ours


def _script_json(data: object) -> Markup:
    """Return JSON without ``<``, so that it cannot end its element."""
    text = json_line(data).replace("<", "\\u003c")
    return Markup(text)  # noqa: S704 - see above
