"""What a company decides about winning back: the seeds winback_terms.csv and winback_classes.csv, which marts read too.

A class is the first row of the table, in the order of `class_rank`, whose limits a customer is within. Of these, mining
reads the limits of the chance alone: on them depends until when a customer's class holds.
"""

import csv
import math
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pipeline.base.errors import UserError
from pipeline.base.settings import DBT_PROJECT, shown

TERMS = DBT_PROJECT / "seeds" / "winback_terms.csv"
CLASSES = DBT_PROJECT / "seeds" / "winback_classes.csv"
LIMITS = ("p_return_from", "p_return_below")
LONGEST_DAYS = 3650
RANGES = {
    "horizon_days": (1.0, float(LONGEST_DAYS)),
    "odds_ratio": (1.0, 100.0),
    "contact_cost": (0.0, math.inf),
    "deadline_share": (0.0, 1.0),
}
"""Each term, and the least and the most that it may be."""


class Rules(NamedTuple):
    """What mining reads of the seeds.

    Attributes
    ----------
    horizon_days
        Days within which a customer returns.
    deadline_share
        Share of today's chance below which a customer has been left too long.
    limits
        Chances at which one class ends and another begins, ascending.
    """

    horizon_days: int
    deadline_share: float
    limits: tuple[float, ...]


@cache
def read_rules(terms: Path = TERMS, classes: Path = CLASSES) -> Rules:
    """Read the seeds.

    Raises
    ------
    UserError
        A term is missing, there twice or unknown, or a number is none or out of its range; the message names file and
        line.
    """
    found: dict[str, float] = {}
    for line, row in _rows(terms):
        name = row["term"]
        if name not in RANGES or name in found:
            raise UserError(f"{shown(terms)}, line {line}: give each of {', '.join(RANGES)} once, not '{name}'.")
        found[name] = _number(f"{shown(terms)}, line {line}", name, row["value"], *RANGES[name])
    if missing := [name for name in RANGES if name not in found]:
        raise UserError(f"{shown(terms)} has no {missing[0]}: give each of {', '.join(RANGES)} once.")
    if found["horizon_days"] != int(found["horizon_days"]):
        raise UserError(f"{shown(terms)}: horizon_days is {found['horizon_days']:g}: give a whole number of days.")
    limits = {
        _number(f"{shown(classes)}, line {line}", column, row[column], 0.0, 1.0)
        for line, row in _rows(classes)
        for column in LIMITS
        if row[column]
    }
    return Rules(int(found["horizon_days"]), found["deadline_share"], tuple(sorted(limits)))


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(enumerate(csv.DictReader(file), start=2))


def _number(where: str, name: str, text: str, low: float, high: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not low <= number <= high:
        raise UserError(f"{where}: {name} is '{text}': give a number from {low:g} to {high:g}.")
    return number
