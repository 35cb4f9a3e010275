"""The pictures beside the model cards of a release: how forecasts compared with what came, out of time.

They are drawn from the published tables alone: what a model said of its last holdout stands in `marts.model_metrics`
and in the parameters of its run, what came in `core.fct_order`.
"""

import datetime as dt
import json
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import matplotlib as mpl
import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from pipeline.base.duck import connect
from pipeline.base.numbers import counted
from pipeline.outputs.figures import percent
from pipeline.outputs.panels import AMBER, GREEN, GRID, INK, MUTED, PALE_GREEN, STYLE, draw_panel, empty, title

TRACKED = "Purchases since the forecast, added up"
WEEKLY = "Purchases in each week"
COUNTS = "Forecast and actual purchases, in tenths of the customers"
ALIVE = "Who still counts as a customer"
SHARES = "Forecast and actual share that bought nothing"
LIFT = "How much likelier the first were to buy nothing"
NOT_JUDGED = "No published model of this release has been judged on enough customers."
TENTHS = (
    "select stratum, max(\"value\") filter (metric = 'predicted_mean') as said,"
    " max(\"value\") filter (metric = 'observed_mean') as came,"
    " max(ci_low) filter (metric = 'bias') as bias_low, max(ci_high) filter (metric = 'bias') as bias_high,"
    ' max("rows") as customers from marts.model_metrics'
    " where job = $1 and starts_with(stratum, 'forecast: ') and run_id in (select run_id from marts.{mart})"
    " group by stratum order by stratum"
)
BOUGHT = "is_purchase and customer_id <> 'unknown' and known_date <= {day} and order_date <= {day}"
SAMPLED = 1.01
"""Customers over those whom a model was judged on, from which the latter were a sample, and what was said is scaled."""
SILENT_DAYS = (28, 56, 112, 182, 365)
PURCHASES = (1, 2, 3, 5, 10)


def write_value(database: Path, target: Path) -> None:
    """Draw how the lifetime value model has tracked purchases, and whom it takes for a customer, as PNG."""
    with closing(connect(database, read_only=True)) as connection, mpl.rc_context(STYLE):
        figure = Figure(figsize=(12.5, 8.8), dpi=110, facecolor="white")
        axes = figure.subplots(2, 2).ravel()
        figure.subplots_adjust(left=0.065, right=0.975, top=0.9, bottom=0.065, wspace=0.25, hspace=0.42)
        for each, heading, draw in zip(
            axes, (TRACKED, WEEKLY, COUNTS, ALIVE), (draw_tracked, draw_weekly, draw_counts, draw_alive), strict=True
        ):
            draw_panel(each, heading, partial(draw, each, connection))
        FigureCanvasAgg(figure).print_png(target, metadata={"Software": None})


def write_churn(database: Path, target: Path) -> None:
    """Draw how the churn model's probabilities compared with what came, as PNG."""
    with closing(connect(database, read_only=True)) as connection, mpl.rc_context(STYLE):
        figure = Figure(figsize=(12.5, 4.9), dpi=110, facecolor="white")
        left, right = figure.subplots(1, 2)
        figure.subplots_adjust(left=0.065, right=0.975, top=0.82, bottom=0.12, wspace=0.25)
        draw_panel(left, SHARES, partial(draw_shares, left, connection))
        draw_panel(right, LIFT, partial(draw_lift, right, connection))
        FigureCanvasAgg(figure).print_png(target, metadata={"Software": None})


def _tracking(connection: duckdb.DuckDBPyConnection) -> tuple[dict[str, Any], dt.date, NDArray[np.float64]] | None:
    """Return what was expected of each week of the last holdout, the day before it, and what came in each week."""
    rows = connection.execute(
        "select parameters, train_window_end from marts.model_runs"
        " where job = 'clv' and is_published and run_id in (select run_id from marts.customer_clv)"
    ).fetchall()
    said = json.loads(rows[0][0]).get("tracking") if rows else None
    if not said or not said["days"]:
        return None
    start: dt.date = rows[0][1]
    until = start + dt.timedelta(days=said["days"][-1])
    weeks = connection.execute(
        f"with bought as (select distinct customer_id, order_date from core.fct_order where {BOUGHT.format(day='$2')}),"
        f" known as (select distinct customer_id from core.fct_order where {BOUGHT.format(day='$1')})"
        " select (date_diff('day', $1, order_date) - 1) // 7, count(*), (select count(*) from known)"
        " from bought inner join known using (customer_id) where order_date > $1 group by 1",
        [start, until],
    ).fetchall()
    came = np.zeros(len(said["days"]))
    for week, purchases, _ in weeks:
        came[int(week)] = purchases
    scale = max((known for _, _, known in weeks), default=0) / said["customers"]
    if scale > SAMPLED:
        said = {**said, **{name: (np.array(said[name]) * scale).tolist() for name in ("cumulative", "weekly")}}
    return said, start, came


