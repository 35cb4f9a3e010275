"""Great Expectations' data docs: the suites, what the last audit found, and an index.

The pages load nothing from elsewhere.
Counts and shares only: no value of a row that failed, nor which row it was, gets into a page.
"""

from pipeline.audit.suites import marts_suites, read_suite

# isort: split
# The module above imports Great Expectations as it has to be imported, so it stands first.
import html
from pathlib import Path
from typing import Any

from great_expectations import ExpectationSuite
from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
from great_expectations.render import RenderedDocumentContent
from great_expectations.render.renderer.page_renderer import ExpectationSuitePageRenderer, ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView

from pipeline.audit.checks import NEXT_STEP, STOP, WARN, Check, ChecksShape, count
from pipeline.audit.reconciliation import REPORT
from pipeline.base.files import json_files, read_json, read_sealed, remove, write_json, write_text
from pipeline.base.settings import Settings
from pipeline.base.shapes import Shape


class FoundShape(Shape):
    """What was found of an expectation."""

    expectation_config: dict[str, Any]


class ResultShape(Shape):
    """What `save_result` writes."""

    results: list[FoundShape]


TEMPLATES = Path(__file__).with_name("templates")
# What a result may tell: the rest are values and keys of rows.
COUNTS = (
    *("element_count", "missing_count", "missing_percent", "observed_value", "unexpected_count", "unexpected_percent"),
    *("unexpected_percent_nonmissing", "unexpected_percent_total"),
)
NOT_EVALUATED = "The check could not be evaluated; build/checks.txt or landing_checks.txt has the message."


def index_page(settings: Settings) -> Path:
    """Where the pages begin."""
    return settings.home / "docs" / "checks" / "index.html"


def results_folder(settings: Settings) -> Path:
    """What Great Expectations found in the last audit, a file for each suite."""
    return settings.build / "results"


def forget_results(settings: Settings) -> None:
    """Remove the results and reports of the build before."""
    for path in (*results_folder(settings).glob("*.json"), *settings.build.glob("checks.*"), settings.build / REPORT):
        remove(path)


def save_result(folder: Path, result: Any) -> None:
    """Write what Great Expectations found, without values and keys of rows."""
    content = result.to_json_dict()
    content["meta"] = {}
    for item in content["results"]:
        item["result"] = {key: value for key, value in item["result"].items() if key in COUNTS}
        item["exception_info"] = _without_values(item["exception_info"])
    write_json(folder / f"{result.suite_name}.json", content)


def _without_values(info: dict[str, Any]) -> dict[str, Any]:
    """An exception, whose message may quote a row."""
    infos = [info] if "raised_exception" in info else list(info.values())
    raised = any(each["raised_exception"] for each in infos)
    message = NOT_EVALUATED if raised else None
    return {"raised_exception": raised, "exception_message": message, "exception_traceback": "" if raised else None}


def write_pages(settings: Settings) -> Path:
    """Write the pages of all suites and of the last audit; return the index."""
    index = index_page(settings)
    view = DefaultJinjaPageView(custom_views_directory=str(TEMPLATES))
    suites = ["landing", *marts_suites()]
    for name in suites:
        write_text(index.parent / "suites" / f"{name}.html", _page(view, _suite_document(name)))
    for old in (index.parent / "results").glob("*.html"):
        old.unlink()
    results = json_files(results_folder(settings))
    for path in results:
        write_text(index.parent / "results" / f"{path.stem}.html", _page(view, _result_document(path)))
    write_text(index, _index(view, settings, suites, {path.stem for path in results}))
    return index


def _page(view: DefaultJinjaPageView, document: RenderedDocumentContent) -> str:
    text: str = view.render(document, template="data_docs_page.j2")
    return text.replace("../../../../expectations/", "../suites/")


def _suite_document(name: str) -> RenderedDocumentContent:
    """The page of a suite; each expectation in words, with its reason and what to do first."""
    expectations = [
        {
            **expectation,
            "description": html.escape(meta["check"], quote=False),
            "notes": [meta["reason"], f"{meta['severity']}; {meta['owner']}: {meta['first_action']}"],
        }
        for expectation in read_suite(name)["expectations"]
        for meta in (expectation["meta"],)
    ]
    return ExpectationSuitePageRenderer().render(ExpectationSuite(name=name, expectations=expectations))


def _result_document(path: Path) -> RenderedDocumentContent:
    """The page of a result, without the last section: technical facts of the run."""
    content = read_json(path, NEXT_STEP, ResultShape)
    for item in content["results"]:
        config = item["expectation_config"]
        config["description"] = html.escape(config["meta"]["check"], quote=False)
    document = ValidationResultsPageRenderer(run_info_at_end=True).render(
        expectationSuiteValidationResultSchema.load(content)
    )
    document.sections.pop()
    document.page_title = f"Result / {path.stem}"
    return document


def _index(view: DefaultJinjaPageView, settings: Settings, suites: list[str], results: set[str]) -> str:
    content = _last_audit(settings)
    checks = [Check(**check) for check in content.get("checks", [])]
    failed = [check for check in checks if not check.success]
    groups = [
        ("Stopped the build", "failed", [check for check in failed if check.severity == STOP]),
        ("Warned", "warned", [check for check in failed if check.severity == WARN]),
        ("Passed", "passed", [check for check in checks if check.success]),
    ]
    text: str = view.env.get_template("data_docs_index.j2").render(
        audited=_audited(content), groups=groups, suites=suites, results=results, **count(checks)
    )
    return text


def _last_audit(settings: Settings) -> dict[str, Any]:
    """The report of the release or, where the build did not get there, of what landed."""
    for name in ("checks.json", "landing_checks.json"):
        path = settings.build / name
        if path.exists():
            return read_sealed(path, NEXT_STEP, ChecksShape, is_checksum_needed=True)
    return {}


def _audited(content: dict[str, Any]) -> str | None:
    if not content:
        return None
    return f"Release {content['release_id']}" if "release_id" in content else "What landed"
