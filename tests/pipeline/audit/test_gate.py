"""The gate stops what is wrong: exit code 2, a report that says what to do, and readers' files as they were."""

import hashlib
import html
import json
import re
from contextlib import closing

import pytest

from cli.outcome import exit_code
from pipeline.audit.gate import audit_marts
from pipeline.audit.pages import index_page, write_pages
from pipeline.base.duck import connect
from pipeline.base.errors import UserError
from pipeline.base.files import write_sealed
from pipeline.build.plan import Plan, save_plan
from pipeline.outputs.summary import warnings
from pipeline.serving.publish import publish
from tests.pipeline.small_warehouse import RELEASE, build_warehouse, make_settings

DAILY = (
    "insert into core.fct_web_session by name select 'd' || row_number() over () as session_id, 'ana' as customer_id,"
    " 1 as customer_key, 1 as customer_version_key, 'unknown' as campaign_id, 'shop' as source_system,"
    " d::date as session_date, d::date as known_date"
    " from generate_series(date '2026-01-20', date '2026-03-30', interval 1 day) as t (d), range(12)"
)
# What goes wrong: the SQL that plants it, and the check that finds it.
PLANTED = {
    "an order line doubled": (
        ["insert into core.fct_order_line from core.fct_order_line where order_id = 'o1'"],
        "no key is there twice",
    ),
    "a price a hundred times too high": (
        ["update core.fct_order_line set list_amount = 1000, net_amount = 1000 where order_id = 'o1'"],
        "no price is 50 times the product's list price",
    ),
    "a customer key missing from the dimension": (
        ["delete from core.dim_customer where customer_id = 'ben'"],
        "every key is found in the table that it refers to",
    ),
    "a mart column renamed": (
        ["alter table marts.customer_360 rename column net_revenue to revenue_net"],
        "every column of the published contract is there",
    ),
    "a score outside 0 to 1": (
        ["update marts.customer_churn set churn_probability = 1.2 where customer_id = 'ben'"],
        "churn probabilities are probabilities",
    ),
    "an account that does not balance": (
        ["delete from core.fct_payment"],
        "every account balances to the cent",
    ),
    "money in quarantine": (
        ["update ops.quarantined_money set set_aside_rows = 6, set_aside_amount = 50.01"],
        "at most 5% of the money of a load, and of all loads of a table, is in quarantine",
    ),
    "yesterday missing": ([DAILY], "no source that speaks every day is silent on the as-of date"),
}


def audit_and_publish(settings) -> int:
    """What the last steps of `make run` do, with its exit code."""

    def steps() -> None:
        audit_marts(settings)
        publish(settings)

    return exit_code(["run"], steps)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_HOME", str(tmp_path))
    monkeypatch.setenv("CRM_SOURCES", "cdnow")
    settings = make_settings(tmp_path)
    plan = Plan(
        *(RELEASE.release_id, str(RELEASE.as_of_date), "2026-01-05", [], "EUR", "America/New_York", []),
        *({}, {}, {}, {}, {}, [], "landed", RELEASE.code_version, RELEASE.input_hash),
    )
    save_plan(settings, plan)
    write_sealed(settings.build / "landing_checks.json", {"landing_hash": "landed", "checks": []})
    build_warehouse(settings)
    assert audit_and_publish(settings) == 0
    return settings


def served(settings) -> dict[str, str]:
    files = [path for path in settings.serving.rglob("*") if path.is_file()]
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def page(path) -> str:
    """The text of a page."""
    return html.unescape(re.sub(r"<[^>]+>", " ", path.read_text(encoding="utf-8")))


def section(text: str, heading: str) -> str:
    """What stands below a heading of the index, up to the next one."""
    return re.split(r"(?:Stopped the build|Warned|Passed) \(\d+\)|Suites", text.split(f"{heading} (", 1)[1])[0]


@pytest.mark.parametrize("what", PLANTED)
def test_a_planted_error_stops_the_release_and_leaves_readers_files_alone(settings, capfd, what):
    changes, check = PLANTED[what]
    before = served(settings)
    build_warehouse(settings, *changes)
    assert audit_and_publish(settings) == 2
    assert served(settings) == before
    said = capfd.readouterr().err
    assert "The gate stopped the build; what is published stays as it is." in said
    assert check in " ".join(said.split())
    assert "first action" in said
    report = json.loads((settings.build / "checks.json").read_text(encoding="utf-8"))
    (failed,) = [each for each in report["checks"] if each["check"] == check]
    assert (failed["success"], failed["severity"]) == (False, "stop")
    assert check in (settings.build / "checks.txt").read_text(encoding="utf-8")
    assert str(index_page(settings)) in "".join(said.split())
    index = page(index_page(settings))
    assert "The gate stopped the build" in index
    assert check in section(index, "Stopped the build") and failed["first_action"] in section(
        index, "Stopped the build"
    )
    assert check not in section(index, "Passed")
    if (settings.build / "results" / f"{failed['suite']}.json").is_file():  # else a table could not be read
        assert check in page(index_page(settings).parent / "results" / f"{failed['suite']}.html")


