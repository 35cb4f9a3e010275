"""The report of a release says what its tables say, names nobody, and gives a reason where there is nothing to show."""

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.base.duck import connect
from pipeline.outputs.report import headline, page
from pipeline.outputs.report.page import CHAPTERS, write_report
from tests.pipeline.outputs.report_story import (
    MONTHS,
    STORY,
    answers,
    cohort,
    customers,
    metric,
    move,
    segment,
    service,
)
from tests.pipeline.outputs.report_world import Rows, write_release

SAYS = {
    "sales": "Net sales of March 2026: EUR 150, 50% more than a year before. The last 12 months brought EUR 1.8 k,"
    " 50% more than the 12 before.",
    "scorecard": "Beside a year before, better: active share; worse: service cost. Another level for certain: service"
    " cost since March 2026.",
    "segments": "Champions: 20% of the buyers, 60% of their net sales, and 75% of what is expected of all.",
    "tiers": "Platinum: 10% of the buyers, 60% of the profit. 3 customers cost more than they brought.",
    "lifecycle": "Of 10 buyers, 60% are active by their own rhythm, 10% dormant, 30% lost; 1 customer came back after"
    " they were lost.",
    "moved": "10% changed the segment in March 2026, most from Champions to Lost (5). Nobody is known to have changed"
    " the tier. Nobody is known to have changed the stage.",
    "cohorts": "Of the customers won in the last two years, this share buys again: 12% in month 1. 1 of 2 cohorts have"
    " paid back what it cost to win them, half of them in the month of the first purchase.",
    "concentration": "The best 10% of customers bring 40% of the net revenue.",
    "service": "March 2026 (in brackets: mean of the 12 months before): 150 contacts (100), 20% of the inbound ones"
    " given up (10%), 4.0 complaints per 100 purchases (2.0), 30 hours until a case is resolved (20).",
    "satisfaction": "NPS 38 (30 to 45) by 300 customers, 11% of the year's buyers. They bought 5.6 times, those who"
    " did not answer 2.7 times.",
    "forecasts": "2 of 3 customers are at high risk of buying nothing in the next 28 days. 4 customers are expected to"
    " buy for EUR 1.23 k in 365 days, before returns and costs.",
    "campaigns": "3 campaigns, 2 judged: 1 certainly changed what customers buy, 1 certainly paid,"
    " 1 certainly cost more than it brought.",
    "data": "99.0% of 1,000 rows were accepted, 8 set aside in quarantine, most often for: ordered_at: not a timestamp."
    " 25% of 40 records of customers are known by another record too.",
    "models": "Published: churn. Not published: behaviour.",
}
NOTHING = {
    "sales": "No net sales up to the as-of date.",
    "scorecard": "No figure of the scorecard is known for a complete month.",
    "segments": "No customer has a segment.",
    "tiers": "No customer has a tier.",
    "lifecycle": "No customer has a purchase known by the as-of date.",
    "moved": "Nobody has been in a group for a whole month yet.",
    "cohorts": "No month after one with first purchases is over.",
    "concentration": "Nobody has bought in the last 365 days.",
    "service": "No contact and no case is known.",
    "satisfaction": "Nobody has answered a survey, or too few did to speak of them.",
    "forecasts": "No customer has a purchase known by the as-of date.",
    "campaigns": "No campaign has begun by the as-of date.",
    "data": "No row was received.",
    "models": "No model could be trained on these data.",
}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_release(tmp_path_factory.mktemp("story") / "release.duckdb", STORY)


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., page.Written]:
    """Return a chapter of a release with some rows."""

    def chapter(key: str, tables: dict[str, Rows], **changes: str) -> page.Written:
        return written(write_release(tmp_path / "release.duckdb", tables, **changes), key)

    return chapter


def written(database: Path, key: str) -> page.Written:
    with closing(connect(database, read_only=True)) as release:
        return page.chapter(release, *next(each for each in CHAPTERS if each[0] == key))


