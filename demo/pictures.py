"""One picture per world for demo/README.md: `perennial demo pictures`. Equal code gives equal bytes."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy import stats

from demo.world.laws import HANDLING, HORIZON_DAYS, LEAVING_REASONS, WINDOW_DAYS, World, day_of
from demo.world.lives import Lives, simulate
from demo.world.worlds import WORLDS
from pipeline.base.files import atomic_path

FOLDER = Path(__file__).parent / "images"
CUSTOMERS, SEED = 20_000, 1
GREEN, RED, BLUE, GREY = "#2f6f4e", "#d1495b", "#30638e", "#b0b0b0"
CLASS_COLOURS = (GREEN, "#edae49", RED, BLUE)
INK: Any = {"axes.spines.top": False, "axes.spines.right": False, "font.size": 8, "axes.titlesize": 9}
YEARS = range(2023, 2027)
NATURAL, EXTERNAL = LEAVING_REASONS.index("natural"), LEAVING_REASONS.index("external")
WELL, BADLY = HANDLING.index("well"), HANDLING.index("badly")


def draw_all(folder: Path) -> None:
    """Draw all worlds into a folder."""
    for world in WORLDS.values():
        draw(world, folder / f"{world.name}.png")


def draw(world: World, target: Path) -> None:
    """Draw purchases, customers, and what sets the world apart."""
    lives = simulate(world, CUSTOMERS, SEED)
    with mpl.rc_context(INK):
        figure = Figure(figsize=(10, 2.7), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(1, 3)
        for axis, panel in zip(axes, (_purchases, _customers, SPECIAL[world.name]), strict=True):
            panel(axis, lives)
        figure.suptitle(f"{world.name}: {world.title}", x=0.01, ha="left", fontweight="bold")
        with atomic_path(target) as temporary:
            figure.savefig(temporary, format="png", dpi=90, metadata={"Software": None})


def _time_axis(axis: Axes, first: int = 0) -> None:
    axis.set_xlim(first, HORIZON_DAYS)
    axis.set_ylim(bottom=0)
    axis.set_xticks([day_of(date(year, 1, 1)) for year in YEARS], [str(year) for year in YEARS])
    for label in axis.get_xticklabels():
        label.set_horizontalalignment("left")
    axis.axvspan(WINDOW_DAYS, HORIZON_DAYS, color="#f0f0f0", zorder=0)
    if first < 0:
        axis.axvspan(first, 0, color="#f0f0f0", zorder=0)


def _purchases(axis: Axes, lives: Lives) -> None:
    """Purchases per week, by class."""
    weeks = np.arange(0, HORIZON_DAYS - 6, 7)
    latent_class = lives.persons.latent_class[lives.purchases.person]
    counts = [np.histogram(lives.purchases.at[latent_class == c], [*weeks, weeks[-1] + 7])[0] for c in _classes(lives)]
    names = [latent.name for latent in lives.world.classes]
    axis.stackplot(weeks, counts, colors=CLASS_COLOURS, labels=names, step="post", linewidth=0)
    axis.set_title("Purchases per week (grey: the year ahead)", loc="left")
    if len(names) > 1:
        axis.legend(frameon=False, fontsize=7, loc="upper left", ncols=2)
        axis.set_ylim(top=axis.get_ylim()[1] * 1.2)
    _time_axis(axis)


def _classes(lives: Lives) -> range:
    return range(len(lives.world.classes))


def _customers(axis: Axes, lives: Lives) -> None:
    """Customers that have arrived, and those that are alive."""
    first = -lives.world.early_days if lives.world.early_share else 0
    days = np.arange(first, HORIZON_DAYS + 1, 7)
    arrived = np.searchsorted(np.sort(lives.persons.arrived_at), days)
    left = np.searchsorted(np.sort(lives.persons.left_at), days)
    axis.plot(days, arrived / 1000, color=GREY, label="arrived")
    axis.fill_between(days, (arrived - left) / 1000, color=GREEN, linewidth=0, label="alive")
    axis.set_title("Customers, thousands", loc="left")
    axis.legend(frameon=False, fontsize=7, loc="upper left")
    _time_axis(axis, first)


def _rates(axis: Axes, lives: Lives) -> None:
    """Rates drawn, and their law."""
    (latent,) = lives.world.classes
    top = 0.3
    axis.hist(lives.persons.rate, bins=60, range=(0, top), density=True, color=GREY)
    grid = np.linspace(0.001, top, 300)
    scale = (lives.persons.rate <= top).mean()
    axis.plot(grid, stats.gamma.pdf(grid, latent.r, scale=1 / latent.alpha) / scale, color=RED)
    axis.set_ylim(0, 25)
    axis.set_yticks([])
    axis.set_xlabel("purchases per week while alive")
    axis.set_title("Drawn rates, and Gamma(0.8, 12)", loc="left")


def _gaps(axis: Axes, lives: Lives) -> None:
    """Gaps in units of each customer's own mean gap, of customers with a long history."""
    persons, purchases = lives.persons, lives.purchases
    same = np.diff(purchases.person) == 0
    person = purchases.person[1:][same]
    length = np.minimum(persons.left_at, HORIZON_DAYS) - persons.arrived_at
    long = (persons.rate * length / 7)[person] > 15
    gaps = (np.diff(purchases.at)[same] * persons.rate[person] / 7)[long]
    axis.hist(gaps, bins=50, range=(0, 3.5), density=True, color=GREY)
    grid = np.linspace(0, 3.5, 200)
    axis.plot(grid, stats.gamma.pdf(grid, 3, scale=1 / 3), color=RED, label="Erlang-3")
    axis.plot(grid, np.exp(-grid), color=BLUE, linestyle="--", label="exponential")
    axis.set_yticks([])
    axis.set_xlabel("gap between purchases / the customer's mean gap")
    axis.set_title("A rhythm", loc="left")
    axis.legend(frameon=False, fontsize=7)


