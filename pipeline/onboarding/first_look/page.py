"""The page of a first look: one HTML file, with nothing from outside."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.base.files import write_private
from pipeline.base.numbers import amount_text, counted
from pipeline.onboarding.first_look import charts
from pipeline.onboarding.first_look.campaign import campaign_view
from pipeline.onboarding.first_look.facts import Facts, Line, Movers
from pipeline.onboarding.first_look.files import is_archive
from pipeline.onboarding.first_look.grading import grade_view
from pipeline.onboarding.first_look.look import Look
from pipeline.onboarding.first_look.understood import fate_text, left_out, not_known, tables, understood
from pipeline.outputs.figures import percent, sentence
from pipeline.outputs.page.render import render

if TYPE_CHECKING:
    from mining.clv.hidden import Grade

TEMPLATE = Path(__file__).with_name("page.html.j2")
LEFT_OUT_SHOWN = 12


@dataclass(frozen=True)
class Page:
    """What is on the page.

    Attributes
    ----------
    look, facts, grade
        What was found. `facts` is None where nobody can be said to have bought; `why` then says why.
    with_names
        Whether customers are shown by name.
    """

    look: Look
    facts: Facts | None
    grade: "Grade | str"
    why: str | None = None
    with_names: bool = False

    def amount(self, value: Decimal | None) -> str:
        """An amount with the digits of its currency."""
        return "not known" if value is None else amount_text(value, self.look.guess.company.currency)

    def priced(self, value: Decimal) -> str:
        """An amount and its currency; the amount alone where that is not known."""
        return f"{self.amount(value)} {self.currency}".rstrip()

    @property
    def in_currency(self) -> str:
        """What a caption adds to amounts."""
        return f"in {self.currency}" if self.currency else "in the currency of the files"

    @property
    def currency(self) -> str:
        """The currency, empty where it is not known."""
        company = self.look.guess.company
        return company.currency if company.currency_from else ""


def write_page(page: Page, target: Path, files: Sequence[str]) -> Path:
    """Write the page; return its path."""
    html = render(TEMPLATE, view(page, files))
    target.parent.mkdir(parents=True, exist_ok=True)
    write_private(target, html)
    return target


def view(page: Page, files: Sequence[str]) -> dict[str, Any]:
    """Return what the template shows."""
    look, facts = page.look, page.facts
    outcome = look.outcome
    rows = sum(outcome.received.values())
    left = sorted(left_out(look), key=lambda fate: (-fate.rows, fate_text(fate)))
    hidden_from = None if isinstance(page.grade, str) else f"{page.grade.start:%Y-%m}"
    why = [sentence(page.why)] if page.why else []
    return {
        "title": ", ".join(look.files) if len(look.files) < 4 else f"{len(look.files)} files",
        "span": f"{look.plan.first_event_date} to {look.plan.as_of_date}",
        "tiles": _tiles(page),
        "understood": understood(look),
        "tables": tables(look),
        "accounted": f"{counted(rows, 'row')} in {counted(len(outcome.received), 'table')}: "
        + (
            f"{counted(sum(fate.rows for fate in left), 'row')} left out, each with its reason."
            if left
            else "all used."
        ),
        "left_out": [(fate_text(fate), f"{fate.rows:,}") for fate in left[:LEFT_OUT_SHOWN]],
        "questions": [note for note in look.notes if note.answers],
        "grade": grade_view(page.grade),
        "sales": _sales(page, hidden_from) if outcome.months else None,
        "whale": _whale(facts) if facts and facts.concentration else None,
        "segments": _segments(page, facts) if facts else [],
        "movers": _all_movers(page, facts) if facts else [],
        "campaign": campaign_view(facts.campaign, page.amount) if facts and facts.campaign else None,
        "statement": _statement(page, facts) if facts and facts.statement_of else None,
        "not_known": [*why, *not_known(look)],
        "in_currency": page.in_currency,
        "command": command(look, files),
        "with_names": page.with_names,
    }


def command(look: Look, files: Sequence[str]) -> str:
    """Return the command that makes a source of the files."""
    paths = [Path(name).expanduser().absolute() for name in files]
    if len(paths) == 1 and not is_archive(paths[0]):
        return f"perennial new-source {look.name} --file {shlex.quote(str(paths[0]))}"
    folder = shlex.quote(str(paths[0].parent / look.name))
    copied = [f"mkdir {folder}"]
    if archives := [path for path in paths if is_archive(path)]:
        copied += [f"unzip -d {folder} {shlex.quote(str(path))}" for path in archives]
    if others := [shlex.quote(str(path)) for path in paths if path not in archives]:
        copied.append(f"cp {' '.join(others)} {folder}")
    return " && ".join([*copied, f"perennial new-source {look.name} --file {folder}"])


def _tiles(page: Page) -> list[dict[str, str]]:
    outcome = page.look.outcome
    delivery = f"{page.amount(outcome.shipping)} of it delivery" if outcome.shipping else ""
    tiles = [
        ("Customers", f"{outcome.customers:,}", f"{outcome.buyers:,} of them bought"),
        ("Purchases", f"{outcome.orders:,}", ""),
        ("Net sales", page.priced(outcome.net_sales), delivery),
        ("Refunds", page.priced(outcome.refunds), ""),
    ]
    if outcome.unsold_orders:
        tiles.append(("Not sold", page.priced(outcome.unsold), f"{outcome.unsold_orders:,} unpaid or cancelled orders"))
    if outcome.orders:
        tiles.append(("Average purchase", page.priced(outcome.net_sales / outcome.orders), ""))
    return [dict(zip(("name", "value", "about"), tile, strict=True)) for tile in tiles]


def _sales(page: Page, hidden_from: str | None) -> dict[str, Any]:
    months = charts.all_months(page.look.outcome.months)
    pale = "In a weaker shade: months that the forecast above was not shown. " if hidden_from else ""
    longer = len(page.look.outcome.months) > len(months)
    return {
        "chart": charts.sales_by_month(page.look.outcome.months, page.currency, hidden_from),
        "caption": f"{pale}Net sales {page.in_currency}, before refunds."
        + (f" The last {len(months)} months." if longer else ""),
        "rows": [(m.month, f"{m.orders:,}", page.amount(m.net_sales), page.amount(m.refunds)) for m in months],
    }


def _whale(facts: Facts) -> dict[str, Any]:
    shares = facts.concentration
    return {
        "chart": charts.whale_curve(shares),
        "caption": f"The best 10% of the buyers bring {percent(shares[10])} of the net sales. Along the dotted line, "
        "all would bring the same.",
        "rows": [(f"{place}%", percent(shares[place])) for place in (1, 5, 10, 20, 30, 40, 50, 75, 100)],
    }


def _segments(page: Page, facts: Facts) -> list[dict[str, Any]]:
    customers = sum(segment.customers for segment in facts.segments) or 1
    sales = sum((max(segment.net_sales, Decimal(0)) for segment in facts.segments), Decimal(0)) or Decimal(1)
    return [
        {
            "name": segment.name,
            "customers": f"{segment.customers:,}",
            "net_sales": page.amount(segment.net_sales),
            "sales_share": round(float(max(segment.net_sales, Decimal(0)) / sales) * 100, 1),
            "customer_share": round(segment.customers / customers * 100, 1),
        }
        for segment in facts.segments
    ]


def _all_movers(page: Page, facts: Facts) -> list[dict[str, Any]]:
    return [
        _movers(page, "Rising: buys clearly more than before", facts.rising),
        _movers(page, "Slipping: buys clearly less, or stays away longer than usual", facts.slipping),
    ]


def _movers(page: Page, caption: str, movers: Movers) -> dict[str, Any]:
    shown = f", the largest {len(movers.shown)}" if movers.customers > len(movers.shown) else ""
    rows = [
        (each.customer, f"{each.recent:,}", _pace(each.usual), page.amount(each.net_sales), each.last_purchase)
        for each in movers.shown
    ]
    return {"caption": f"{caption}: {counted(movers.customers, 'customer')}{shown}", "rows": rows}


def _pace(usual: float | None) -> str:
    return "" if usual is None else f"{usual:.1f}"


def _statement(page: Page, facts: Facts) -> dict[str, Any]:
    lines: list[dict[str, Any]] = []
    ahead = f"Expected in {counted(page.look.settings.clv_horizon_days, 'day')}"
    for part, title in (("historic", "Until today"), ("future", ahead)):
        known = [line for line in facts.statement if line.part == part and line.amount is not None]
        lines += [_line(page, title, line) for line in known if line.amount]
        if known:
            total = sum((line.amount for line in known if line.amount is not None), Decimal(0))
            lines.append({"text": f"{title}, together", "amount": page.amount(total), "is_sum": True})
    unknown = dict.fromkeys(_words(line.line) for line in facts.statement if line.amount is None)
    return {
        "caption": f"{facts.statement_of}, in the middle of the best fifth of the customers; {page.in_currency}",
        "lines": lines,
        "unknown": ", ".join(unknown),
    }


def _line(page: Page, title: str, line: Line) -> dict[str, Any]:
    return {"text": f"{title}: {_words(line.line)}", "amount": page.amount(line.amount), "is_sum": False}


def _words(name: str) -> str:
    return name.replace("_", " ")
