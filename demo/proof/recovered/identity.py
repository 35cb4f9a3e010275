"""Identity: which records are the same person, all records and the hard ones, beside the rules alone."""

import math
from collections.abc import Mapping

from demo.proof.bounds import allowance
from demo.proof.linked import STRATA, Share, count_shares
from demo.proof.row import Row, does_not_apply, judged
from demo.proof.trial import Trial
from demo.world.worlds import get_world

LEAST_PRECISION = {1.0: 0.999, 3.0: 0.998}
LEAST_PRECISION_OF_ADDED = 0.999
LEAST_PRECISION_OF_HARD, LEAST_PRECISION_OF_SHARED = 0.98, 0.97
LEAST_REACHABLE = {1.0: 0.98, 3.0: 0.93}
LEAST_CONTRADICTING = 0.65
MOST_IN_REVIEW = {1.0: 0.02, 3.0: 0.04}
LEAST_RIGHT_IN_REVIEW = 0.5
FEWEST_LINKS = 500
"""A stratum with fewer links has no bound: one wrong link would decide."""
LEAST_RECALL, LEAST_RECALL_WITH_ERRORS = 0.99, 0.75
"""Of all pairs, at the world's usual rate of errors; of more errors there is no bound. A masked address, or a contact
without any, leaves nothing to find a pair by."""
SHARED = "shared e-mail or phone"


def measure(trial: Trial) -> list[Row]:
    """Precision and recall over pairs of records, B-cubed, what waits for people, and records that are not there.

    Precision: of the pairs of records that the warehouse calls one customer, those of one person. Recall: of the pairs
    of one person's records, those called one customer. A pair is reachable when two pieces of evidence agree (e-mail,
    phone, loyalty card, birth date, address, full name; a slip of the finger counts, a wrong letter does not), or by a
    chain of such pairs. The naive figures are those of the rules alone (int_customer_links).
    """
    attached = "select count(*) from duckdb_databases() where database_name = 'warehouse'"
    links = "warehouse.intermediate.int_customer_links" if trial.value(attached) else None
    review = "published.ops.identity_review" if trial.has("ops.identity_review", "verdict") else None
    found = count_shares(trial.connection, links, review)
    known = int(trial.value("select count(*) from truth.records"))
    published = int(trial.value("select count(*) from known_records"))
    lost = judged("identity: records without customer", float(known - published), truth=0.0, low=0.0, high=0.0)
    return [*rows(found, trial.world, trial.errors, trial.customers), lost]


def rows(found: Mapping[str, Share], world: str, errors: float, customers: int) -> list[Row]:
    """Return the rows of shares, of one company or pooled over several.

    Parameters
    ----------
    found
        As `count_shares` returns them.
    world, errors
        Name of the world; DEMO_ERRORS.
    customers
        Persons in all companies together.
    """
    has_errors = bool(get_world(world).errors)
    lows: dict[str, float] = {
        "precision of links": _at(LEAST_PRECISION, errors),
        "precision of added links": LEAST_PRECISION_OF_ADDED,
        "recall of reachable pairs": _at(LEAST_REACHABLE, errors),
        "recall of contradicting given names": LEAST_CONTRADICTING,
        "reviewed pairs that are one person": LEAST_RIGHT_IN_REVIEW,
    }
    if errors <= 1:
        lows["recall of all pairs"] = LEAST_RECALL_WITH_ERRORS if has_errors else LEAST_RECALL
    for name in STRATA:
        is_shared = name == SHARED and errors > 1
        lows[f"precision of links, {name}"] = LEAST_PRECISION_OF_SHARED if is_shared else LEAST_PRECISION_OF_HARD
    made = []
    for name, share in found.items():
        if name.startswith("rules: "):
            continue
        rules = found.get(f"rules: {name}")
        note = f"{share.hits:,} of {share.of:,}" if not name.startswith("B-cubed") else ""
        if not share.of:
            made.append(does_not_apply(f"identity: {name}", "there are none"))
            continue
        low = lows.get(name)
        high = _at(MOST_IN_REVIEW, errors) if name == "records in review" else None
        if ", " in name and share.of < FEWEST_LINKS:
            low, note = None, f"{note}: fewer than {FEWEST_LINKS} have no bound"
        room = allowance(_error(share, low if high is None else high), customers)
        made.append(
            judged(
                f"identity: {name}",
                share.value,
                truth=None if name in ("records in review", "reviewed pairs that are one person") else 1.0,
                naive=rules.value if rules and rules.of else None,
                low=None if low is None else low - room,
                high=None if high is None else high + room,
                note=note,
            )
        )
    return made


def _at(bounds: Mapping[float, float], errors: float) -> float:
    return bounds[1.0 if errors <= 1 else 3.0]


def _error(share: Share, bound: float | None) -> float:
    """Standard error of a share whose truth is the bound."""
    return 0.0 if bound is None else math.sqrt(bound * (1 - bound) / share.of)
