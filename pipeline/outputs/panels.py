"""What the pictures of a release share: colours, titles, and a panel that says why it is empty."""

from collections.abc import Callable
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes

from pipeline.base.attempt import attempt
from pipeline.outputs.figures import sentence

INK, MUTED, GRID = "#1f2937", "#6b7280", "#e5e7eb"
GREEN, PALE_GREEN, AMBER, RED, SAND = "#2f7d5b", "#a9cfb9", "#d99a2b", "#b8473d", "#d8cfc0"
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # shipped with matplotlib
    "font.size": 9.5,
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
}


def draw_panel(axes: Axes, heading: str, draw: Callable[[], None]) -> None:
    """Draw a panel; one that cannot be drawn shows the reason, and the others are drawn."""
    failure = attempt(f"drawing '{heading}'", draw)
    if failure:
        axes.clear()
        empty(axes, heading, sentence(failure.reason))


def title(axes: Axes, heading: str, subtitle: str) -> None:
    """Write what a panel shows, and the figure that it comes to."""
    axes.set_title(heading, loc="left", fontsize=12, fontweight="bold", pad=24, color=INK)
    axes.text(0, 1.045, subtitle, transform=axes.transAxes, fontsize=9.5, color=MUTED, va="bottom")


def empty(axes: Axes, heading: str, reason: str) -> None:
    """Say why there is nothing to draw."""
    title(axes, heading, "nothing to draw")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_facecolor("#f7f7f5")
    # Matplotlib wraps by the width of the figure, and a panel is half of it.
    middle = axes.text(0.5, 0.5, fill(reason, 60), ha="center", va="center", color=MUTED, transform=axes.transAxes)
    middle.set_parse_math(False)
