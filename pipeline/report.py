"""The picture of a release: four panels for a marketing lead, drawn from the published tables alone."""

from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from pipeline.duck import connect

INK, MUTED, GRID = "#1f2937", "#6b7280", "#e5e7eb"
GREEN, PALE_GREEN, AMBER, RED, SAND = "#2f7d5b", "#a9cfb9", "#d99a2b", "#b8473d", "#d8cfc0"
BANDS = {"low": PALE_GREEN, "medium": AMBER, "high": RED}
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


def write_overview(database: Path, target: Path, currency: str) -> None:
    """Draw the overview of a release as PNG.

    Parameters
    ----------
    database : Path
        The release's `perennial.duckdb`.
    target : Path
        The PNG file to write.
    currency : str
        Reporting currency, for the labels.
    """
    with closing(connect(database, read_only=True)) as connection, mpl.rc_context(STYLE):
        figure = Figure(figsize=(12.5, 8.8), dpi=110, facecolor="white")
        grid = figure.subplots(2, 2)
        figure.subplots_adjust(left=0.065, right=0.975, top=0.84, bottom=0.065, wspace=0.32, hspace=0.4)
        _header(figure, connection, currency)
        draw_revenue(grid[0][0], connection, currency)
        draw_segments(grid[0][1], connection)
        draw_concentration(grid[1][0], connection)
        draw_churn(grid[1][1], connection)
        FigureCanvasAgg(figure).print_png(target, metadata={"Software": None})


def _header(figure: Figure, connection: duckdb.DuckDBPyConnection, currency: str) -> None:
    as_of, customers, revenue = connection.execute(
        "select (select max(as_of_date) from marts.release), (select count(*) from marts.customer_360),"
        " (select coalesce(sum(net_sales), 0) from core.fct_customer_month)"
    ).fetchall()[0]
    figure.text(0.035, 0.955, "Customers at a glance", fontsize=19, fontweight="bold", va="center")
    facts = f"{customers:,} customers  ·  {currency} {revenue:,.2f} net sales  ·  as of {as_of:%d %B %Y}"
    figure.text(0.035, 0.915, facts, fontsize=11, color=MUTED, va="center")


def _title(axes: Axes, title: str, subtitle: str) -> None:
    axes.set_title(title, loc="left", fontsize=12, fontweight="bold", pad=24, color=INK)
    axes.text(0, 1.045, subtitle, transform=axes.transAxes, fontsize=9.5, color=MUTED, va="bottom")


def _empty(axes: Axes, title: str, reason: str) -> None:
    _title(axes, title, "nothing to draw")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)
    axes.set_facecolor("#f7f7f5")
    axes.text(0.5, 0.5, reason, ha="center", va="center", color=MUTED, transform=axes.transAxes, wrap=True)


def _money(value: float, _: float | None = None) -> str:
    for limit, unit in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:,.3g} {unit}"
    return f"{value:,.0f}"