@pytest.mark.parametrize("key", [key for key, *_ in CHAPTERS])
def test_a_chapter_says_in_a_sentence_what_its_tables_say(story: Path, key: str) -> None:
    content = written(story, key).content
    assert content and content.says == SAYS[key]


@pytest.mark.parametrize("key", [key for key, *_ in CHAPTERS])
def test_a_chapter_without_figures_says_why(told: Callable[..., page.Written], key: str) -> None:
    chapter = told(key, {})
    assert (chapter.content, chapter.why) == (None, NOTHING[key])


REASON = "no active source provides contacts"
UNMATCHED = "No record of a customer can be matched with another."
CASES: list[tuple[str, dict[str, Rows], str]] = [
    ("sales", {"marts.metrics_monthly": metric("net_sales", -5.0)}, "Net sales of March 2026: EUR -5."),
    (
        "sales",
        {"marts.metrics_monthly": [*metric("net_sales", 9.0, months=["2026-02-01"]),
                                   *metric("net_sales", 3.0, is_over=False)]},
        "Net sales of February 2026: EUR 9.",
    ),
    (
        "sales",
        {"marts.metrics_monthly": metric("net_sales", 3.0, is_over=False)},
        "Net sales of March 2026: EUR 3, a month that is not over.",
    ),
    (
        "segments",
        {"marts.segment_profile": [segment(1, "Champions", 1, 1.0, None, net_sales=-4)]},
        "No shares of net sales: a segment's are below zero.",
    ),
    (
        "segments",
        {"marts.segment_profile": [segment(1, "Champions", 1, 1.0, None, net_sales=0)]},
        "No shares of net sales: they have brought none.",
    ),
    (
        "moved",
        {"marts.segment_migration": [
            move("tier", "gold", "lead", 40, 10), move("tier", "gold", "iron", 40, None),
            move("tier", "lead", "gold", 60, 15), move("tier", "none", "gold", 99, 99)]},
        "At least 25% changed the tier in March 2026, most from lead to gold (15).",
    ),
    (
        "cohorts",
        {"marts.cohort_retention": [cohort("2026-01-01", 1, 5, None)]},
        "Every cohort is withheld: of too few customers.",
    ),
    (
        "concentration",
        {"marts.concentration": [{"member": "customer", "measure": "net_revenue", "unavailable_reason": "no sale"}]},
        "No sale.",
    ),
    ("service", {"marts.service_kpis": [service(MONTHS[-1], contacts_reason=REASON)]}, f"N{REASON[1:]}."),
    (
        "satisfaction",
        {"marts.satisfaction_loyalty": [answers("all", "nps", None)]},
        "Nobody has answered a survey, or too few did to speak of them.",
    ),
    (
        "forecasts",
        {"marts.customer_360": customers(new=1),
         "marts.customer_churn": [{"customer_id": "new-0", "unavailable_reason": "15 buyers, 50 are needed"}]},
        "15 buyers, 50 are needed.",
    ),
    (
        "data",
        {"ops.load_receipts": [{"source": "shop", "received": 4, "accepted": 4}],
         "marts.identity_coverage": [{"source_system": "shop", "records": 3, "unavailable_reason": "one source"}]},
        f"100.0% of 4 rows were accepted, 0 set aside in quarantine. {UNMATCHED}",
    ),
    ("models", {"marts.model_runs": [{"run_id": "c-1", "job": "clv", "is_published": False}]},
     "Published: none. Not published: clv."),
]  # fmt: skip


@pytest.mark.parametrize(("key", "tables", "said"), CASES)
def test_a_chapter_is_true_of_thin_data(
    told: Callable[..., page.Written], key: str, tables: dict[str, Rows], said: str
) -> None:
    chapter = told(key, tables)
    assert said == (chapter.content.says if chapter.content else chapter.why)


