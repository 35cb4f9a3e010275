"""What the demo company is made of, from the environment and the command line."""

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from demo.world.laws import START
from demo.world.worlds import get_world
from pipeline.base.errors import UserError

DEFAULT_UNTIL = date(2025, 12, 31)
LAST_UNTIL = date(2026, 3, 31)
LEAST_CUSTOMERS, MOST_CUSTOMERS = 50, 5_000_000
HIGHEST_MULTIPLIER = 5.0


@dataclass(frozen=True)
class Options:
    """What to make.

    Attributes
    ----------
    world : str
        Name of the world (demo.worlds).
    customers : int
        Persons acquired up to 2025-12-31.
    seed : int
        Equal options give equal bytes.
    until : datetime.date
        Last day that is delivered, local time.
    errors, corruption : float
        Multipliers of the identity errors and of the planted row trouble; 1 is usual, 0 is none.
    """

    world: str
    customers: int
    seed: int
    until: date
    errors: float
    corruption: float

    @property
    def days(self) -> int:
        """Days that are delivered, from 2023-01-01 on."""
        return (self.until - START).days + 1

    def as_json(self) -> dict[str, Any]:
        """Return the options as they stand in the manifest."""
        return {**asdict(self), "until": self.until.isoformat()}


def read_options(arguments: Mapping[str, str | None] | None = None, env: Mapping[str, str] = os.environ) -> Options:
    """Return the options: an argument wins over the variable DEMO_<NAME>, that over the default.

    Parameters
    ----------
    arguments
        Texts by name: world, customers, seed, until, errors, corruption; None where not given.

    Raises
    ------
    UserError
        A value cannot be used; the message names it and what would do.
    """
    given = {name: text for name, text in (arguments or {}).items() if text is not None}

    def text(name: str, default: str) -> str:
        return given.get(name) or env.get(f"DEMO_{name.upper()}") or default

    world = get_world(text("world", "retail"))
    return Options(
        world=world.name,
        customers=_whole("DEMO_CUSTOMERS", text("customers", "5000"), LEAST_CUSTOMERS, MOST_CUSTOMERS),
        seed=_whole("DEMO_SEED", text("seed", "1"), 0, 2**31 - 1),
        until=_day("DEMO_UNTIL", text("until", DEFAULT_UNTIL.isoformat())),
        errors=_multiplier("DEMO_ERRORS", text("errors", f"{world.errors:g}")),
        corruption=_multiplier("DEMO_CORRUPTION", text("corruption", f"{world.corruption:g}")),
    )


def _whole(name: str, text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) <= most:
        raise UserError(f"{name} is '{text}': give a whole number from {least:,} to {most:,}.")
    return int(text)


def _day(name: str, text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{name} is '{text}': give a day such as {DEFAULT_UNTIL.isoformat()}.") from error
    if not START <= day <= LAST_UNTIL:
        raise UserError(f"{name} is '{text}': the company's days run from {START} to {LAST_UNTIL}. Give one of them.")
    return day


def _multiplier(name: str, text: str) -> float:
    value = float(text) if re.fullmatch(r"[0-9]{1,3}([.][0-9]{1,6})?|[.][0-9]{1,6}", text) else -1.0
    if not 0 <= value <= HIGHEST_MULTIPLIER:
        raise UserError(f"{name} is '{text}': give a number from 0 (none) over 1 (usual) to {HIGHEST_MULTIPLIER:g}.")
    return value
