"""Sentences, titles and figures of the summary and the picture are true of data that are thin, mixed or negative."""

import datetime as dt
import io
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from rich.console import Console

from pipeline.base.duck import connect
from pipeline.base.numbers import counted
from pipeline.base.settings import Settings
from pipeline.outputs import overview
from pipeline.outputs.figures import percent, short_money
from pipeline.outputs.summary import print_summary
from tests.pipeline.build.thin_world import Buyer, World

TOO_FEW = "Not published: 15 customers had bought on a second day by 2026-03-31, 50 are needed."
AWAY = "no purchase in the last 182 days: already away"


def buyers(number: int, **more: object) -> tuple[Buyer, ...]:
    """Customers who bought once, each on another day of March 2026, for 10.00."""
    return tuple(Buyer(f"c{n:02}", ((f"2026-03-{n % 28 + 1:02}", "10.00"),), **more) for n in range(number))  # type: ignore[arg-type]


ONE_CUSTOMER = World(buyers(1, segment="Champions", value="30.00", churn=0.5))
ONE_ORDER_EACH = World(
    (*buyers(12, segment="Potential loyalists", reason=TOO_FEW), *(Buyer(f"p{n}") for n in range(40))),
    decisions=(("clv", TOO_FEW),),
)
ALL_LAPSED = World(
    tuple(
        Buyer(f"c{n}", (("2024-11-05", "10.00"), ("2024-12-05", "30.00")), segment="Lost", reason=AWAY)
        for n in range(3)
    )
)
NEGATIVE = World(
    (
        Buyer("ana", (("2026-01-05", "10.00"), ("2026-02-05", "-60.00")), "Lost", "-40.00", 0.9),
        Buyer("ben", (("2026-01-06", "20.00"),), "Champions", "-1.00", 0.9),
    ),
    returns=(("2026-02-07", "80.00"),),
)
ALL_NEGATIVE = World((Buyer("ana", (("2026-01-05", "-10.00"), ("2026-02-05", "-60.00")), "Lost"),))
NOBODY_KNOWN = World(nobody=tuple(("2026-02-03", "1.00") for _ in range(28)))
NOTHING = World()
SOME_BELOW_ZERO = World(
    tuple(
        Buyer(f"c{n:02}", (("2026-03-02", "10.00"),), "Champions", value)
        for n, value in enumerate(["100.00", *["10.00"] * 10, *["-30.00"] * 9])
    )
)
FREE = World((Buyer("ana", (("2026-03-02", "0.00"),), "Champions", "0.00"),))
ONE_MONTH = World(buyers(3), as_of=dt.date(2026, 3, 20))
TIED = World((Buyer("ana", (("2026-01-02", "10.00"), ("2026-02-02", "10.00"), ("2026-03-02", "5.00"))),))
GAP = World((Buyer("ana", (("2025-10-02", "10.00"), ("2026-01-02", "20.00"))),), as_of=dt.date(2026, 3, 31))
FUTURE = World((Buyer("ana", (("2026-03-02", "10.00"), ("2026-04-02", "99.00"))),))
EQUAL = World(buyers(20, segment="Champions", value="5.00"))