def cells(chapter: page.Written, title: str) -> dict[str, tuple[str, ...]]:
    """Return the rows of a table, or of the figures of a picture, by their names."""
    assert chapter.content
    tables = [*chapter.content.tables, *(picture.table for picture in chapter.content.pictures)]
    table = next(table for table in tables if table.caption.startswith(title))
    return {str(row[0]): tuple(str(cell) for cell in row[1:]) for row in table.rows}


def test_a_withheld_cell_is_grey_and_named(story: Path) -> None:
    chapter = written(story, "moved")
    assert chapter.content
    tiers = next(each for each in chapter.content.pictures if each.title == "From tier to tier in March 2026")
    assert tiers.caption.endswith("Grey: withheld, of too few customers.")
    assert tiers.chart.count('class="untold"') == 2
    assert "lead to platinum: withheld" in tiers.chart
    assert cells(chapter, "From tier") == {"platinum": ("", ""), "lead": ("withheld", "withheld")}
    assert cells(written(story, "cohorts"), "Share of a cohort")["Dec 25"] == ("9", "withheld")
    assert cells(written(story, "concentration"), "Last 365")["net revenue of customers"][-1] == "withheld"


def test_a_segment_of_few_customers_is_withheld_but_for_its_size(told: Callable[..., page.Written]) -> None:
    few = segment(2, "Loyal", 3, 0.1, None, unavailable_reason="of too few customers", advice="Reward them.")
    many = segment(1, "Champions", 27, 0.9, 1.0, average_net_sales=12.4, average_recency_days=3.6)
    chapter = told("segments", {"marts.segment_profile": [many, few]})
    shares = cells(chapter, "What each segment is")
    assert shares["Loyal"][0] == "3"
    assert shares["Loyal"][2:] == ("withheld",) * 3
    assert cells(chapter, "What to do") == {
        "Champions": ("-", "12", "4", "-"),
        "Loyal": ("-", "withheld", "withheld", "Reward them."),
    }


def test_groups_stand_in_their_order_and_newcomers_last(story: Path) -> None:
    moves = cells(written(story, "moved"), "From segment to segment")
    assert moves == {"Champions": ("75%", "25%"), "Lost": ("", "100%"), "in none before": ("", "100%")}
    assert cells(written(story, "lifecycle"), "From stage") == {"new": ("25%", "75%"), "stable": ("withheld", "")}


def test_moves_are_of_a_year_where_it_is_known(story: Path) -> None:
    assert cells(written(story, "moved"), "From stage to stage in 365 days") == {"new": ("100%",)}


def test_figures_behind_pictures_are_those_of_the_tables(story: Path) -> None:
    assert cells(written(story, "sales"), "Net sales by month")["Mar 26"] == ("150",)
    assert cells(written(story, "concentration"), "Lorenz") == {
        "smallest 50%": ("10%",),
        "smallest 80%": ("64%",),
        "smallest 90%": ("82%",),
        "smallest 95%": ("91%",),
        "smallest 100%": ("100%",),
    }
    assert cells(written(story, "forecasts"), "Forecast and outcome") == {
        "1": ("10", "20.0%", "25.0%", "15.0% to 35.0%"),
        "2": ("10", "80.0%", "50.0%", "40.0% to 60.0%"),
    }
    assert cells(written(story, "campaigns"), "Effects") == {
        "SPRING, Feb 2026": ("0.200", "0.100 to 0.300"),
        "SUMMER, Feb 2026": ("-0.001", "-"),
    }


@pytest.mark.parametrize(
    ("unit", "value", "trend", "shown"),
    [
        ("ratio", 0.5714, -0.0104, ("57.1%", "-1.0 pp")),
        ("currency", 13.0647, 0.0354, ("13.06", "+0.04")),
        ("currency", 370173.89, -1452.9, ("370,174", "-1,453")),
        ("count", 207, 3.38, ("207", "+3.4")),
        ("points", 36.36, None, ("36.4", "-")),
    ],
)
def test_a_figure_of_the_scorecard_is_in_its_unit(
    told: Callable[..., page.Written], unit: str, value: float, trend: float | None, shown: tuple[str, str]
) -> None:
    row = {"measure": "nps", "definition": "x", "unit": unit, "direction": "up", "value": value, "is_break": False}
    row |= {"trend_per_month": trend, "month_start_date": "2026-03-01", "is_complete_month": True}
    (found,) = cells(told("scorecard", {"marts.crm_scorecard": [row]}), "The last").values()
    assert (found[1], found[-1]) == shown


