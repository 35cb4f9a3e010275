"""`perennial accept`: let a held load land, a release pass, or a load be published without its quarantined rows."""

from pipeline.base.errors import UserError
from pipeline.base.settings import Settings
from pipeline.build.plan import load_plan
from pipeline.landing import accept, described
from pipeline.serving import ledger


def accept_held(settings: Settings, source: str, table: str) -> str:
    """Let the held load of a table land; return what to tell the person who asked for it."""
    receipt = accept(settings, source, table)
    return f"{source}.{table}: landed, {described(receipt)}. Next: make run, or the source's DAG."


def accept_release(settings: Settings, release: str) -> str:
    """Let the release that was built last pass, though it has less than the one before.

    Raises
    ------
    UserError
        It is another release.
    """
    planned = load_plan(settings).release_id
    if release != planned:
        raise UserError(f"Release '{release}' is not the one that was built last, which is {planned}. Look at its id.")
    ledger.accept_release(settings, release)
    return f"Release {release} may have less than the one before. Next: make run, or build_customers."


def accept_quarantine(settings: Settings, named: str) -> str:
    """Leave out what is in quarantine of one landed load, or of all of a table: later ones are judged again.

    Raises
    ------
    UserError
        The last build has no such load.
    """
    tables: dict[str, list[str]] = {}
    for receipt in load_plan(settings).receipts:
        table = f"{receipt['source']}.{receipt['table']}"
        tables.setdefault(table, []).append(f"{table}.{receipt['interval']}")
    landed = sorted({load for loads in tables.values() for load in loads})
    loads = sorted(set(tables.get(named, [named] if named in landed else [])))
    if not loads:
        raise UserError(
            f"No load '{named}' is in the last build. Name it as the gate's message does: <source>.<table>.<interval>, "
            f"or <source>.<table> for all loads of a table. Tables: {', '.join(sorted(tables))}."
        )
    ledger.accept_loads(settings, loads)
    return f"Left out from now on is what is in quarantine of: {', '.join(loads)}. Next: make run, or build_customers."