def _draw_track(axes: Axes, start: dt.date, days: list[int], said: NDArray[np.float64], came: NDArray[Any]) -> None:
    dates = [mdates.date2num(start + dt.timedelta(days=each)) for each in days]
    axes.fill_between(dates, said[:, 1], said[:, 2], color=PALE_GREEN, alpha=0.5, linewidth=0, label="95 % interval")
    axes.plot(dates, said[:, 0], color=GREEN, linewidth=2.2, label="expected")
    axes.plot(dates, came, color=INK, linewidth=1.4, linestyle=(0, (4, 2)), label="came")
    locator = mdates.AutoDateLocator(minticks=4, maxticks=8)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color=GRID)


def draw_tracked(axes: Axes, connection: duckdb.DuckDBPyConnection) -> None:
    """Draw expected and actual purchases of the customers of the last holdout, added up."""
    found = _tracking(connection)
    if found is None:
        return empty(axes, TRACKED, NOT_JUDGED)
    told, start, came = found
    said = np.array(told["cumulative"])
    mean, low, high = said[-1]
    title(
        axes, TRACKED, f"forecast of {start}: {mean:,.0f} expected ({low:,.0f} to {high:,.0f}), {came.sum():,.0f} came"
    )
    _draw_track(axes, start, told["days"], said, np.cumsum(came))
    axes.legend(frameon=False, loc="upper left", fontsize=9)
    return None


def draw_weekly(axes: Axes, connection: duckdb.DuckDBPyConnection) -> None:
    """Draw the same week by week."""
    found = _tracking(connection)
    if found is None:
        return empty(axes, WEEKLY, NOT_JUDGED)
    told, start, came = found
    said = np.array(told["weekly"])
    outside = int(np.sum((came < said[:, 1]) | (came > said[:, 2])))
    title(axes, WEEKLY, f"{outside} of {counted(len(came), 'week')} outside the 95 % interval")
    _draw_track(axes, start, told["days"], said, came)
    axes.legend(frameon=False, loc="lower left", ncols=3, fontsize=9)
    return None


def draw_counts(axes: Axes, connection: duckdb.DuckDBPyConnection) -> None:
    """Draw mean forecast and mean purchases of tenths of the customers."""
    frame = connection.execute(TENTHS.format(mart="customer_clv"), ["clv"]).df()
    if frame.empty:
        return empty(axes, COUNTS, NOT_JUDGED)
    title(axes, COUNTS, f"{_within(frame)} (square-root scale)")
    axes.set_xscale("function", functions=(np.sqrt, np.square))
    axes.set_yscale("function", functions=(np.sqrt, np.square))
    _draw_calibration(axes, frame, top=1.1 * float(np.nanmax([frame["said"], frame["came"], _ends(frame)[1]])))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(7, integer=True))
    axes.set_xlabel("purchases of a customer, forecast")
    axes.set_ylabel("came")
    return None


def draw_shares(axes: Axes, connection: duckdb.DuckDBPyConnection) -> None:
    """Draw mean probability and share of tenths of the customers, and the newest graded forecast beside it."""
    frame = connection.execute(TENTHS.format(mart="customer_churn"), ["churn"]).df()
    if frame.empty:
        return empty(axes, SHARES, NOT_JUDGED)
    title(axes, SHARES, _within(frame))
    _draw_calibration(axes, frame, top=1.0)
    graded = connection.execute(
        "select forecast_mean, outcome_mean, as_of_date from marts.score_calibration where measure = 'no_purchase'"
        " qualify row_number() over (partition by band order by as_of_date desc, run_id, forecast_mean desc) = 1"
        " order by band"
    ).df()
    if len(graded):
        made_on = graded["as_of_date"].iloc[0]
        axes.plot(
            graded["forecast_mean"], graded["outcome_mean"], "^", color=AMBER, markersize=6,
            label=f"published on {made_on:%Y-%m-%d}, now graded",
        )  # fmt: skip
    axes.legend(frameon=False, loc="upper left", fontsize=9)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("probability of no purchase, forecast")
    axes.set_ylabel("bought nothing")
    return None


