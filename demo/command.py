"""The demo company's verbs of the `perennial` command: `demo make`, `demo ensure`, `demo pictures`, `prove`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from demo.options import Options

GROUP = "Demo company"
FAILED = 1

World = Annotated[
    str, typer.Option(envvar="DEMO_WORLD", help="retail, clean, regular, correlated, truncated, shock or null.")
]
Customers = Annotated[
    str, typer.Option(metavar="NUMBER", envvar="DEMO_CUSTOMERS", help="Persons acquired by 2025-12-31 (5000).")
]
Seed = Annotated[str, typer.Option(metavar="NUMBER", envvar="DEMO_SEED", help="Another seed, another company (1).")]
Until = Annotated[
    str, typer.Option(metavar="DAY", envvar="DEMO_UNTIL", help="Last day that is delivered (2025-12-31).")
]
Errors = Annotated[
    str,
    typer.Option(
        metavar="FACTOR", envvar="DEMO_ERRORS", help="Multiplier of the identity errors (1; 0 in clean worlds)."
    ),
]
Corruption = Annotated[
    str,
    typer.Option(
        metavar="FACTOR", envvar="DEMO_CORRUPTION", help="Multiplier of the planted row trouble (1; 0 in clean worlds)."
    ),
]


def add_to(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    verbs = typer.Typer(help="Make the demo company's files, and pictures of its worlds.", no_args_is_help=False)
    verbs.command("make")(make)
    verbs.command("ensure")(ensure)
    verbs.command("pictures")(pictures)
    app.add_typer(verbs, name="demo", rich_help_panel=GROUP)
    app.command("prove", rich_help_panel=GROUP)(prove)


def make(
    *,
    world: World = "",
    customers: Customers = "",
    seed: Seed = "",
    until: Until = "",
    errors: Errors = "",
    corruption: Corruption = "",
) -> None:
    """Make the company's files.

    The source files are in $CRM_HOME/demo, the truth is in $CRM_HOME/truth.
    """
    from demo.make import make as make_company
    from pipeline.base.settings import load_settings

    make_company(load_settings(), _options(world, customers, seed, until, errors, corruption))


def ensure(
    *,
    world: World = "",
    customers: Customers = "",
    seed: Seed = "",
    until: Until = "",
    errors: Errors = "",
    corruption: Corruption = "",
) -> None:
    """Make them where a demo source is active and needs them.

    A company that is there stays when its options and the code that made it are the same.
    """
    from demo.manifest import is_needed
    from pipeline.base.settings import load_settings

    settings, options = load_settings(), _options(world, customers, seed, until, errors, corruption)
    if is_needed(settings, options):
        from demo.make import make as make_company

        make_company(settings, options)


def pictures(
    folder: Annotated[Path | None, typer.Argument(help="Where to write them.", show_default="demo/images")] = None,
) -> None:
    """Draw one picture per world, for demo/README.md.

    Equal code gives equal bytes.
    """
    from demo.pictures import FOLDER, draw_all

    draw_all(folder or FOLDER)


def prove(
    worlds: Annotated[str, typer.Option(metavar="NAMES", help="Worlds, comma-separated.")] = "clean,retail,null",
    seeds: Annotated[str, typer.Option(metavar="NUMBERS", help="Seeds, comma-separated.")] = "1",
    customers: Annotated[str, typer.Option(metavar="NUMBER", help="Persons in each world.")] = "5000",
    identity: Annotated[bool, typer.Option("--identity", help="Who is one customer alone; seeds are pooled.")] = False,
) -> None:
    """Run the pipeline on worlds whose truth is known, and compare.

    Prints what was recovered beside what is true, and writes prove.json and prove.png into $CRM_HOME. Exit code 1: a
    bound was missed, or a run failed. DEMO_ERRORS and DEMO_CORRUPTION apply to every world.
    """
    from demo.proof import RunFailedError, prove_identity, prove_worlds

    try:
        is_kept = (prove_identity if identity else prove_worlds)(worlds, seeds, customers)
    except RunFailedError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(FAILED) from error
    if not is_kept:
        raise typer.Exit(FAILED)


def _options(*texts: str) -> "Options":
    from demo.options import read_options

    names = ("world", "customers", "seed", "until", "errors", "corruption")
    return read_options(dict(zip(names, texts, strict=True)))
