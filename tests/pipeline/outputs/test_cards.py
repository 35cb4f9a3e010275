"""A release has the card of each model that scores, with its picture and what this release says of it."""

import json
from contextlib import closing
from functools import partial

import pytest
from matplotlib.figure import Figure

from pipeline.base.duck import connect
from pipeline.base.files import write_text
from pipeline.base.model_files import card_path
from pipeline.outputs import model_pictures
from pipeline.outputs.cards import write_cards
from tests.pipeline.small_warehouse import build_warehouse, make_settings

SCORES = "update marts.model_runs set model_version = 'churn-m1'"
DRIFTED = "update marts.score_drift set verdict = 'drifted', finding = 'churn: its input log_recency is missing'"
TENTHS = (
    "insert into marts.model_metrics (run_id, job, stratum, metric, value, ci_low, ci_high, rows)"
    " select '{job}-1', '{job}', 'forecast: tenth ' || lpad(n::varchar, 2, '0'), metric, value, value - 0.1,"
    " value + 0.1, 20 from range(1, 11) as t (n), lateral (values ('predicted_mean', n / 10.0),"
    " ('observed_mean', n / 20.0), ('bias', n / 20.0)) as m (metric, value)"
)
TRACKING = {
    "days": [7, 14],
    "customers": 2,
    "cumulative": [[1.0, 0.0, 3.0], [2.5, 0.0, 6.0]],
    "weekly": [[1.0, 0.0, 3.0], [1.5, 0.0, 2.0]],
}
VALUE = (
    (
        "insert into marts.model_runs (run_id, job, is_published, parameters, train_window_end)"
        f" values ('clv-1', 'clv', true, '{json.dumps({'tracking': TRACKING})}', '2026-02-01')"
    ),
    "alter table marts.model_runs alter train_window_end type date using train_window_end::date",
    TENTHS.format(job="clv"),
)


@pytest.fixture
def settings(tmp_path):
    return make_settings(tmp_path)


def write(settings, *changes: str) -> tuple[dict[str, str], str]:
    build_warehouse(settings, SCORES, *changes)
    folder = settings.home / "release"
    folder.mkdir()
    left_out = write_cards(settings, folder, settings.warehouse, "EUR")
    card = folder / "models" / "churn.md"
    return left_out, card.read_text(encoding="utf-8") if card.exists() else ""


def draw(settings, panel: str) -> list[str]:
    axes = Figure().subplots()
    with closing(connect(settings.warehouse, read_only=True)) as connection:
        partial(getattr(model_pictures, f"draw_{panel}"), axes, connection)()
    return [axes.get_title(loc="left"), *(text.get_text() for text in axes.texts)]


def test_a_card_says_whom_the_release_scores_and_how_the_forecasts_turned_out(settings):
    write_text(card_path(settings, "churn", "churn-m1"), "# Churn: model card\n")
    left_out, card = write(settings, TENTHS.format(job="churn"))
    assert left_out == {}
    assert card.startswith("# Churn: model card\n\n## In this release\n\n- 2 customers have a score.\n")
    assert "- 1 have none: No purchase known by the as-of date." in card
    assert "- inputs, stable: 1 (log_recency)" in card
    assert "45.0% of 2 customers were to buy nothing, and 50.0% bought nothing (within chance)" in card
    assert card.endswith("![churn: forecasts beside what came](churn.png)\n")
    assert (settings.home / "release" / "models" / "churn.png").read_bytes().startswith(b"\x89PNG")


def test_what_has_drifted_stands_in_the_card(settings):
    write_text(card_path(settings, "churn", "churn-m1"), "# Churn: model card\n")
    _, card = write(settings, DRIFTED)
    assert "- inputs, drifted: 1 (log_recency)\n- Churn: its input log_recency is missing." in card


def test_a_model_without_a_card_is_named(settings):
    left_out, card = write(settings)
    assert left_out == {"models/churn.md": "churn-m1.md is not in models/churn: train again (train_models)"}
    assert not card


def test_pictures_state_their_figures(settings):
    build_warehouse(settings, TENTHS.format(job="churn"), *VALUE)
    assert "forecast of 2026-02-01: 2 expected (0 to 6), 1 came" in draw(settings, "tracked")
    assert "0 of 2 weeks outside the 95 % interval" in draw(settings, "weekly")
    assert "within the 95 % interval of what came in 2 of 10 parts (square-root scale)" in draw(settings, "counts")
    assert "within the 95 % interval of what came in 2 of 10 parts" in draw(settings, "shares")
    assert "the first of 10 parts: 1.82 times; of all, 28% bought nothing" in draw(settings, "lift")
    assert "mean P(alive); of all 2 customers 65%" in draw(settings, "alive")


def test_where_nothing_was_judged_the_panels_say_so(settings):
    build_warehouse(settings, "update marts.customer_clv set p_alive = null")
    for panel in ("tracked", "weekly", "counts", "shares", "lift", "alive"):
        assert model_pictures.NOT_JUDGED in " ".join(draw(settings, panel)).replace("\n", " ")
