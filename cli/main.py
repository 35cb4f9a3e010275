"""The `perennial` command: its verbs in groups, and their help."""

import importlib
import sys
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from cli import build, first_look, identity, lists, outputs, releases, sources
from cli.outcome import exit_code

DEMO = Path(__file__).resolve().parents[1] / "demo" / "command.py"
VERBS: dict[str, dict[str, Callable[..., None] | typer.Typer]] = {
    "First": {"try": first_look.try_},
    "Load and build": {"run": build.run, "up": build.up, "backfill": build.backfill},
    "Sources": {"new-source": sources.new_source, "check": sources.check, "data": sources.data},
    "Decisions about loads and releases": {
        "accept": releases.accept,
        "rollback": releases.rollback,
        "diff": releases.diff,
    },
    "Who is who": {"identity": identity.app},
    "For readers": {"lists": lists.app, "docs": outputs.docs, "superset": outputs.superset},
    "Operations": {"airflow": build.airflow},
}
# What follows belongs to another command, which reads its own options.
PASSED_ON = {"airflow": {"ignore_unknown_options": True, "allow_interspersed_args": False}}


class Groups(TyperGroup):
    """A command whose help lists the verbs under the headings of their groups."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the base class has it
        """Write one section per group."""
        width = max(map(len, self.commands))
        # Typer puts groups behind all commands; verbs that are not here are those of the demo company.
        places = {name: place for place, name in enumerate(name for verbs in VERBS.values() for name in verbs)}
        listed = sorted(self.commands.items(), key=lambda each: places.get(each[0], len(places)))
        for heading, verbs in groupby(listed, lambda each: getattr(each[1], "rich_help_panel", None)):
            with formatter.section(str(heading)):
                limit = formatter.width - width - 6
                formatter.write_dl([(f"{name:<{width}}", verb.get_short_help_str(limit)) for name, verb in verbs])


def make_app() -> typer.Typer:
    """Assemble the command; the demo company brings its own verbs, and may be deleted."""
    app = typer.Typer(
        cls=Groups,
        rich_markup_mode=None,  # plain text, the same on a terminal and in a file
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )
    app.callback(invoke_without_command=True)(perennial)
    for group, verbs in VERBS.items():
        for name, function in verbs.items():
            if isinstance(function, typer.Typer):
                app.add_typer(function, name=name, rich_help_panel=group)
            else:
                app.command(name, rich_help_panel=group, context_settings=PASSED_ON.get(name))(function)
    if DEMO.is_file():
        importlib.import_module("demo.command").add_to(app)
    return app


def perennial(context: typer.Context) -> None:
    """One customer warehouse from many records: load, build, publish, compare, list.

    Settings are environment variables (docs/settings.md). Exit code 0: done. 2: something that you can put right, in
    one sentence. 1: anything else, with the log to look at. 130: stopped by Ctrl-C.
    """
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    command = typer.main.get_command(make_app())
    return exit_code(words, lambda: command(args=words, prog_name="perennial", standalone_mode=False))
