"""The picture of a release is drawn whatever is missing, and says why a panel is empty."""

from contextlib import closing

import pytest
from matplotlib.figure import Figure

from pipeline.base.duck import connect
from pipeline.outputs import overview, panels
from tests.pipeline.small_warehouse import build_warehouse, make_settings

NO_SCORES = "update marts.customer_churn set churn_probability = null, unavailable_reason = 'no model'"

NO_VALUES = "update marts.customer_clv set is_clv_complete = false, unavailable_reason = 'holdout too short'"
NOTHING = (
    *("delete from core.fct_order", "delete from marts.customer_segments"),
    *("delete from marts.customer_clv", "delete from marts.customer_churn", "delete from marts.customer_360"),
)


def draw(settings, panel: str, *options) -> list[str]:
    axes = Figure().subplots()
    with closing(connect(settings.warehouse, read_only=True)) as connection:
        getattr(overview, f"draw_{panel}")(axes, connection, *options)
    return [axes.get_title(loc="left"), *(text.get_text() for text in axes.texts)]


@pytest.fixture
def settings(tmp_path):
    return make_settings(tmp_path)


@pytest.mark.parametrize("changes", [(), (NO_SCORES, NO_VALUES), NOTHING], ids=["whole", "no scores", "no customers"])
def test_a_picture_is_written(settings, changes):
    build_warehouse(settings, *changes)
    target = settings.home / "overview.png"
    overview.write_overview(settings.warehouse, target, "EUR")
    assert target.read_bytes().startswith(b"\x89PNG")
    assert target.stat().st_size > 10_000


def test_the_same_data_give_the_same_picture(settings):
    build_warehouse(settings)
    pictures = set()
    for name in ("a.png", "b.png"):
        overview.write_overview(settings.warehouse, settings.home / name, "EUR")
        pictures.add((settings.home / name).read_bytes())
    assert len(pictures) == 1


def test_panels_state_their_figures(settings):
    build_warehouse(settings)
    assert "best: February 2026, EUR 25.35" in draw(settings, "revenue", "EUR")
    assert "Champions: 50% of these customers, 86% of their net sales" in draw(settings, "segments")
    assert "1 of 2 at high risk  ·  AUC out of time 0.830, recency alone 0.790" in draw(settings, "churn")


def test_an_empty_panel_says_why(settings):
    build_warehouse(settings, NO_SCORES, NO_VALUES)
    assert "No model." in draw(settings, "churn")
    assert "Holdout too short." in draw(settings, "concentration")
    build_warehouse(settings, *NOTHING)
    assert "No customer has a purchase known by the as-of date." in draw(settings, "churn")
    assert "No customer has a segment." in draw(settings, "segments")
    assert "No net sales up to the as-of date." in draw(settings, "revenue", "EUR")


def test_a_panel_that_cannot_be_drawn_says_why_and_the_others_are_drawn(settings, monkeypatch):
    build_warehouse(settings)
    said, empty = {}, panels.empty

    def note(axes, heading, reason):
        said[heading] = reason
        empty(axes, heading, reason)

    def fail(*_):
        raise OverflowError("$ too many ticks $")

    monkeypatch.setattr(panels, "empty", note)
    monkeypatch.setattr(overview, "draw_churn", fail)
    target = settings.home / "overview.png"
    overview.write_overview(settings.warehouse, target, "EUR")
    reason = "Drawing 'Who is likely to stay away' has no result on these data (OverflowError: $ too many ticks $)."
    assert said == {overview.CHURN: reason}
    assert target.stat().st_size > 10_000
