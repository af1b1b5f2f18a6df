"""The material of a report to one HTML page that needs nothing beside itself.

Texts reach it in two ways, and neither can run: through Jinja's escaping, or packed as base64 and then set as text of
an element. The page's own policy (Content-Security-Policy) allows the one script and style that are named by their
hashes, and no request to anywhere.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from ham_mrc import __version__
from ham_mrc.eval.breakdown import SMALL
from ham_mrc.eval.datasets import title
from ham_mrc.files import write_whole
from ham_mrc.report.breakdowns import breakdowns
from ham_mrc.report.charts import draw, swatch
from ham_mrc.report.curves import level_sites, training_curves
from ham_mrc.report.depths import depth_curves, depth_tests
from ham_mrc.report.gather import Material
from ham_mrc.report.questions import packed, packed_questions, questions
from ham_mrc.report.scoreboard import all_figures, board, shown_metrics
from ham_mrc.report.traces import load_traces

SCRIPTS = ("data.js", "filter.js", "list.js", "passage.js", "attention.js", "detail.js", "browser.js")
"""The page's program, in the order in which its parts are joined."""


def write_report(path: Path, material: Material, traces: Sequence[str] = ()) -> int:
    """Write the page, whole or not at all; its size in bytes comes back. `traces` are FILE or NAME=FILE."""
    page = render(material, traces).encode("utf-8", "replace")
    with write_whole(path) as stream:
        stream.write(page)
    return len(page)


def render(material: Material, traces: Sequence[str] = ()) -> str:
    """The page as text; the same material gives the same page."""
    data = questions(material)
    traced = load_traces(traces, material) if traces else None
    block, cut = packed_questions(data)
    comparison = material.comparison
    style, script = asset("page.css"), _joined_script()
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            title=title(comparison.dataset, comparison.version),
            comparison=comparison,
            version=__version__,
            notes=[*material.notes, *([cut] if cut else []), *(traced.notes if traced else [])],
            metrics=list(shown_metrics(comparison).values()),
            board=board(material),
            tables=all_figures(comparison),
            depth=depth_curves(material),
            depth_tests=depth_tests(material),
            sites=level_sites(material),
            training=training_curves(material),
            broken=breakdowns(material),
            small=SMALL,
            labels=material.labels,
            seeds=any(row.spreads for row in comparison.rows),
            right=_right(data),
            question_types=data.get("typeNames", []),
            run_labels=data["runs"],
            questions=Markup(block),
            traces=Markup(packed({str(place): found for place, found in traced.questions.items()})) if traced else "",
            style=Markup(style),
            script=Markup(script),
            style_hash=_hash(style),
            script_hash=_hash(script),
        )
    )


def _right(data: dict[str, list[object]]) -> str:
    """When an answer counts as right, in words."""
    if data["right"] is None:
        return ""
    place, least = data["right"]
    label = data["metrics"][int(str(place))]
    return f"{label} of {float(str(least)):g}" + ("" if least == 100 else " or more")


def asset(name: str) -> str:
    """A file of the page's own."""
    return files("ham_mrc.report").joinpath("assets", name).read_text(encoding="utf-8")


def _joined_script() -> str:
    return '(() => {\n"use strict";\n' + "\n".join(asset(name) for name in SCRIPTS) + "\n})();\n"


def _hash(text: str) -> str:
    """How a Content-Security-Policy names an inline script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(asset),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"draw": draw, "swatch": swatch}
    return environment