TITLES = [
    # (world, panel, what the panel says)
    (ONE_CUSTOMER, "revenue", "EUR 10 in March 2026"),
    (ONE_CUSTOMER, "segments", "Champions: 100% of these customers, 100% of their net sales"),
    (ONE_CUSTOMER, "concentration", "One customer has a lifetime value: there is nothing to compare it with."),
    (ONE_CUSTOMER, "churn", "0 of 1 at high risk"),
    (ONE_ORDER_EACH, "concentration", TOO_FEW),
    (ONE_ORDER_EACH, "churn", TOO_FEW),
    (ALL_LAPSED, "revenue", "best: December 2024, EUR 90"),
    (ALL_LAPSED, "churn", "No purchase in the last 182 days: already away."),
    (NEGATIVE, "revenue", "best: January 2026, EUR 30"),
    (NEGATIVE, "segments", "no shares of net sales: a segment's are below zero"),
    (NEGATIVE, "concentration", "No customer's lifetime value is above zero."),
    (NEGATIVE, "churn", "2 of 2 at high risk"),
    (ALL_NEGATIVE, "revenue", "no month is above zero"),
    (NOBODY_KNOWN, "revenue", "best: February 2026, EUR 28"),
    (NOBODY_KNOWN, "segments", "No customer has a segment."),
    (NOBODY_KNOWN, "concentration", "No customer has a purchase known by the as-of date."),
    (NOBODY_KNOWN, "churn", "No customer has a purchase known by the as-of date."),
    (NOTHING, "revenue", "No net sales up to the as-of date."),
    (NOTHING, "segments", "No customer has a segment."),
    (SOME_BELOW_ZERO, "concentration", "the best 10% of customers hold 55% of it, the best 20% 65%"),
    (SOME_BELOW_ZERO, "concentration", "9 customers below zero, not in the sum"),
    (FREE, "revenue", "No net sales up to the as-of date."),
    (FREE, "segments", "no shares of net sales: they have brought none"),
    (ONE_MONTH, "revenue", "EUR 30 in March 2026; the last is not over"),
    (TIED, "revenue", "best: 2 of 3 months, EUR 10 each"),
    (GAP, "revenue", "best: January 2026, EUR 20"),
    (FUTURE, "revenue", "EUR 10 in March 2026"),
    (EQUAL, "concentration", "the best 10% of customers hold 10% of it, the best 20% 20%"),
    (World(buyers(5, value="5.00")), "concentration", "the best of 5 customers holds 20% of it"),
]
LINES = [
    # (world, what a line of the summary says)
    (ONE_CUSTOMER, "Customers 1 1 buyer"),
    (ONE_CUSTOMER, "Purchases 1 all on 2026-03-01"),
    (ONE_CUSTOMER, "1 check passed"),
    (ONE_CUSTOMER, "Rows in 1 from 1 table"),
    (ONE_CUSTOMER, "Segments by net sales Champions 1 customer 100.0%"),
    (ONE_CUSTOMER, "Customer equity 30.00 EUR in 365 days, 10% p.a., before cost of goods"),
    (ONE_ORDER_EACH, "Customers 52 12 buyers"),
    (ONE_ORDER_EACH, f"Customer equity unknown {TOO_FEW}"),
    (ONE_ORDER_EACH, f"clv: {TOO_FEW}"),
    (ALL_LAPSED, "Purchases 6 2024-11-05 to 2024-12-05"),
    (ALL_LAPSED, "Customer equity unknown No purchase in the last 182 days: already away."),
    (NEGATIVE, "Net sales -30.00 EUR"),
    (NEGATIVE, "Refunds 80.00 EUR, 1 returned line"),
    (
        NEGATIVE,
        "Segments by net sales Champions 1 customer EUR 20.00 ████████████████████████ Lost 1 customer EUR -50.00",
    ),
    (NOBODY_KNOWN, "Customers 0 0 buyers"),
    (NOBODY_KNOWN, "Purchases 28 all on 2026-02-03, 28 without a customer"),
    (NOBODY_KNOWN, "Customer equity unknown No customer has a purchase known by the as-of date."),
    (NOBODY_KNOWN, "Segments by net sales No customer has a segment."),
    (NOTHING, "Purchases 0 Net sales 0.00 EUR"),
    (NOTHING, "Models against their baselines No model could be trained on these data."),
    (FREE, "Segments by net sales Champions 1 customer EUR 0.00"),
    (FUTURE, "Purchases 1 all on 2026-03-02 Net sales 10.00 EUR"),
    (
        World(cases=(("2026-01-01", None), ("2026-01-02", "2026-04-09"), ("2026-01-03", "2026-02-01"))),
        "cases: 3, open: 2",
    ),
]


def drawn(world: World, path: Path, panel: str) -> tuple[list[str], Figure]:
    world.write(path)
    figure = Figure()
    axes = figure.subplots()
    with closing(connect(path, read_only=True)) as connection:
        options = ("EUR",) if panel == "revenue" else ()
        getattr(overview, f"draw_{panel}")(axes, connection, *options)
    return [" ".join(text.get_text().split()) for text in axes.texts], figure


