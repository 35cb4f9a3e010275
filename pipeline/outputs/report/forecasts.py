"""The chapter of the forecasts: who is likely to stay away, what all are worth, and how right it was."""

from typing import Any

from pipeline.base.numbers import counted
from pipeline.outputs.figures import short_money, why_unscored
from pipeline.outputs.report import charts
from pipeline.outputs.report.chapter import (
    Content,
    Marts,
    Picture,
)
from pipeline.outputs.summary import grades

CHURN = """
select least(floor(churn_probability * 20), 19)::int as twentieth, risk_band, count(*) as customers,
    max(horizon_days) as horizon_days
from marts.customer_churn
where churn_probability is not null
group by twentieth, risk_band
order by twentieth, risk_band
"""
TESTED = """
select stratum,
    max(value) filter (metric = 'predicted_mean') as forecast,
    max(value) filter (metric = 'observed_mean') as came,
    max(rows) as customers
from marts.model_metrics
where job = 'churn' and stratum like 'forecast: tenth %'
group by stratum
having forecast is not null and came is not null
order by stratum
"""
GRADED = """
select as_of_date, horizon_days, band, customers, forecast_mean, outcome_mean, outcome_low, outcome_high
from marts.score_calibration
where measure = 'no_purchase'
qualify (as_of_date, horizon_days) = max((as_of_date, horizon_days)) over ()
order by band
"""
EQUITY = """
select as_of_date, customers, equity_before_returns, horizon_days
from marts.customer_equity
order by as_of_date
"""


def forecasts(marts: Marts) -> Content | str:
    """Who is likely to stay away, what all are worth, and how right earlier forecasts were."""
    churn, equity = marts.rows(CHURN), marts.rows(EQUITY)
    if not churn and not equity:
        return why_unscored(marts.release, "customer_churn")
    told, pictures = [], []
    if churn:
        high = sum(customers for _, band, customers, _ in churn if band == "high")
        everybody = sum(customers for *_, customers, _ in churn)
        horizon = counted(max(row[3] for row in churn), "day")
        told.append(
            f"{high:,} of {counted(everybody, 'customer')} are at high risk of buying nothing in the next {horizon}."
        )
        pictures.append(_churn(churn, told[0], horizon))
    if equity:
        _, customers, total, days = equity[-1]
        ahead = f"{marts.money(total)} in {counted(days, 'day')}, before returns and costs"
        told.append(f"{counted(customers, 'customer')} are expected to buy for {ahead}.")
    pictures += _calibration(marts)
    if len(equity) > 1:
        pictures.append(_equity(marts, equity))
    remarks = grades(marts.release, marts.currency)
    if not remarks:
        remarks = ["Of no published forecast the time is over yet. Its grade appears here when it is."]
    return Content(" ".join(told), tuple(pictures), remarks=tuple(remarks))


def _churn(found: list[tuple[Any, ...]], said: str, horizon: str) -> Picture:
    numbers = [sum(row[2] for row in found if row[0] == place) for place in range(20)]
    labels = [f"{5 * place}%" for place in range(20)]
    chart = charts.columns(
        "churn", ("Customers by probability of no purchase", said), labels, numbers, lambda x: f"{x:,.0f}"
    )
    rows = tuple((f"{5 * place}% to {5 * place + 5}%", f"{number:,}") for place, number in enumerate(numbers) if number)
    caption = f"Customers by the probability of no purchase in the next {horizon}, as forecast."
    return Picture(
        "Probability of no purchase",
        chart,
        caption,
        ("Probability", "Customers"),
        rows,
    )


def _calibration(marts: Marts) -> list[Picture]:
    """Return forecast beside outcome: of the newest graded forecast, else of the test before it was published."""
    graded = marts.rows(GRADED)
    if graded:
        day, horizon = graded[0][:2]
        points = [(float(row[4]), float(row[5]), float(row[6]), float(row[7])) for row in graded]
        sizes = [row[3] for row in graded]
        caption = f"What was forecast on {day}, for {counted(horizon, 'day')} (right), and what came (up)"
    else:
        tested = marts.rows(TESTED)
        sizes = [row[3] for row in tested]
        points = [(forecast, came, *_wilson(came, size)) for _, forecast, came, size in tested]
        caption = "The test before publication: what the model forecast (right), and what came (up)"
    if not points:
        return []
    within = sum(low <= forecast <= high for forecast, _, low, high in points)
    said = f"{within} of {counted(len(points), 'group')} lie within chance of the dotted line."
    chart = charts.beside_diagonal("calibration", ("Forecast and outcome", said), points)
    rows = tuple(
        (str(place), f"{size:,}", f"{forecast:.1%}", f"{came:.1%}", f"{low:.1%} to {high:.1%}")
        for place, (size, (forecast, came, low, high)) in enumerate(zip(sizes, points, strict=True), 1)
    )
    heads = ("Tenth", "Customers", "Forecast", "Came", "95 % interval")
    told = f"{caption}: the share of customers without a purchase, by tenths of them, with 95 % intervals. {said}"
    return [Picture("Forecast and outcome", chart, told, heads, rows)]


def _wilson(share: float, customers: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share."""
    z = 1.959964
    middle = (share + z * z / (2 * customers)) / (1 + z * z / customers)
    half = z * (share * (1 - share) / customers + z * z / (4 * customers**2)) ** 0.5 / (1 + z * z / customers)
    return middle - half, middle + half


def _equity(marts: Marts, found: list[tuple[Any, ...]]) -> Picture:
    labels = [f"{day:%b %y}" for day, *_ in found]
    values = [float(total) for _, _, total, _ in found]
    said = f"{marts.money(values[-1])} on the as-of date, {marts.money(values[0])} in {labels[0]}."
    chart = charts.columns(
        "equity", ("Customer equity by month", said), labels, values, lambda x: short_money(x, marts.currency)
    )
    rows = tuple((label, f"{row[1]:,}", f"{row[2]:,.0f}") for label, row in zip(labels, found, strict=True))
    caption = "What all customers were expected to buy, before returns and costs, as forecast at the end of each month."
    return Picture(
        "Customer equity by month",
        chart,
        caption,
        ("Month", "Customers", "Equity"),
        rows,
    )
