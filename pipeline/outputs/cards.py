"""The model cards of a release: that of each model which scores, with its picture and what this release says of it.

A card is made when a model is trained (`models/<job>/<version>.md`). The release adds whom it scores, how far its
inputs are from those that it learned from, and how earlier forecasts turned out.
"""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import duckdb

from pipeline.base.attempt import Failure, attempt
from pipeline.base.duck import connect, quote_identifier
from pipeline.base.files import write_text
from pipeline.base.model_files import card_path
from pipeline.base.settings import Settings
from pipeline.outputs.figures import sentence
from pipeline.outputs.model_pictures import write_churn, write_value
from pipeline.outputs.summary import grades
from pipeline.serving.releases import MODEL_CARDS

PICTURES: dict[str, Callable[[Path, Path], None]] = {"churn": write_churn, "clv": write_value}
MEASURES = {"churn": ("no_purchase",), "clv": ("purchases", "net_sales")}


def write_cards(settings: Settings, folder: Path, database: Path, currency: str) -> dict[str, str]:
    """Write card and picture of each model that scores into `models/` of a release.

    Returns
    -------
    dict
        What is left out, and why, by file within the release.
    """
    with closing(connect(database, read_only=True)) as release:
        models = release.execute(
            "select distinct job, model_version from marts.model_runs"
            " where is_published and run_id <> model_version order by job"
        ).fetchall()
    left_out = {}
    for job, version in models:
        if job not in PICTURES:
            continue
        (folder / MODEL_CARDS).mkdir(exist_ok=True)
        picture, card = folder / MODEL_CARDS / f"{job}.png", folder / MODEL_CARDS / f"{job}.md"
        failure = attempt(f"drawing {picture.name}", partial(PICTURES[job], database, picture))
        if isinstance(failure, Failure):
            picture.unlink(missing_ok=True)
            left_out[f"{MODEL_CARDS}/{picture.name}"] = failure.reason
        of_model = card_path(settings, job, version)
        if not of_model.is_file():
            left_out[f"{MODEL_CARDS}/{card.name}"] = (
                f"{of_model.name} is not in models/{job}: train again (train_models)"
            )
            continue
        text = [of_model.read_text(encoding="utf-8")]
        with closing(connect(database, read_only=True)) as release:
            text += of_this_release(release, job, currency)
        if picture.is_file():
            text += ["## Pictures", f"![{job}: forecasts beside what came]({picture.name})"]
        write_text(card, "\n\n".join(part.rstrip("\n") for part in text) + "\n")
    return left_out


def of_this_release(release: duckdb.DuckDBPyConnection, job: str, currency: str) -> list[str]:
    """Return what the release says of a model, as Markdown."""
    mart = f"marts.{quote_identifier(f'customer_{job}')}"
    reasons = release.execute(
        f"select coalesce(unavailable_reason, ''), count(*) from {mart} group by all order by count(*) desc, 1"
    ).fetchall()
    scored = [f"{customers:,} customers have a score." for reason, customers in reasons if not reason]
    without = [f"{customers:,} have none: {sentence(reason)}" for reason, customers in reasons if reason]
    return [
        "## In this release",
        "\n".join(f"- {each}" for each in [*scored, *without]),
        *drift(release, job),
        *[
            f"Earlier forecasts, now that their time is over: {told}"
            for told in grades(release, currency, MEASURES[job])
        ],
    ]


def drift(release: duckdb.DuckDBPyConnection, job: str) -> list[str]:
    """Return how far the inputs and scores of a model are from what they were, as Markdown."""
    verdicts = release.execute(
        "select kind, verdict, count(*), string_agg(name, ', ' order by name) from marts.score_drift where job = $1"
        " group by kind, verdict order by kind, verdict",
        [job],
    ).fetchall()
    findings = release.execute(
        "select finding from marts.score_drift where job = $1 and finding is not null order by finding", [job]
    ).fetchall()
    if not verdicts:
        return []
    shown = [f"- {kind}s, {verdict}: {count:,} ({names})" for kind, verdict, count, names in verdicts]
    return [
        "Beside the customers that the model learned from last, and the scores of the release before:",
        "\n".join([*shown, *(f"- {sentence(finding)}" for (finding,) in findings)]),
    ]
