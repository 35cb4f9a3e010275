"""prove.png: what was recovered, world by world, as a picture."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from demo.proof.measures import Findings
from demo.proof.row import Row
from demo.proof.runs import Run
from pipeline.base.files import atomic_path

OURS, TRUE, ORACLE, NAIVE, GREY = "#2f6f4e", "#d1495b", "#30638e", "#b0b0b0", "#777777"
PANEL = (3.5, 3.2)
INK: Any = {"axes.spines.top": False, "axes.spines.right": False, "font.size": 9, "axes.titlesize": 10}


def draw(found: Mapping[Run, Findings], target: Path) -> None:
    """Draw one row of panels per run."""
    with mpl.rc_context(INK):
        width, height = PANEL
        figure = Figure(figsize=(width * len(PANELS), height * len(found) + 0.9), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(len(found), len(PANELS), squeeze=False)
        for line, (run, findings) in zip(axes, found.items(), strict=True):
            for axis, (title, panel) in zip(line, PANELS.items(), strict=True):
                panel(axis, findings)
                axis.set_title(title, loc="left")
            line[0].set_ylabel(run.name.replace(", ", "\n"), fontweight="bold", labelpad=10)
        figure.suptitle("Recovered against the truth that the warehouse never saw", fontweight="bold")
        with atomic_path(target) as temporary:
            figure.savefig(temporary, format="png", dpi=110, metadata={"Software": None})


def _value(findings: Findings, measure: str) -> Row:
    return next(row for row in findings.rows if row.measure == measure)


def _nothing(axis: Axes, text: str) -> None:
    axis.text(0.5, 0.5, text, ha="center", va="center", transform=axis.transAxes, color=GREY, wrap=True)
    axis.set_xticks([])
    axis.set_yticks([])


def _identity(axis: Axes, findings: Findings) -> None:
    names = ("precision of links", "recall of all pairs")
    values = [_value(findings, f"identity: {name}").recovered or 0.0 for name in names]
    bars = axis.barh(["merges\nthat are\nright", "true\npairs\nfound"], values, color=OURS, height=0.5)
    axis.bar_label(bars, labels=[f"{value:.1%}" for value in values], label_type="center", color="white")
    axis.set_xlim(0, 1)
    axis.invert_yaxis()
    axis.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")


def _purchases(axis: Axes, findings: Findings) -> None:
    if findings.purchases is None:
        _nothing(axis, "no model published")
        return
    tenths = findings.purchases
    axis.bar(tenths.index, tenths["purchases"], color=TRUE, alpha=0.35, label="true")
    axis.plot(tenths.index, tenths["expected"], color=OURS, marker="o", markersize=4, label="expected")
    axis.plot(tenths.index, tenths["naive"], color=NAIVE, linestyle="--", label="own rate so far")
    if tenths["oracle"].notna().any():
        axis.plot(tenths.index, tenths["oracle"], color=ORACLE, linestyle=":", label="oracle")
    axis.set_xticks([1, 10], ["least", "most"])
    axis.set_xlabel("tenths of the customers, by expectation")
    axis.set_ylabel("purchases in the year after")
    axis.legend(frameon=False, fontsize=8)


def _churn(axis: Axes, findings: Findings) -> None:
    if findings.churn is None:
        _nothing(axis, "no model published")
        return
    tenths = findings.churn
    low = float(min(tenths["probability"].min(), tenths["outcome"].min()))
    axis.plot([low, 1], [low, 1], color=NAIVE, linestyle="--", label="exact")
    axis.plot(tenths["probability"], tenths["outcome"], color=OURS, marker="o", markersize=4, label="tenths")
    axis.set_xlabel("predicted probability of no purchase in 28 days")
    axis.set_ylabel("share observed")
    axis.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axis.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axis.legend(frameon=False, fontsize=8)


def _effects(axis: Axes, findings: Findings) -> None:
    if findings.effects is None:
        _nothing(axis, "not yet: campaign effects")
        return
    if findings.effects.empty:
        _nothing(axis, "no campaign has an interval")
        return
    frame = findings.effects
    places = np.arange(len(frame))
    axis.hlines(places, frame["ci_low"], frame["ci_high"], color=OURS, linewidth=3, alpha=0.5, label="published, 95 %")
    axis.plot(frame["estimate"], places, "o", color=OURS, markersize=4)
    axis.plot(frame["effect"], places, "|", color=TRUE, markersize=12, markeredgewidth=2, label="true")
    axis.axvline(0, color=NAIVE, linewidth=1)
    axis.set_ylim(-2.6, len(frame) - 0.5)  # room for the legend
    axis.set_yticks(places, frame["campaign_id"].astype(str).str.split(":").str[-1])
    axis.set_xlabel("extra purchases per customer")
    axis.legend(frameon=False, fontsize=8, loc="lower right")


def _levels(axis: Axes, findings: Findings) -> None:
    rows = [row for row in findings.rows if row.measure.startswith("clv: level of ") and row.recovered is not None]
    if not rows:
        _nothing(axis, "no model published")
        return
    places = np.arange(len(rows))
    axis.bar(places - 0.18, [row.truth or 0.0 for row in rows], 0.34, color=NAIVE, label="should be")
    axis.bar(places + 0.18, [row.recovered or 0.0 for row in rows], 0.34, color=OURS, label="is")
    axis.set_xticks(places, [f"{100 * (row.truth or 0.0):.0f} %" for row in rows])
    axis.set_ylim(0, 1)
    axis.set_xlabel("customers with less than the quantile")
    axis.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axis.legend(frameon=False, fontsize=8)


Panel = Callable[[Axes, Findings], None]
PANELS: dict[str, Panel] = {
    "Who is who": _identity,
    "Purchases expected and true": _purchases,
    "Churn: predicted and observed": _churn,
    "Campaign effects": _effects,
    "Ranges of the value": _levels,
}
