"""The quantization report as one HTML page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from edgetool.reports.plots import Bar, Span, bars, lines, spans

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --page: #fff; --faint: #8a94a6; --line: #dfe3ea;
  --first: #2f6fde; --second: #d9822b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8f0; --page: #14181f; --faint: #8f9bb0;
  --line: #313846; --first: #7aa7ff; --second: #f0a35e; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page);
  max-width: 860px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .3rem; }
p { margin: .3rem 0 .8rem; } .faint { color: var(--faint); }
svg { max-width: 100%; height: auto; } svg text { font-size: 12px; fill: var(--ink); }
.bar, .seen { fill: var(--first); } .held { fill: none; stroke: var(--second); }
.grid { stroke: var(--line); } .line { fill: none; stroke-width: 2; }
.line.running { stroke: var(--first); } .dot.running { fill: var(--first); }
.line.own { stroke: var(--second); stroke-dasharray: 4 3; } .dot.own { fill: var(--second); }
.key { display: inline-block; width: 1.6em; height: 0; border-top: 3px solid;
  margin: 0 .4em .25em 0; }
.key.running { border-color: var(--first); } .key.own { border-color: var(--second); }
div.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; } code { font-size: .95em; }
"""
NOTHING_HELPS = "Nothing that was tried on the costliest layers would gain half a decibel."
COLUMNS = (
    ("layer", ""),
    ("operator", ""),
    ("at the model's output, dB", "model_sqnr_db"),
    ("alone, dB", "own_sqnr_db"),
    ("its weights, dB", "weights_sqnr_db"),
    ("its rounding, dB", "rounding_sqnr_db"),
    ("in the network, dB", "running_sqnr_db"),
    ("saturated", "saturated"),
    ("weights use", "weight_use"),
    ("channels use", "channel_use"),
)


RECOVERY_HEADS = ("with step", "gain", "SQNR")


def render_page(
    report: Mapping[str, Any],
    model: str,
    target: str,
    precision: str,
    recovery: Mapping[str, Any] | None = None,
) -> str:
    """The page.   report: as the artifact holds it (docs/schemas/quantization.schema.json).

    recovery: as its manifest holds it, nothing where no step was switched on.
    """
    layers = report["layers"]
    in_order = sorted(layers, key=lambda layer: layer["position"])
    title = f"{model} for {target}: quantization to {precision}"
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="faint">{escape(_facts(report))}</p>',
        "<h2>What to try</h2>",
        _advice(report),
        *_recovery(recovery or {}),
        "<h2>Share of the noise at the model's output</h2>",
        "<p>Each layer rounded alone in the float network; shares of their sum.</p>",
        bars("share of the noise by layer", _shares(layers)),
        "<h2>SQNR along the network</h2>",
        '<p><span class="key running"></span>in the quantized network '
        '<span class="key own"></span>the layer alone, with float inputs (dB, more is better)</p>',
        lines(
            "SQNR along the network",
            [layer["name"] for layer in in_order],
            [
                (name, [_value(layer, f"{name}_sqnr_db") for layer in in_order])
                for name in ("running", "own")
            ],
        ),
        "<h2>Ranges</h2>",
        "<p>Outline: what the codes hold. Filled: what the float network has. What is seen outside"
        " of what is held saturates.</p>",
        spans("ranges by layer", [_span(layer) for layer in in_order]),
        "<h2>All layers</h2>",
        _table(layers),
    ]
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _facts(report: Mapping[str, Any]) -> str:
    whole = _value(report, "sqnr_db")
    loss = "outputs identical to float" if whole is None else f"{whole:.1f} dB SQNR"
    return (
        f"{loss} over {report['samples']} {report['data']} samples, effort {report['effort']},"
        f" {report['ranges']} ranges"
    )


def _advice(report: Mapping[str, Any]) -> str:
    items = [
        f"<li><code>{escape(each['option'])}</code>: {escape(advice_text(each))}</li>"
        for each in report["try"]
    ]
    return f"<ul>{''.join(items)}</ul>" if items else f"<p>{NOTHING_HELPS}</p>"


def recovery_rows(recovery: Mapping[str, Any]) -> list[list[str]]:
    """Cells under RECOVERY_HEADS: without any step, then each over those above it."""
    rows = [["none", "", _decibels(recovery)]]
    for step in recovery["steps"]:
        gain = _value(step, "gain_db")
        rows.append([step["name"], "–" if gain is None else f"{gain:+.1f} dB", _decibels(step)])
    return rows


def _decibels(content: Mapping[str, Any]) -> str:
    value = _value(content, "sqnr_db")
    return "as float" if value is None else f"{value:.1f} dB"


def _recovery(recovery: Mapping[str, Any]) -> list[str]:
    if not recovery:
        return []
    data = f"Over {recovery['samples']} {recovery['data']} samples, one step after the other."
    head = "".join(f"<th>{title}</th>" for title in RECOVERY_HEADS)
    rows = ["".join(f"<td>{escape(c)}</td>" for c in row) for row in recovery_rows(recovery)]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return [
        "<h2>What recovery gained</h2>",
        f"<p>{data}</p>",
        f"<table><tr>{head}</tr>{body}</table>",
    ]


def advice_text(advice: Mapping[str, Any]) -> str:
    """Reason, predicted gain and the layers that it is for."""
    gain = f"predicted {advice['gain_db']['value']:+.1f} dB"
    layers = f"; for {', '.join(advice['layers'])}" if advice["layers"] else ""
    return f"{advice['reason']} ({gain}{layers})"


def _shares(layers: Sequence[Mapping[str, Any]]) -> list[Bar]:
    decibels = [_value(layer, "model_sqnr_db") for layer in layers]
    powers = [0.0 if db is None else 10 ** (-db / 10) for db in decibels]
    total = sum(powers) or 1.0
    texts = ["no noise" if db is None else f"{db:.1f} dB" for db in decibels]
    return [
        Bar(layer["name"], power / total, f"{power / total:.0%}, {text}")
        for layer, power, text in zip(layers, powers, texts, strict=True)
    ]


def _span(layer: Mapping[str, Any]) -> Span:
    held, seen = (
        (layer[f"{what}_low"]["value"], layer[f"{what}_high"]["value"]) for what in ("held", "seen")
    )
    return Span(layer["name"], held, seen, f"{held[0]:.3g} to {held[1]:.3g}")


def _table(layers: Sequence[Mapping[str, Any]]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title, _ in COLUMNS)
    rows = []
    for layer in layers:
        cells = [escape(layer["name"]), escape(layer["operator"])]
        cells += [format_value(layer, key) for _, key in COLUMNS[2:]]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return f'<div class="wide"><table><tr>{head}</tr>{"".join(rows)}</table></div>'


def format_value(layer: Mapping[str, Any], key: str) -> str:
    """A figure of a layer for people, "–" where there is none."""
    value = _value(layer, key)
    if value is None:
        return "–"
    if key.endswith("_db"):
        return f"{value:.1f}"
    return f"{value:.3%}" if key == "saturated" else f"{value:.0%}"


def _value(content: Mapping[str, Any], key: str) -> float | None:
    return None if key not in content else float(content[key]["value"])
