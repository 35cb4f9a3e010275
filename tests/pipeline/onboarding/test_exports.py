"""Exports of one known truth in many forms: each is drafted with its totals, or asks, or is refused."""

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.base import settings as project
from pipeline.base.errors import UserError
from pipeline.onboarding.command import draft
from pipeline.onboarding.trial.dry_run import models_of
from tests.support.companies.exports import make_export

# One export for each language and form takes seconds of each; the others are slow.
FEW = range(0, 35, 5)
ALL = range(60)
RIGHT = 0.95  # of all
TOTALS = """
    select coalesce(sum(net_amount), 0), (
        select count(*) from int_orders where coalesce(status_meaning, '') not in ('waiting', 'cancelled')
    )
    from int_order_lines__all
"""


def totals(name: str) -> tuple[Decimal, int]:
    """Net sales and sold orders of a draft, by the project's own models."""
    with models_of(name) as (models, _):
        models.make("int_order_lines__all")
        net, orders = models.connection.execute(TOTALS).fetchall()[0]
    return net, orders


def asked(said: str) -> list[str]:
    """The questions of a draft that are about its figures."""
    if "To decide" not in said:
        return []
    lines = said.partition("To decide")[2].partition("Look at")[0].splitlines()[1:]
    return [line for line in lines if line.lstrip()[:1].isdigit() and "PLACEHOLDER" not in line]


def outcomes(folder: Path, seeds: Iterable[int], monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """Draft exports; return those that were not drafted with their totals, and those of them that ask nothing."""
    others, silent = [], []
    for seed in seeds:
        export = make_export(seed)
        place = folder / str(seed)
        monkeypatch.setattr(project, "SOURCE_FILES", place / "sources")
        monkeypatch.setattr(project, "STAGING", place / "staging")
        (place / "sources").mkdir(parents=True)
        try:
            said = draft("shop", str(export.write(place / "data")), env={})
        except UserError:
            others.append(export.label)
            continue
        if (found := totals("shop")) != (export.net_sales, export.orders):
            others.append(export.label)
            silent += [] if asked(said) else [f"{export.label}: {found}, {(export.net_sales, export.orders)}"]
    return others, silent


def test_exports_of_several_languages_and_forms_have_their_true_totals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outcomes(tmp_path, FEW, monkeypatch) == ([], [])


@pytest.mark.slow
def test_nearly_all_exports_have_their_true_totals_and_no_other_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the other test have their totals."""
    others, silent = outcomes(tmp_path, [seed for seed in ALL if seed not in FEW], monkeypatch)
    assert silent == []
    assert len(others) <= len(ALL) * (1 - RIGHT), others
