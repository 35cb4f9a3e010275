"""Sentences and figures of the summary are true of data that are thin, mixed or negative."""

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from pipeline.base.numbers import counted
from pipeline.base.settings import Settings
from pipeline.outputs.figures import percent, short_money
from pipeline.outputs.summary import print_summary
from tests.pipeline.build.thin_world import Buyer, World

TOO_FEW = "Not published: 15 customers had bought on a second day by 2026-03-31, 50 are needed."
AWAY = "no purchase in the last 182 days: already away"


def buyers(number: int, **more: object) -> tuple[Buyer, ...]:
    """Customers who bought once, each on another day of March 2026, for 10.00."""
    return tuple(Buyer(f"c{n:02}", ((f"2026-03-{n % 28 + 1:02}", "10.00"),), **more) for n in range(number))  # type: ignore[arg-type]


ONE_CUSTOMER = World(buyers(1, segment="Champions", value="30.00"))
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
        Buyer("ana", (("2026-01-05", "10.00"), ("2026-02-05", "-60.00")), "Lost", "-40.00"),
        Buyer("ben", (("2026-01-06", "20.00"),), "Champions", "-1.00"),
    ),
    returns=(("2026-02-07", "80.00"),),
)
NOBODY_KNOWN = World(nobody=tuple(("2026-02-03", "1.00") for _ in range(28)))
NOTHING = World()
FREE = World((Buyer("ana", (("2026-03-02", "0.00"),), "Champions", "0.00"),))
FUTURE = World((Buyer("ana", (("2026-03-02", "10.00"), ("2026-04-02", "99.00"))),))
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


def summary(world: World, settings: Settings) -> str:
    world.publish(settings)
    output = io.StringIO()
    print_summary(settings, Console(file=output, width=100, highlight=False), is_new=True)
    return " ".join(output.getvalue().split())


@pytest.mark.parametrize(("world", "said"), LINES)
def test_a_line_of_the_summary_says_what_is_so(make_settings: Callable[..., Settings], world: World, said: str) -> None:
    assert said in summary(world, make_settings())


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
