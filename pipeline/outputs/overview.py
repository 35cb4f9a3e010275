"""The picture of a release: four panels for a marketing lead, drawn from the published tables only."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import duckdb
import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from pipeline.base.duck import connect
from pipeline.base.numbers import amount_text, counted
from pipeline.outputs.figures import (
    AS_OF,
    known_by,
    net_sales,
    percent,
    short_money,
    why_unscored,
)
from pipeline.outputs.panels import (
    AMBER,
    GREEN,
    GRID,
    INK,
    MUTED,
    PALE_GREEN,
    RED,
    SAND,
    STYLE,
    draw_panel,
    empty,
    title,
)

BANDS = {"low": PALE_GREEN, "medium": AMBER, "high": RED}
REVENUE = "Net sales by month"
SEGMENTS = "Who the customers are, and who brings the sales"
CONCENTRATION = "How concentrated lifetime value is"
CHURN = "Who is likely to stay away"


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
        for axes, (heading, draw) in zip(grid.flat, _panels(currency), strict=True):
            draw_panel(axes, heading, partial(draw, axes, connection))
        FigureCanvasAgg(figure).print_png(target, metadata={"Software": None})


def _panels(currency: str) -> tuple[tuple[str, Callable[..., None]], ...]:
    return (
        (REVENUE, partial(draw_revenue, currency=currency)),
        (SEGMENTS, draw_segments),
        (CONCENTRATION, draw_concentration),
        (CHURN, draw_churn),
    )


def _header(figure: Figure, connection: duckdb.DuckDBPyConnection, currency: str) -> None:
    as_of, customers = connection.execute(f"select {AS_OF}, (select count(*) from marts.customer_360)").fetchall()[0]
    figure.text(0.035, 0.955, "Customers at a glance", fontsize=19, fontweight="bold", va="center")
    sales = f"{currency} {amount_text(net_sales(connection), currency)} net sales"
    facts = f"{counted(customers, 'customer')}  ·  {sales}  ·  as of {as_of:%d %B %Y}"
    figure.text(0.035, 0.915, facts, fontsize=11, color=MUTED, va="center")


def _centred(bars: int, least: int) -> tuple[float, float]:
    """Return limits of an axis for bars at 0, 1, 2, …: a few bars are centred and as thin as many would be."""
    middle, half = (bars - 1) / 2, max(bars, least) / 2 + 0.1
    return middle - half, middle + half


def draw_revenue(axes: Axes, connection: duckdb.DuckDBPyConnection, currency: str) -> None:
    """Draw net sales per month, with the part without a customer; months without sales are shown too."""
    heading = REVENUE
    frame = connection.execute(
        "select date_trunc('month', order_date)::date as month,"
        " coalesce(sum(net_sales) filter (not is_unknown), 0)::double as known,"
        " coalesce(sum(net_sales) filter (is_unknown), 0)::double as unknown"
        f" from core.fct_order join core.dim_customer using (customer_id) where {known_by('order_date')}"
        " group by all order by month"
    ).df()
    frame = frame.set_index("month")[["known", "unknown"]]
    frame = frame.loc[frame.ne(0.0).any(axis=1).cummax()]
    if frame.empty:
        return empty(axes, heading, "No net sales up to the as-of date.")
    as_of = pd.Timestamp(connection.execute(f"select {AS_OF}").fetchall()[0][0])
    months = pd.date_range(frame.index[0], as_of, freq="MS")
    frame = frame.reindex(months, fill_value=0.0)
    is_over = months + pd.offsets.MonthEnd(0) <= as_of
    title(axes, heading, _of_months(frame.sum(axis=1), currency) + ("" if is_over[-1] else "; the last is not over"))
    positions = np.arange(len(frame))
    known, unknown = frame["known"], frame["unknown"]
    axes.bar(positions, known, color=np.where(is_over, GREEN, PALE_GREEN), width=0.72)
    if unknown.ne(0.0).any():
        bottom = known.where(known * unknown > 0, 0.0)
        axes.bar(positions, unknown, bottom=bottom, color=SAND, width=0.72, label="customer not known")
        axes.legend(frameon=False, loc="upper left", fontsize=9)
        bottom_edge, top_edge = axes.get_ylim()
        axes.set_ylim(bottom_edge, top_edge + 0.15 * (top_edge - bottom_edge))  # room for the legend
    axes.set_xlim(*_centred(len(frame), least=6))
    step = max(1, -(-len(frame) // 12))
    shown = months[::step]
    years = [True, *(shown.year[1:] != shown.year[:-1])]
    labels = [f"{month:%b\n%Y}" if is_first else f"{month:%b}" for month, is_first in zip(shown, years, strict=True)]
    axes.set_xticks(positions[::step], labels)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: short_money(value, currency)))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="y", color=GRID)
    axes.spines["left"].set_visible(False)
    return None


def _of_months(total: pd.Series, currency: str) -> str:
    """Return the subtitle: the best month, where there is one."""
    best = total.max()
    months = total.index[np.isclose(total, best)]
    if best <= 0:
        return "no month is above zero"
    if len(total) == 1:
        return f"{currency} {short_money(best, currency)} in {months[0]:%B %Y}"
    if len(months) > 1:
        return f"best: {len(months)} of {counted(len(total), 'month')}, {currency} {short_money(best, currency)} each"
    return f"best: {months[0]:%B %Y}, {currency} {short_money(best, currency)}"


def draw_segments(axes: Axes, connection: duckdb.DuckDBPyConnection) -> None:
    """Draw each segment's share of the customers beside its share of their net sales."""
    frame = connection.execute(
        "select profile.segment_name, count(*) as customers, sum(customers.net_sales)::double as sales"
        " from marts.customer_segments as segments join marts.customer_360 as customers using (customer_id)"
        " join marts.segment_profile as profile on segments.segment_name = profile.segment_name"
        " group by profile.segment_name, segment_rank order by segment_rank desc"
    ).df()
    heading = SEGMENTS
    if frame.empty:
        return empty(axes, heading, "No customer has a segment.")
    customers = frame["customers"] / frame["customers"].sum()
    bars = [(customers, SAND, "customers with a segment")]
    # Where some parts are below zero, shares of the sum have no meaning.
    if frame["sales"].ge(0).all() and frame["sales"].sum() > 0:
        sales = frame["sales"] / frame["sales"].sum()
        bars.append((sales, GREEN, "their net sales"))
        top = int(sales.argmax())
        held = f"{percent(customers.iloc[top])} of these customers, {percent(sales.iloc[top])} of their net sales"
        title(axes, heading, f"{frame['segment_name'].iloc[top]}: {held}")
    elif frame["sales"].lt(0).any():
        title(axes, heading, "no shares of net sales: a segment's are below zero")
    else:
        title(axes, heading, "no shares of net sales: they have brought none")
    offsets = (0.2, -0.2) if len(bars) == 2 else (0.0,)
    for offset, (share, colour, label) in zip(offsets, bars, strict=True):
        drawn = axes.barh(np.arange(len(frame)) + offset, share, height=0.36, color=colour, label=label)
        axes.bar_label(drawn, [percent(value) for value in share], padding=3, fontsize=8, color=MUTED)
    axes.set_yticks(range(len(frame)), frame["segment_name"], color=INK)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)
    axes.set_xlim(0.0, 1.12 * max(float(share.max()) for share, _, _ in bars))
    axes.set_ylim(*_centred(len(frame), least=4))
    # Above the bars, because a long bar reaches every corner.
    axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1.0, -0.14), ncols=2, fontsize=9)
    return None


