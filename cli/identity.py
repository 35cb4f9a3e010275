"""Identity: why records are one customer, and which pairs wait for a decision."""

import sys
from typing import Annotated

import typer

from cli.environment import every
from pipeline.base.errors import UserError

FORMATS = ("text", "json")
Shape = Annotated[str, typer.Option("--format", metavar="text|json", help="How to print it.")]

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@app.callback()
def identity() -> None:
    """Say why records are one customer; review pairs in doubt.

    Names and addresses are shown on a terminal only, to those who may read contacts.duckdb and the warehouse.
    """


@app.command()
def explain(
    customer: Annotated[
        str,
        typer.Argument(metavar="ID", help="A customer_id, of this or an earlier release, or source:id of a record."),
    ],
    shape: Shape = "text",
) -> None:
    """Say which records a customer is made of, and why.

    Field by field where its values come from, what nearly matched, and which ids it had.
    """
    from pipeline.outputs.identity import explain as ask
    from pipeline.outputs.identity.explain import as_text

    found = ask(every(), customer, with_values=_may_show(shape))
    print(_json(found) if shape == "json" else "\n\n".join(map(as_text, found)))


@app.command()
def review(  # noqa: PLR0917 - each parameter is an option
    one: Annotated[str, typer.Argument(metavar="[ONE", help="A record to decide about, as source:id.")] = "",
    other: Annotated[str, typer.Argument(metavar="OTHER]", help="The other one.")] = "",
    decision: Annotated[
        str,
        typer.Option(
            "--decide", metavar="same|never", help="same: one customer. never: two, whatever rules and models say."
        ),
    ] = "",
    by: Annotated[str, typer.Option(metavar="WHO", help="Who decides.")] = "",
    because: Annotated[str, typer.Option(metavar="WHY", help="Why.")] = "",
    limit: Annotated[int, typer.Option(min=1, metavar="NUMBER", help="The most pairs to show.")] = 20,
    shape: Shape = "text",
) -> None:
    """List the pairs in doubt, the surest first, and decide them.

    On a terminal each pair is asked for, with --by. Without one, name a pair: perennial identity review shop:17 desk:4
    --decide same --by "R. Lim" --because "same card at the till"
    """
    from pipeline.outputs.identity import decide, pairs_in_doubt
    from pipeline.outputs.identity.review import as_text

    if decision or one or other:
        if not (decision and one and other):
            raise UserError("Give two records and --decide: shop:17 desk:4 --decide same --by WHO --because WHY.")
        print(decide(every(), one, other, decision=decision, by=by, because=because))
        return
    found = pairs_in_doubt(every(), limit=limit, with_values=_may_show(shape))
    if shape == "json":
        print(_json(found))
        return
    if found.remark and found.pairs:
        print(f"{found.remark}\n")
    asks = bool(by) and sys.stdin.isatty() and sys.stdout.isatty()
    for number, pair in enumerate(found.pairs, 1):
        print(as_text(number, pair))
        if asks and not _ask(pair.record, pair.other, by):
            break
        print()
    print(_counted(len(found.pairs), found.total, asks=asks))


def _ask(one: str, other: str, by: str) -> bool:
    """Ask for the decision about a pair; return whether to go on."""
    from pipeline.outputs.identity import decide

    answer = typer.prompt("   same, never, later or stop?", default="later").strip().casefold()
    while answer not in ("same", "never", "later", "stop"):
        answer = typer.prompt("   Give same, never, later or stop", default="later").strip().casefold()
    if answer in ("same", "never"):
        print(decide(every(), one, other, decision=answer, by=by, because=typer.prompt("   Why?")))
    return answer != "stop"


def _counted(shown: int, total: int, *, asks: bool) -> str:
    from pipeline.base.numbers import counted

    if not total:
        return "No pair is in doubt."
    told = f"{shown} of {counted(total, 'pair')} in doubt." if shown < total else f"{counted(total, 'pair')} in doubt."
    return told if asks else f"{told} To decide them here: perennial identity review --by YOUR-NAME"


def _may_show(shape: str) -> bool:
    """Check the format; return whether names and addresses may be printed: to a terminal, and nowhere else."""
    if shape not in FORMATS:
        raise UserError(f"FORMAT is '{shape}': give {' or '.join(FORMATS)}.")
    return shape == "text" and sys.stdout.isatty()


def _json(found: object) -> str:
    import json
    from dataclasses import asdict

    plain = [asdict(each) for each in found] if isinstance(found, list) else asdict(found)  # type: ignore[call-overload]
    return json.dumps(plain, indent=2, ensure_ascii=False, default=str)