def _ends(frame: pd.DataFrame) -> tuple[Any, Any]:
    """Limits of what came: the forecast less the limits of its bias."""
    return (frame["said"] - frame["bias_high"]).clip(lower=0.0), frame["said"] - frame["bias_low"]


def _within(frame: pd.DataFrame) -> str:
    low, high = _ends(frame)
    inside = int(((frame["said"] >= low) & (frame["said"] <= high)).sum())
    return f"within the 95 % interval of what came in {inside} of {len(frame)} parts"


def _draw_calibration(axes: Axes, frame: pd.DataFrame, top: float) -> None:
    low, high = _ends(frame)
    axes.plot([0, top], [0, top], color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
    errors = np.stack([np.maximum(frame["came"] - low, 0.0), np.maximum(high - frame["came"], 0.0)])
    axes.errorbar(
        frame["said"], frame["came"], yerr=errors, fmt="o", color=GREEN, markersize=5.5, linewidth=1.2,
        label="last holdout, with 95 % intervals",
    )  # fmt: skip
    axes.set_xlim(0, top)
    axes.set_ylim(0, top)
    axes.grid(color=GRID)


def draw_lift(axes: Axes, connection: duckdb.DuckDBPyConnection) -> None:
    """Draw the share that bought nothing in each tenth of the customers over that of all, the highest first."""
    frame = connection.execute(TENTHS.format(mart="customer_churn"), ["churn"]).df().iloc[::-1]
    share = float(np.average(frame["came"], weights=frame["customers"])) if len(frame) else 0.0
    if frame.empty or share <= 0:
        return empty(axes, LIFT, NOT_JUDGED)
    lift = (frame["came"] / share).to_numpy(float)
    title(axes, LIFT, f"the first of {len(frame)} parts: {lift[0]:.2f} times; of all, {percent(share)} bought nothing")
    places = np.arange(1, len(frame) + 1)
    bars = axes.bar(places, lift, color=GREEN, width=0.72)
    axes.bar_label(bars, [f"{value:.2f}" for value in lift], padding=3, fontsize=8, color=MUTED)
    axes.axhline(1.0, color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
    axes.set_xticks(places)
    axes.set_ylim(0, 1.15 * max(float(lift.max()), 1.0))
    axes.set_xlabel("tenths of the customers, the highest probability first" if len(frame) == 10 else "parts")
    axes.set_ylabel("times the average")
    axes.grid(axis="y", color=GRID)
    axes.spines["left"].set_visible(False)
    return None


def draw_alive(axes: Axes, connection: duckdb.DuckDBPyConnection) -> None:
    """Draw the mean probability of being active by purchases so far and days since the last one."""
    frame = connection.execute(
        "select purchases, date_diff('day', customers.last_order_date, customers.as_of_date) as silent, scored.p_alive"
        " from marts.customer_clv as scored join marts.customer_360 as customers using (customer_id)"
        " where scored.p_alive is not null and purchases > 0"
    ).df()
    if frame.empty:
        return empty(axes, ALIVE, NOT_JUDGED)
    frame["row"] = np.searchsorted(PURCHASES, frame["purchases"], side="right") - 1
    frame["column"] = np.searchsorted(SILENT_DAYS, frame["silent"], side="left")
    cells = np.full((len(PURCHASES), len(SILENT_DAYS) + 1), np.nan)
    means = frame.groupby(["row", "column"], as_index=False)["p_alive"].mean()
    cells[means["row"], means["column"]] = means["p_alive"]
    title(axes, ALIVE, f"mean P(alive); of all {counted(len(frame), 'customer')} {percent(frame['p_alive'].mean())}")
    axes.imshow(cells, cmap="Greens", vmin=0, vmax=1.25, aspect="auto", origin="lower")
    for row, column in np.argwhere(~np.isnan(cells)):
        text = percent(float(cells[row, column]))
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color=INK)
    ends = [*(f"≤ {days}" for days in SILENT_DAYS), f"> {SILENT_DAYS[-1]}"]
    axes.set_xticks(range(len(ends)), ends)
    starts = [
        f"{low}+" if high is None else str(low) if high == low + 1 else f"{low} to {high - 1}"
        for low, high in zip(PURCHASES, [*PURCHASES[1:], None], strict=True)
    ]
    axes.set_yticks(range(len(starts)), starts)
    axes.set_xlabel("days since the last purchase")
    axes.set_ylabel("purchases so far")
    axes.spines[:].set_visible(False)
    return None