def draw_revenue(axes: Axes, connection: duckdb.DuckDBPyConnection, currency: str) -> None:
    """Net sales per month, with the part that no customer is known for."""
    frame = connection.execute(
        "select month_start_date as month, sum(net_sales) filter (not is_unknown) as known,"
        " sum(net_sales) filter (is_unknown) as unknown,"
        " max(last_day(month_start_date) <= (select max(as_of_date) from marts.release)) as is_complete"
        " from core.fct_customer_month join core.dim_customer using (customer_id) group by all order by month"
    ).df()
    title = "Net sales by month"
    booked = frame.index[frame[["known", "unknown"]].fillna(0.0).ne(0.0).any(axis=1)]
    frame = frame.loc[booked[0] : booked[-1]].reset_index(drop=True) if len(booked) else frame.iloc[:0]
    if frame.empty:
        return _empty(axes, title, "No purchases up to the as-of date.")
    known, unknown = frame["known"].fillna(0.0), frame["unknown"].fillna(0.0)
    total = known + unknown
    best = int(total.argmax())
    partial = "" if frame["is_complete"].iloc[-1] else "; the last month is not over"
    _title(axes, title, f"best: {frame['month'].iloc[best]:%B %Y}, {currency} {_money(total.iloc[best])}{partial}")
    colours = [GREEN if complete else PALE_GREEN for complete in frame["is_complete"]]
    positions = range(len(frame))
    axes.bar(positions, known, color=colours, width=0.72)
    if unknown.abs().sum() > 0:
        axes.bar(positions, unknown, bottom=known, color=SAND, width=0.72, label="customer not known")
        axes.legend(frameon=False, loc="upper left", fontsize=9)
    step = max(1, -(-len(frame) // 12))
    shown = frame["month"].iloc[::step]
    years = shown.dt.year.ne(shown.dt.year.shift())
    labels = [f"{month:%b\n%Y}" if is_first else f"{month:%b}" for month, is_first in zip(shown, years, strict=True)]
    axes.set_xticks(list(positions)[::step], labels)
    axes.yaxis.set_major_formatter(FuncFormatter(_money))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="y", color=GRID)
    axes.spines["left"].set_visible(False)
    return None


def draw_segments(axes: Axes, connection: duckdb.DuckDBPyConnection) -> None:
    """Each segment's share of customers beside its share of net sales."""
    frame = connection.execute(
        "with revenue as"
        " (select customer_id, sum(net_sales) as amount from core.fct_customer_month group by customer_id)"
        " select segment_id, segment_name, count(*) as customers, coalesce(sum(amount), 0)::double as revenue"
        " from marts.customer_segments left join revenue using (customer_id)"
        " where segment_id is not null group by segment_id, segment_name order by segment_id desc"
    ).df()
    title = "Who the customers are, and who brings the sales"
    if frame.empty:
        return _empty(axes, title, "No customer has a segment.")
    customers = frame["customers"] / frame["customers"].sum()
    revenue = frame["revenue"] / (frame["revenue"].sum() or 1.0)
    top = int(revenue.argmax())
    name = frame["segment_name"].iloc[top]
    _title(axes, title, f"{name}: {customers.iloc[top]:.0%} of customers, {revenue.iloc[top]:.0%} of net sales")
    for offset, share, colour, label in ((0.2, customers, SAND, "customers"), (-0.2, revenue, GREEN, "net sales")):
        bars = axes.barh([row + offset for row in range(len(frame))], share, height=0.36, color=colour, label=label)
        axes.bar_label(bars, [f"{value:.0%}" for value in share], padding=3, fontsize=8, color=MUTED)
    axes.set_yticks(range(len(frame)), frame["segment_name"], color=INK)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_xlim(min(0.0, float(revenue.min())), 1.12 * max(float(customers.max()), float(revenue.max())))
    axes.legend(frameon=False, loc="lower right", fontsize=9)
    return None


def draw_concentration(axes: Axes, connection: duckdb.DuckDBPyConnection) -> None:
    """Cumulative share of lifetime value, most valuable customers first."""
    values: pd.Series[float] = (
        connection.execute(
            "select clv_total::double as value from marts.customer_clv where is_clv_complete order by value desc"
        )
        .df()["value"]
        .reset_index(drop=True)
    )
    title = "How concentrated lifetime value is"
    if values.empty or values.sum() <= 0:
        return _empty(axes, title, _why_missing(connection, "customer_clv"))
    share = np.array([0.0, *(values.cumsum() / values.sum())])
    customers = np.linspace(0.0, 1.0, len(share))
    marks = [(part, float(np.interp(part, customers, share))) for part in (0.01, 0.10, 0.20, 0.50)]
    _title(axes, title, f"the best 10% of customers hold {marks[1][1]:.0%} of it, the best 20% {marks[2][1]:.0%}")
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
    axes.plot(customers, share, color=GREEN, linewidth=2.2)
    axes.fill_between(customers, share, customers, color=PALE_GREEN, alpha=0.35, linewidth=0)
    axes.text(0.62, 0.575, "if all were worth the same", color=MUTED, fontsize=8.5, rotation=0)
    for part, held in marks:
        axes.plot(part, held, "o", color=GREEN, markersize=5.5)
        axes.annotate(
            f"top {part:.0%}: {held:.0%}", (part, held), xytext=(9, -4), textcoords="offset points", fontsize=9
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, max(1.02, float(share.max()) * 1.02))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("customers, most valuable first")
    axes.grid(color=GRID)
    return None


def draw_churn(axes: Axes, connection: duckdb.DuckDBPyConnection) -> None:
    """Draw customers by churn probability; say how the model did out of time beside its baseline."""
    frame = connection.execute(
        "select least(floor(churn_probability * 20), 19)::int as bin, risk_band, count(*) as customers,"
        " max(horizon_days) as horizon from marts.customer_churn where churn_probability is not null group by 1, 2"
    ).df()
    title = "Who is likely to stay away"
    if frame.empty:
        return _empty(axes, title, _why_missing(connection, "customer_churn"))
    horizon = int(frame["horizon"].max())
    at_risk = frame.loc[frame["risk_band"] == "high", "customers"].sum()
    _title(axes, title, f"{at_risk:,} at high risk{_churn_quality(connection)}")
    bottom = pd.Series(0.0, index=range(20))
    for band, colour in BANDS.items():
        part = frame[frame["risk_band"] == band].set_index("bin")["customers"].reindex(range(20), fill_value=0)
        axes.bar([(bin_ + 0.5) / 20 for bin_ in range(20)], part, bottom=bottom, width=0.044, color=colour, label=band)
        bottom = bottom + part
    axes.legend(frameon=False, title="risk", fontsize=9, ncols=3, loc="upper center")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.22 * float(bottom.max()))
    axes.set_xlabel(f"probability of no purchase in the next {horizon} days")
    axes.set_ylabel("customers")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.grid(axis="y", color=GRID)
    return None


def _why_missing(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """Return the most frequent reason why scores are missing."""
    reasons = connection.execute(
        f"select unavailable_reason from marts.{table} where unavailable_reason is not null"
        " group by all order by count(*) desc, 1 limit 1"
    ).fetchall()
    return f"Not scored: {reasons[0][0]}." if reasons else "Nobody has a score in this release."


def _churn_quality(connection: duckdb.DuckDBPyConnection) -> str:
    rows = connection.execute(
        "select value, baseline_value from marts.model_metrics"
        " where job = 'churn' and stratum = 'all' and metric = 'roc_auc' and value is not null"
        " and run_id in (select run_id from marts.customer_churn)"
    ).fetchall()
    if not rows:
        return ""
    value, baseline = rows[0]
    return f"  ·  AUC out of time {value:.3f}" + ("" if baseline is None else f", recency alone {baseline:.3f}")
