"""`make accept`: let a held load land, a release pass, or a load be published without what is in quarantine of it."""

import os
import sys

from pipeline import ledger
from pipeline.errors import UserError
from pipeline.landing import accept, described
from pipeline.plan import load_plan
from pipeline.settings import Settings, every_source, load_settings


def main() -> int:
    """Accept the held load, the release or the landed load that the environment names; return the exit code."""
    source, table, release, load = (os.environ.get(name, "") for name in ("SOURCE", "TABLE", "RELEASE", "LOAD"))
    try:
        settings = load_settings(every_source())
        if load:
            print(_accept_quarantine(settings, load))
        elif release:
            print(_accept_release(settings, release))
        else:
            print(_accept_held(settings, source, table))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _accept_held(settings: Settings, source: str, table: str) -> str:
    receipt = accept(settings, source, table)
    return f"{source}.{table}: landed, {described(receipt)}. Next: make run, or the source's DAG."


def _accept_release(settings: Settings, release: str) -> str:
    planned = load_plan(settings).release_id
    if release != planned:
        raise UserError(f"Release '{release}' is not the one that was built last, which is {planned}. Look at its id.")
    ledger.accept_release(settings, release)
    return f"Release {release} may have less than the one before. Next: make run, or build_customers."


def _accept_quarantine(settings: Settings, named: str) -> str:
    """Accept one landed load, or all that have landed of a table: later ones are judged again."""
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


if __name__ == "__main__":
    sys.exit(main())