def test_equal_releases_give_equal_bytes_from_nowhere_else(story: Path, tmp_path: Path) -> None:
    pages = []
    for name in ("a.html", "b.html"):
        write_report(story, tmp_path / name)
        pages.append((tmp_path / name).read_text(encoding="utf-8"))
    assert pages[0] == pages[1]
    assert len(pages[0]) < 500_000
    assert not re.findall(r"https?:|<script|<link|@import|url\(|\bsrc=", pages[0])
    assert "{{" not in pages[0]


def test_the_page_names_no_customer(story: Path, tmp_path: Path) -> None:
    write_report(story, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not [row["customer_id"] for row in STORY["marts.customer_360"] if row["customer_id"] in text]


def test_each_picture_has_a_name_a_description_and_its_figures(story: Path, tmp_path: Path) -> None:
    write_report(story, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    ids = re.findall(r'\bid="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    labelled = [name for names in re.findall(r'aria-labelledby="([^"]+)"', text) for name in names.split()]
    assert set(labelled) <= set(ids)
    figures = re.findall(r"<figure>.*?</figure>", text, re.DOTALL)
    assert len(figures) == text.count("<svg ") > 10
    for figure in figures:
        assert re.search(r"<title id=[^>]+>[^<]+</title><desc id=[^>]+>[^<]+</desc>", figure)
        assert len(re.findall(r"<tr><th scope=\"row\">", figure)) >= 1


def test_no_mark_lies_outside_its_picture(tmp_path: Path) -> None:
    values = [-80.0, 120.0, 0.0, -1e-9]
    tables = {**STORY, "marts.metrics_monthly": metric("net_sales", *values)}
    write_report(write_release(tmp_path / "release.duckdb", tables), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    for width, height, drawn in re.findall(r'<svg viewBox="0 0 ([\d.]+) ([\d.]+)".*?>(.*?)</svg>', text, re.DOTALL):
        boxes = re.findall(r'<rect x="([-\d.]+)" y="([-\d.]+)" width="([\d.]+)" height="([\d.]+)"', drawn)
        dots = [(x, y, "0", "0") for x, y in re.findall(r'<circle cx="([-\d.]+)" cy="([-\d.]+)"', drawn)]
        lines = " ".join(re.findall(r'points="([^"]*)"', drawn))
        points = [(*point.split(","), "0", "0") for point in lines.split()]
        for x, y, wide, high in [*boxes, *dots, *points]:
            assert 0 <= float(x) <= float(x) + float(wide) <= float(width) + 0.1
            assert 0 <= float(y) <= float(y) + float(high) <= float(height) + 0.1


def test_a_chapter_shows_its_queries_and_their_tables(story: Path) -> None:
    chapter = written(story, "lifecycle")
    assert chapter.tables == ("marts.customer_360", "marts.stage_transitions")
    assert chapter.queries[1].startswith("select from_stage, to_stage, probability")
    with closing(connect(story, read_only=True)) as release:
        assert release.execute(chapter.queries[0]).fetchall()[0] == ("dormant", 1)


def test_a_chapter_that_cannot_be_written_says_why_and_the_others_are_written(
    story: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OverflowError("<too many ticks>")

    monkeypatch.setattr(headline, "_of_sales", fail)
    write_report(story, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Writing &#39;Sales&#39; has no result on these data (OverflowError: &lt;too many ticks&gt;)." in text
    assert text.count('<p class="verdict">') == len(CHAPTERS) - 1
