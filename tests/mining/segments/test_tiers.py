"""The pyramid: 1 %, 19 %, 30 %, 50 % of active customers, steady near its borders."""

import numpy as np
import pandas as pd

from mining.segments.tiers import tiers, tiers_through


def _customers(values, recency=0) -> pd.DataFrame:
    names = [f"C{number:04d}" for number in range(len(values))]
    return pd.DataFrame({"customer_id": names, "recency_days": recency, "net_sales_365d": np.array(values, float)})


def test_shares_of_a_thousand_customers():
    counts = tiers(_customers(range(1000))).value_counts()
    assert counts.to_dict() == {"platinum": 10, "gold": 190, "iron": 300, "lead": 500}


def test_equal_values_share_a_tier_and_order_does_not_matter():
    frame = _customers([100] * 30 + [50] * 30 + [10] * 40)
    placed = tiers(frame)
    assert placed.groupby(frame["net_sales_365d"]).nunique().eq(1).all()
    shuffled = frame.sample(frac=1, random_state=3)
    assert tiers(shuffled).sort_index().tolist() == placed.tolist()


def test_a_small_company_has_a_platinum_customer_and_equals_are_in_the_middle():
    assert tiers(_customers([5, 9, 1])).tolist() == ["iron", "platinum", "lead"]
    assert set(tiers(_customers([5, 5, 5, 5]))) == {"iron"}


def test_absent_for_a_year_is_inactive_and_does_not_count():
    frame = _customers([9, 8, 7, 0, 0], recency=[0, 3, 364, 365, 900])
    assert tiers(frame).tolist()[3:] == ["inactive", "inactive"]
    assert tiers(frame).tolist()[:3] == tiers(_customers([9, 8, 7])).tolist()


def _place(percent: float) -> pd.DataFrame:
    """A thousand customers of whom C0000 has `percent` of the others above."""
    above = int(percent * 10)
    return _customers([500.5, *(np.arange(above) + 1000), *(np.arange(999 - above) / 10)])


def test_a_customer_near_a_border_stays_and_one_clearly_beyond_moves():
    for before, percent, after in (
        ("gold", 21.9, "gold"),
        ("gold", 22.1, "iron"),
        ("iron", 18.1, "iron"),
        ("iron", 17.9, "gold"),
        ("lead", 0.5, "platinum"),
        ("platinum", 90.0, "lead"),
        ("inactive", 19.0, "gold"),
    ):
        frame = _place(percent)
        previous = pd.Series([before], index=["C0000"])
        assert tiers(frame, previous).iloc[0] == after, (before, percent)


def test_nobody_flickers_between_dates():
    out_and_in = [_place(19.0), _place(20.5), _place(19.5), _place(20.5)]
    alone = [tiers(frame).iloc[0] for frame in out_and_in]
    carried = [tiers_through(out_and_in[: number + 1]).iloc[0] for number in range(4)]
    assert alone == ["gold", "iron", "gold", "iron"]
    assert carried == ["gold"] * 4


def test_nobody_at_all():
    assert tiers(_customers([])).empty and tiers_through([]).empty
