"""Identity alone: worlds are landed and matched without the rest of a build, so that many of them take minutes."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager

import duckdb

from demo.proof.linked import Share, count_shares
from demo.proof.runs import Run, make_company
from pipeline.base.duck import connect, quote_literal
from pipeline.base.settings import Settings, load_settings
from pipeline.build.dbt import build_variables, given
from pipeline.build.models import Models
from pipeline.build.plan import make_plan
from pipeline.landing import land_source

MODELS = ("int_source_customers", "int_customer_links", "identity_review")
"""The models that a build makes of identity, with what they refer to."""


def shares_of(run: Run) -> dict[str, Share]:
    """Make and land the world of a run, match its records as a build does, and count what is right.

    Raises
    ------
    UserError
        The company or its files cannot be read.
    """
    make_company(run)
    settings = load_settings(run.environment)
    for source in settings.sources:
        land_source(settings, source)
    with closing(connect()) as connection:
        _identify(connection, settings)
        connection.execute("create schema truth")
        connection.execute("create schema contacts")
        for path in sorted((run.home / "truth").glob("[!.]*.parquet")):
            connection.execute(f'create view truth."{path.stem}" as from read_parquet({quote_literal(str(path))})')
        connection.execute("create view contacts.customer_source_id as from main.int_source_customers")
        return count_shares(connection, "main.int_customer_links", "main.identity_review")


def _identify(connection: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    variables = {**build_variables(settings, make_plan(settings)), "new_files": None}
    _, environment = given(settings.build, variables)
    with _environment(environment):
        models = Models(connection, variables)
        for name in MODELS:
            models.make(name)


@contextmanager
def _environment(more: dict[str, str]) -> Iterator[None]:
    """Set variables of the environment for a while."""
    before = {name: os.environ.get(name) for name in more}
    os.environ.update(more)
    try:
        yield
    finally:
        for name, text in before.items():
            if text is None:
                del os.environ[name]
            else:
                os.environ[name] = text
