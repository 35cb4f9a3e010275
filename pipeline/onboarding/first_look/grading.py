"""What the page says of a forecast of days that were hidden. Mining makes it (mining.clv.hidden)."""

from typing import TYPE_CHECKING, Any

from pipeline.base.numbers import counted
from pipeline.onboarding.first_look.charts import forecast
from pipeline.outputs.figures import percent, sentence

if TYPE_CHECKING:
    from mining.clv.hidden import Grade


def verdict(grade: "Grade | str") -> str:
    """Return the grade in one sentence."""
    if isinstance(grade, str):
        return f"No forecast can be made from these files: {grade}."
    expected = grade.expected
    return (
        f"We hid the last {counted(grade.days, 'day')}, and expected {counted(round(expected.mean), 'purchase')} "
        f"({expected.low:,.0f} to {expected.high:,.0f}); {grade.came:,} came; each customer's own rate said "
        f"{grade.own_rate:,.0f}."
    )


def grade_view(grade: "Grade | str") -> dict[str, Any]:
    """Return what the template shows of a grade."""
    if isinstance(grade, str):
        return {"verdict": verdict(grade), "chart": None}
    expected = grade.expected
    return {
        "verdict": verdict(grade),
        "chart": forecast(expected.low, expected.mean, expected.high, grade.came, grade.own_rate),
        "caption": f"Purchases after {grade.start:%d %B %Y}, to {grade.end:%d %B %Y}. The band is the 95% interval.",
        "sentences": [*_judgement(grade), *_limits(grade)],
    }


def _judgement(grade: "Grade") -> list[str]:
    miss = abs(grade.expected.mean - grade.came) / grade.came if grade.came else None
    off = "" if miss is None else f", {percent(miss)} off"
    naive = "" if not grade.came else f", {percent(abs(grade.own_rate - grade.came) / grade.came)} off"
    inside = "within" if grade.is_within else "outside"
    first = f"What came is {inside} the interval. The forecast was{off.removeprefix(',') or ' made'}, and the own rate"
    first += f"{naive.removeprefix(',') or ' too'}."
    if not grade.is_within:
        first += " Something changed in these days that the days before do not show, so be careful with forecasts."
    better = "nearer to what came" if grade.rmse < grade.own_rate_rmse else "no nearer to what came"
    errors = f"root mean squared error {grade.rmse:.2f} against {grade.own_rate_rmse:.2f} purchases"
    return [first, f"For each customer, the forecast is {better} than the own rate ({errors})."]


def _limits(grade: "Grade") -> list[str]:
    customers = f"It is about the {counted(grade.customers, 'customer')} who had bought by {grade.start:%d %B %Y}"
    model = f"The model ({grade.model}) saw nothing after that day. A customer's purchases of one day count as one."
    newcomers = f"New customers made {counted(grade.newcomers, 'purchase')} more, which no history foretells."
    newcomers = newcomers if grade.newcomers else "No new customers came."
    return [f"{customers}. {model} {newcomers}", sentence(grade.season)]