def _dependence(axis: Axes, lives: Lives) -> None:
    """Rate against mean spend, coloured by expected lifetime."""
    persons = lives.persons
    shown = slice(None, None, 40)
    weeks = np.log10(1 / persons.hazard[shown])
    dots = axis.scatter(
        persons.rate[shown], persons.mean_spend[shown], c=weeks, s=5, cmap="viridis", vmin=0.5, vmax=3.5
    )
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlim(1e-4, 1)
    axis.set_ylim(10, 500)
    axis.set_xlabel("purchases per week")
    axis.set_ylabel("SGD per order")
    bar = axis.figure.colorbar(dots, ax=axis, ticks=[1, 2, 3])
    bar.ax.set_yticklabels(["10", "100", "1000"])
    axis.set_title("Expected weeks of life, by rate and spend", loc="left")


def _older(axis: Axes, lives: Lives) -> None:
    """True arrivals, and the first purchase that the data show."""
    purchases = lives.purchases
    inside = np.flatnonzero(purchases.at >= 0)
    _, rows = np.unique(purchases.person[inside], return_index=True)
    weeks = list(range(-lives.world.early_days, WINDOW_DAYS, 14))
    axis.hist(lives.persons.arrived_at, bins=weeks, color=GREY, label="arrivals")
    axis.hist(purchases.at[inside[rows]], bins=weeks, histtype="step", color=RED, label="first purchases in the data")
    axis.set_title("Customers per fortnight", loc="left")
    axis.legend(frameon=False, fontsize=7, loc="upper left")
    _time_axis(axis, -lives.world.early_days)


def _leaving(axis: Axes, lives: Lives) -> None:
    """Customers that leave per week, by natural and outside reasons."""
    weeks = list(range(0, HORIZON_DAYS + 1, 7))
    persons = lives.persons
    groups = [persons.left_at[persons.leaving_reason == reason] for reason in (NATURAL, EXTERNAL)]
    axis.hist(groups, bins=weeks, stacked=True, color=[GREY, RED], label=["natural", "outside event"])
    axis.set_title("Customers leaving per week", loc="left")
    axis.legend(frameon=False, fontsize=7, loc="upper left")
    _time_axis(axis)


def _survival(axis: Axes, lives: Lives) -> None:
    """Share still there by time since the first purchase, by how that purchase went."""
    persons, purchases = lives.persons, lives.purchases
    first = np.searchsorted(purchases.person, np.arange(len(persons.rate)))
    life = np.minimum(persons.left_at, HORIZON_DAYS) - persons.arrived_at
    days = np.arange(0, 365, 7)
    groups = (
        ("went well", purchases.failure[first] == 0, GREEN),
        ("failed, complaint handled well", purchases.handled[first] == WELL, BLUE),
        ("failed, complaint handled badly", purchases.handled[first] == BADLY, RED),
    )
    for label, chosen, colour in groups:
        axis.plot(days, [(life[chosen] >= day).mean() for day in days], color=colour, label=label)
    axis.set_ylim(0.2, 1)
    axis.set_xlabel("days since the first purchase")
    axis.set_title("Share still there, if the first purchase …", loc="left")
    axis.legend(frameon=False, fontsize=7)


Panel = Callable[[Axes, Lives], None]
SPECIAL: dict[str, Panel] = {
    "retail": _survival,
    "clean": _rates,
    "regular": _gaps,
    "correlated": _dependence,
    "truncated": _older,
    "shock": _leaving,
    "null": _survival,
}
