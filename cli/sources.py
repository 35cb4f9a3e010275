"""Sources: a first draft of a new one, and the public data sets."""

from typing import Annotated

import typer

from cli.environment import active, every


def new_source(
    name: Annotated[str, typer.Argument(help="Name of the source, such as shop.")],
    file: Annotated[str, typer.Option(metavar="PATH", help="A file, or a folder of files, to look at.")] = "",
    connection: Annotated[
        str,
        typer.Option(
            metavar="ID",
            help="A database to look at: the id of its connection, such as shop_db. Its address is read from "
            "AIRFLOW_CONN_SHOP_DB, or asked for.",
        ),
    ] = "",
    is_checked: Annotated[bool, typer.Option("--check", help="Then show what a build would make of it.")] = False,
) -> None:
    """Draft a new source from a look at its files or its database.

    Give one of --file and --connection. An address is not given on the command line, where every user of this machine
    sees its password. For example: perennial new-source shop --file exports/
    """
    from pipeline.onboarding.command import draft

    print(draft(name, file, connection))
    if is_checked:
        print()
        check(name)


def check(name: Annotated[str, typer.Argument(help="Name of the source, such as shop.")]) -> None:
    """Show what a build would make of a source, in seconds.

    Rows by fate and reason, totals by month, and the first rows of each entity, with personal values masked. The files
    are landed into a scratch folder, and read by the source's staging models and the rules of the warehouse. Nothing
    is kept or published.
    """
    from pipeline.onboarding.trial.dry_run import dry_run
    from pipeline.onboarding.trial.report import report

    print(report(name, dry_run(name)))


def data(
    is_active_only: Annotated[bool, typer.Option("--active", help="Only those of the active sources.")] = False,
) -> None:
    """Fetch the public data sets into $CRM_DATA (.data)."""
    from pipeline.sources.fetch_data import TERMS, fetch

    settings = active() if is_active_only else every()
    if fetched := fetch(settings, settings.sources if is_active_only else None):
        print(TERMS)
        print(f"{len(fetched)} files in {settings.data}")
