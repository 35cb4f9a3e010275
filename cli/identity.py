"""Identity: why records are one customer, and which pairs wait for a decision."""

import sys
from typing import Annotated

import typer

from cli.environment import every, up_to_date
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

    found = ask(up_to_date(), customer, with_values=_may_show(shape))
    print(_json(found) if shape == "json" else "\n\n".join(map(as_text, found)))


@app.command()
def review(  # noqa: PLR0917 - each parameter is an option
    one: Annotated[
        str, typer.Argument(metavar="[ONE", help="A record to look at, or to decide about, as source:id.")
    ] = "",
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

    On a terminal each pair is asked for, with --by. Two records are shown side by side, in doubt or not: perennial
    identity review shop:17 desk:4. And decided with --decide same --by "R. Lim" --because "same card at the till".
    The weight is the binary logarithm of the odds that they are one customer: 6 is 64 to 1.
    """
    from pipeline.outputs.identity import pair, pairs_in_doubt
    from pipeline.outputs.identity.review import as_text

    if bool(one) != bool(other) or (decision and not one):
        raise UserError("Give two records, as source:id: shop:17 desk:4; and --decide same --by WHO --because WHY.")
    if decision:
        print(_decide(one, other, decision=decision, by=by, because=because))
        return
    with_values, settings = _may_show(shape), up_to_date()
    found = (
        pair(settings, one, other, with_values=with_values)
        if one
        else pairs_in_doubt(settings, limit=limit, with_values=with_values)
    )
    if shape == "json":
        print(_json(found))
        return
    if found.remark and found.pairs:
        print(f"{found.remark}\n")
    asks, decided = bool(by) and _is_terminal(), 0
    for number, each in enumerate(found.pairs, 1):
        print(as_text(number, each))
        if asks and (answer := _ask(each.record, each.other, by, because)):
            if answer == "stop":
                break
            decided += 1
        print()
    print(_next(found.total, len(found.pairs), decided, asks=asks, one=one, other=other))


def _ask(one: str, other: str, by: str, because: str) -> str:
    """Ask for the decision about a pair and write it; return it, `stop`, or nothing where it was left for later."""
    answer = typer.prompt("   same, never, later or stop?", default="later").strip().casefold()
    while answer not in ("same", "never", "later", "stop"):
        answer = typer.prompt("   Give same, never, later or stop", default="later").strip().casefold()
    if answer in ("same", "never"):
        try:
            _decide(one, other, decision=answer, by=by, because=typer.prompt("   Why?", default=because or None))
        except UserError as error:
            print(f"   Not written: {error}")
            return ""
    return "" if answer == "later" else answer


def _decide(one: str, other: str, *, decision: str, by: str, because: str) -> str:
    from pipeline.base.lock import lock_at_address
    from pipeline.outputs.identity import decide

    settings = every()
    with lock_at_address(settings, "perennial identity review"):
        return decide(settings, one, other, decision=decision, by=by, because=because)


def _next(total: int, shown: int, decided: int, *, asks: bool, one: str, other: str) -> str:
    """Return how many pairs wait, and what to do about them."""
    from pipeline.base.numbers import counted

    if not total:
        return "No pair is in doubt."
    if one:
        return f"To decide: perennial identity review {one} {other} --decide same|never --by WHO --because WHY"
    waiting = counted(total - decided, "pair")
    told = f"{shown} of {waiting} in doubt." if shown < total and not decided else f"{waiting} in doubt."
    if decided:
        return f"{decided} decided, in {every().identity_decisions}; they hold from the next build (`make run`). {told}"
    return told if asks else f"{told} To decide them here: perennial identity review --by YOUR-NAME"


def _may_show(shape: str) -> bool:
    """Check the format; return whether names and addresses may be printed: to a terminal, and nowhere else."""
    if shape not in FORMATS:
        raise UserError(f"FORMAT is '{shape}': give {' or '.join(FORMATS)}.")
    if shape == "text" and not sys.stdout.isatty():
        print("Names and addresses are left out: they are shown on a terminal only.", file=sys.stderr)
    return shape == "text" and sys.stdout.isatty()


def _is_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _json(found: object) -> str:
    import json
    from dataclasses import asdict

    plain = [asdict(each) for each in found] if isinstance(found, list) else asdict(found)  # type: ignore[call-overload]
    return json.dumps(plain, indent=2, ensure_ascii=False, default=str)