def draw_concentration(axes: Axes, connection: duckdb.DuckDBPyConnection) -> None:
    """Draw the cumulative share of lifetime value, highest first. Values below zero are not in the sum."""
    values = (
        connection.execute(
            "select clv_total::double as value from marts.customer_clv where is_clv_complete order by value desc"
        )
        .df()["value"]
        .to_numpy(float)
    )
    heading = CONCENTRATION
    if not len(values):
        return empty(axes, heading, why_unscored(connection, "customer_clv"))
    if len(values) == 1:
        return empty(axes, heading, "One customer has a lifetime value: there is nothing to compare it with.")
    if values[0] <= 0:
        return empty(axes, heading, "No customer's lifetime value is above zero.")
    positive = np.maximum(values, 0.0)
    share = np.array([0.0, *(positive.cumsum() / positive.sum())])
    customers = np.linspace(0.0, 1.0, len(share))
    # A tenth of nine customers is no customer.
    parts = [part for part in (0.01, 0.10, 0.20, 0.50) if part * len(values) >= 1]
    marks = [(part, float(np.interp(part, customers, share))) for part in parts]
    title(axes, heading, _of_the_best(share, dict(marks)))
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)))
    axes.plot(customers, share, color=GREEN, linewidth=2.2)
    axes.fill_between(customers, share, customers, color=PALE_GREEN, alpha=0.35, linewidth=0)
    axes.text(0.62, 0.575, "if all were worth the same", color=MUTED, fontsize=8.5, rotation=0)
    if below := int((values < 0).sum()):
        text = f"{counted(below, 'customer')} below zero, not in the sum"
        axes.text(0.98, 0.04, text, color=MUTED, fontsize=8.5, ha="right")
    for part, held in marks:
        axes.plot(part, held, "o", color=GREEN, markersize=5.5)
        axes.annotate(
            f"top {part:.0%}: {percent(held)}", (part, held), xytext=(9, -4), textcoords="offset points", fontsize=9
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("customers, most valuable first")
    axes.grid(color=GRID)
    return None


def _of_the_best(share: NDArray[np.float64], held: dict[float, float]) -> str:
    if 0.10 not in held:
        return f"the best of {counted(len(share) - 1, 'customer')} holds {percent(share[1])} of it"
    return f"the best 10% of customers hold {percent(held[0.10])} of it, the best 20% {percent(held[0.20])}"


def draw_churn(axes: Axes, connection: duckdb.DuckDBPyConnection) -> None:
    """Draw customers by churn probability; compare the model's AUC out of time with its baseline's."""
    frame = connection.execute(
        "select least(floor(churn_probability * 20), 19)::int as bin, risk_band, count(*) as customers,"
        " max(horizon_days) as horizon from marts.customer_churn where churn_probability is not null group by 1, 2"
    ).df()
    heading = CHURN
    if frame.empty:
        return empty(axes, heading, why_unscored(connection, "customer_churn"))
    horizon = int(frame["horizon"].max())
    at_risk = int(frame.loc[frame["risk_band"] == "high", "customers"].sum())
    asked = int(frame["customers"].sum())
    title(axes, heading, f"{at_risk:,} of {asked:,} at high risk{_churn_quality(connection)}")
    bottom = pd.Series(0.0, index=range(20))
    for band, colour in BANDS.items():
        part = frame[frame["risk_band"] == band].set_index("bin")["customers"].reindex(range(20), fill_value=0)
        axes.bar([(bin_ + 0.5) / 20 for bin_ in range(20)], part, bottom=bottom, width=0.044, color=colour, label=band)
        bottom = bottom + part
    axes.legend(frameon=False, title="risk", fontsize=9, ncols=3, loc="upper center")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.22 * float(bottom.max()))
    axes.set_xlabel(f"probability of no purchase in the next {counted(horizon, 'day')}")
    axes.set_ylabel("customers")
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.grid(axis="y", color=GRID)
    return None


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