def summary(world: World, settings: Settings) -> str:
    world.publish(settings)
    output = io.StringIO()
    print_summary(settings, Console(file=output, width=100, highlight=False), is_new=True)
    return " ".join(output.getvalue().split())


@pytest.mark.parametrize(("world", "panel", "said"), TITLES)
def test_a_panel_says_what_is_so(tmp_path: Path, world: World, panel: str, said: str) -> None:
    assert said in drawn(world, tmp_path / "release.duckdb", panel)[0]


@pytest.mark.parametrize(("world", "said"), LINES)
def test_a_line_of_the_summary_says_what_is_so(make_settings: Callable[..., Settings], world: World, said: str) -> None:
    assert said in summary(world, make_settings())


@pytest.mark.parametrize("panel", ["segments", "concentration"])
@pytest.mark.parametrize("world", [NEGATIVE, SOME_BELOW_ZERO, ONE_CUSTOMER, EQUAL])
def test_no_share_is_above_the_whole_or_below_nothing(tmp_path: Path, world: World, panel: str) -> None:
    _, figure = drawn(world, tmp_path / "release.duckdb", panel)
    (axes,) = figure.axes
    shares = [bar.get_width() for bar in axes.patches] + [y for line in axes.lines for y in line.get_ydata()]  # type: ignore[union-attr,attr-defined]
    assert all(-1e-9 <= share <= 1 + 1e-9 for share in shares)


def bars(world: World, path: Path) -> list[tuple[float, float]]:
    """Bottom and height of each bar of the months, those of known customers first."""
    (axes,) = drawn(world, path, "revenue")[1].axes
    return [(round(bar.get_y(), 2), round(bar.get_height(), 2)) for bar in axes.patches]  # type: ignore[attr-defined]


def test_months_without_sales_are_drawn_up_to_the_as_of_date(tmp_path: Path) -> None:
    assert [height for _, height in bars(GAP, tmp_path / "release.duckdb")] == [10, 0, 0, 20, 0, 0]


def test_sales_to_nobody_do_not_cover_what_lies_on_the_other_side_of_zero(tmp_path: Path) -> None:
    ana = Buyer("ana", (("2026-02-02", "-30.00"), ("2026-03-02", "5.00")))
    world = World((ana,), nobody=(("2026-02-02", "20.00"), ("2026-03-02", "7.00")))
    assert bars(world, tmp_path / "release.duckdb") == [(0, -30), (0, 5), (0, 20), (5, 7)]


@pytest.mark.parametrize("world", [ONE_CUSTOMER, ONE_ORDER_EACH, ALL_LAPSED, NEGATIVE, NOBODY_KNOWN, NOTHING, FREE])
def test_the_whole_picture_is_drawn(tmp_path: Path, world: World) -> None:
    world.write(tmp_path / "release.duckdb")
    overview.write_overview(tmp_path / "release.duckdb", tmp_path / "overview.png", "EUR")
    assert (tmp_path / "overview.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (0.001, "<1%"), (0.006, "1%"), (0.5, "50%"), (0.994, "99%"), (0.997, ">99%"), (1, "100%")],
)
def test_a_share_is_not_rounded_to_none_or_all(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *((0, "0"), (-0.004, "0.00"), (0.4, "0.40"), (-12.5, "-12.50"), (25.35, "25.35"), (99.999, "100.00")),
        *((120.4, "120"), (999.4, "999"), (999.6, "1 k"), (87_412, "87.4 k"), (999_600, "1 m")),
        *((-1_234_567, "-1.23 m"), (4.2e10, "42 bn"), (1.5e12, "1,500 bn")),
    ],
)
def test_an_amount_has_three_digits_and_its_unit(value: float, text: str) -> None:
    assert short_money(value, "SGD") == text


def test_one_of_something_is_no_plural() -> None:
    assert (counted(1, "customer"), counted(0, "customer"), counted(2345, "customer")) == (
        *("1 customer", "0 customers"),
        "2,345 customers",
    )
