"""Decisions about loads and releases: `accept`, `rollback`, `diff`."""

from typing import Annotated

import typer

from cli.environment import every, kept_releases, known_sources, up_to_date
from pipeline.base.errors import UserError

FORMATS = ("text", "json")


def accept(
    source: Annotated[
        str, typer.Option(metavar="NAME", help="Source of the held load.", autocompletion=known_sources)
    ] = "",
    table: Annotated[str, typer.Option(metavar="NAME", help="Table of the held load.")] = "",
    release: Annotated[str, typer.Option(metavar="ID", help="The release that may have less than the last.")] = "",
    load: Annotated[
        str, typer.Option(metavar="LOAD", help="The load, or the table, whose quarantined rows are left out.")
    ] = "",
) -> None:
    """Accept a held load, a smaller release, or quarantined rows.

    Give --source with --table, or --release, or --load; the message that stopped it names them. For example: perennial
    accept --source shop --table orders
    """
    from pipeline.audit.accept import accept_held, accept_quarantine, accept_release
    from pipeline.base.lock import lock_at_address

    if sum(map(bool, (source or table, release, load))) != 1:
        raise UserError("Give SOURCE and TABLE, or RELEASE, or LOAD, for example make accept SOURCE=shop TABLE=orders.")
    settings = every()
    with lock_at_address(settings, "perennial accept"):
        if load:
            print(accept_quarantine(settings, load))
        elif release:
            print(accept_release(settings, release))
        else:
            print(accept_held(settings, source, table))


def rollback(
    release: Annotated[
        str,
        typer.Argument(
            metavar="RELEASE",
            help="Id of a kept release. Default: the one before.",
            show_default=False,
            autocompletion=kept_releases,
        ),
    ] = "",
) -> None:
    """Give readers an earlier release, after checking it is whole."""
    from pipeline.serving.rollback import rollback as go_back

    print(go_back(every(), release or None))


def diff(
    a: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="Id of the earlier release. Default: the one before B.",
            show_default=False,
            autocompletion=kept_releases,
        ),
    ] = "",
    b: Annotated[
        str,
        typer.Argument(
            metavar="B",
            help="Id of the later release. Default: the current one.",
            show_default=False,
            autocompletion=kept_releases,
        ),
    ] = "",
    shape: Annotated[str, typer.Option("--format", metavar="text|json", help="How to print it.")] = "text",
) -> None:
    """Show what changed between two releases, and why."""
    import json

    from pipeline.serving.diff import choose, compare, show

    if shape not in FORMATS:
        raise UserError(f"FORMAT is '{shape}': give {' or '.join(FORMATS)}.")
    found = compare(*choose(up_to_date(), a or None, b or None))
    if shape == "json":
        print(json.dumps(found, indent=2, ensure_ascii=False, default=str))
        return
    from rich.console import Console

    show(found, Console(highlight=False))