def test_the_message_names_the_account_its_figures_and_what_to_do(settings, capfd):
    before = served(settings)
    build_warehouse(settings, "delete from core.fct_payment")
    assert audit_and_publish(settings) == 2
    said = " ".join(capfd.readouterr().err.split())
    assert (
        "difference 1, account payments current, here accepted less earlier versions and deletions, figure_here 1,"
        " there core.fct_payment, figure_there 0"
    ) in said
    assert "first action (data-engineering): Compare the two places that the account names, by key" in said
    assert "| payments current | accepted less earlier versions and deletions | 1 | core.fct_payment | 0 | 1 |" in (
        settings.build / "report.md"
    ).read_text(encoding="utf-8")
    assert served(settings) == before


def test_all_accounts_that_do_not_balance_are_named(settings, capfd):
    facts = ("payment", "consent", "subscription", "opportunity", "campaign_contact", "survey_response", "case")
    build_warehouse(settings, *(f"delete from core.fct_{fact}" for fact in facts))
    assert audit_and_publish(settings) == 2
    said = " ".join(capfd.readouterr().err.split())
    names = {"case": "cases", "opportunity": "opportunities"}
    assert all(f"account {names.get(fact, f'{fact}s')} current" in said for fact in facts)


def test_the_release_has_the_accounts_that_the_gate_computed(settings):
    folder = settings.serving / "releases" / RELEASE.release_id
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert report == (settings.build / "report.md").read_text(encoding="utf-8")
    assert report.startswith(f"# Release {RELEASE.release_id}\n")
    assert report.endswith("\n## Models\n\n- churn: Beats recency alone.\n")
    manifest = json.loads((folder / "release.json").read_text(encoding="utf-8"))
    assert manifest["accounts"].endswith("accounts from landing to marts, and each balances to the cent.")


def test_without_its_accounts_nothing_is_published(settings):
    (settings.build / "report.md").unlink()
    with pytest.raises(UserError, match=r"report\.md is not there: the release has not been audited"):
        publish(settings)


def test_a_warning_stops_nothing_and_is_in_the_summary(settings):
    build_warehouse(settings, "update ops.source_freshness set is_late = true")
    (settings.serving / "releases" / RELEASE.release_id).rename(settings.home / "the first one")
    assert audit_and_publish(settings) == 0
    folder = settings.serving / "releases" / RELEASE.release_id
    (warned,) = warnings(folder)
    assert warned.startswith("marts_freshness: failed: no table is later than its source allows.")
    assert json.loads((folder / "checks.json").read_text(encoding="utf-8"))["warned"] == 1


def test_a_day_that_is_there_passes(settings):
    build_warehouse(settings, DAILY.replace("2026-03-30", "2026-03-31"))
    with closing(connect(settings.warehouse, read_only=True)) as connection:
        assert connection.execute("select max(session_date)::varchar from core.fct_web_session").fetchall() == [
            ("2026-03-31",)
        ]
    assert audit_marts(settings)["stopped"] == 0


def test_the_pages_load_nothing_and_name_no_row(settings):
    build_warehouse(settings, *PLANTED["a score outside 0 to 1"][0])
    assert audit_and_publish(settings) == 2
    assert "customer_id ben" in (settings.build / "checks.txt").read_text(encoding="utf-8")
    pages = sorted(index_page(settings).parent.rglob("*.html"))
    assert {path.parent.name for path in pages} == {"checks", "suites", "results"}
    for path in pages:
        content = path.read_text(encoding="utf-8")
        assert "://" not in content and "<script" not in content
        assert not re.search(r"\bben\b|1\.2\b", page(path)), path
        for link in re.findall(r'href="([^"#]+)"', content):
            assert (path.parent / link).is_file(), f"{path}: {link}"


def test_suites_have_pages_before_anything_is_audited(tmp_path):
    index = write_pages(make_settings(tmp_path))
    assert "Nothing has been audited yet" in page(index)
    assert "no key is there twice" in page(index.parent / "suites" / "marts_grain.html")
