"""The page of a first look: its figures are those of the file, its grade is mining's, and it names nobody."""

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import pytest

from cli.first_look import make_page
from mining.clv.hidden import Grade
from pipeline.onboarding.first_look.facts import read_facts
from pipeline.onboarding.first_look.look import first_look
from pipeline.onboarding.first_look.page import Page, write_page
from pipeline.onboarding.first_look.summary import summary
from tests.support.companies.trade import Trade, make_trade


@dataclass(frozen=True)
class Looked:
    """A first look at a made-up shop: the page without and with names, and what mining has published."""

    trade: Trade
    page: Page
    html: str
    named: str
    said: str
    published: dict[str, float]

    @property
    def text(self) -> str:
        """The page without its tags."""
        body = re.sub(r"<style>.*?</style>", "", self.html, flags=re.DOTALL)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.fixture(scope="module")
def looked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Looked]:
    folder = tmp_path_factory.mktemp("look")
    trade = make_trade()
    files = [str(trade.write(folder / "orders.csv"))]
    with first_look(files, env={}) as look:
        page = make_page(look, with_names=False)
        named = replace(page, facts=read_facts(look, with_names=True), with_names=True)
        (model,) = (json.loads(path.read_text()) for path in (look.settings.models / "clv").glob("*.json"))
        target = write_page(page, folder / "page.html", files)
        yield Looked(
            trade,
            page,
            target.read_text(encoding="utf-8"),
            write_page(named, folder / "named.html", files).read_text(encoding="utf-8"),
            summary(page, target, files),
            model["metrics"],
        )


def test_the_figures_are_those_of_the_file(looked: Looked) -> None:
    trade = looked.trade
    outcome = looked.page.look.outcome
    assert (outcome.net_sales, outcome.orders, outcome.buyers) == (trade.net_sales, len(trade.sold), trade.buyers)
    assert f"Net sales {trade.net_sales:,.2f} EUR" in looked.text
    assert f"Purchases {len(trade.sold):,}" in looked.text


def test_every_row_is_used_or_has_its_reason(looked: Looked) -> None:
    assert f"{len(looked.trade.rows):,} rows in 1 table: 1 row left out, each with its reason." in looked.text
    assert "not a decimal 1" in looked.text


def test_the_grade_is_what_mining_publishes(looked: Looked) -> None:
    grade = looked.page.grade
    assert isinstance(grade, Grade)
    published = looked.published["predicted_over_actual"]
    assert grade.expected.mean / grade.came == pytest.approx(published, abs=1e-6)
    assert grade.rmse == pytest.approx(looked.published["rmse"], abs=1e-6)
    assert grade.expected.low < grade.expected.mean < grade.expected.high
    said = f"expected {grade.expected.mean:,.0f} purchases ({grade.expected.low:,.0f} to {grade.expected.high:,.0f})"
    assert said in looked.text
    assert f"{grade.came:,} came" in " ".join(looked.said.split())


def test_what_came_is_counted_in_the_file(looked: Looked) -> None:
    grade = looked.page.grade
    assert isinstance(grade, Grade)
    days = {(row[1], row[4][:10]) for row in looked.trade.sold}
    start = grade.start.isoformat()
    known = {customer for customer, day in days if day <= start}
    assert grade.customers == len(known)
    assert grade.came == sum(1 for customer, day in days if customer in known and day > start)
    assert grade.newcomers == sum(1 for customer, _ in days if customer not in known)


def test_the_segments_have_every_buyer_and_every_sale(looked: Looked) -> None:
    facts = looked.page.facts
    assert facts is not None
    assert sum(segment.customers for segment in facts.segments) == looked.trade.buyers
    assert sum(segment.net_sales for segment in facts.segments) == looked.trade.net_sales
    assert facts.concentration[-1] == pytest.approx(1.0)


def test_without_consents_nobody_may_be_written_to(looked: Looked) -> None:
    campaign = looked.page.facts and looked.page.facts.campaign
    assert campaign
    assert not campaign.has_consents
    assert campaign.customers == campaign.included + sum(number for _, number in campaign.steps)
    assert "Nobody may be written to yet" in looked.text or campaign.included == 0


@pytest.mark.parametrize("personal", [r"Nummer\d{5}", r"kunde\d{5}@", r"K\d{5}"])
def test_nobody_is_named_unless_it_is_asked_for(looked: Looked, personal: str) -> None:
    assert not re.search(personal, looked.html)
    assert re.search(r"Zacharias Nummer\d{5}", looked.named)


def test_the_page_needs_nothing_from_outside(looked: Looked) -> None:
    assert not re.search(r"https?://|src=|@import|url\(|<script|<link", looked.html)
    headings = [int(level) for level in re.findall(r"<h(\d)", looked.html)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(headings))
    assert looked.html.count("<svg") == looked.html.count("<title id=") == looked.html.count("<desc")


def test_the_last_line_makes_a_source(looked: Looked) -> None:
    assert re.fullmatch(r"Next: +perennial new-source orders --file \S+/orders.csv", looked.said.splitlines()[-1])
