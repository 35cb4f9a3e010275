"""The errors planted in the delivered rows, and the fate that the warehouse must give each of them.

Shares are of a table's rows at DEMO_CORRUPTION=1. A row has at most one trouble. `again` is a second delivery of the
row: equal (a duplicate), newer (a correction), with its deletion, or cut off in the middle of the line.
"""

from dataclasses import dataclass, field

from demo.world.company import SECONDS_A_DAY

BAD_DAY = "'31/02/2025 10:00'"
NOT_READABLE = "line: not readable"
ORPHAN = "order_id: not among the accepted orders"
# A later delivery of the same row: its day, and the moment that it carries as updated_at.
LATER = {"_day": "_day + 1 + cast(floor(_draw * 1e6) as int) % 5", "_version_s": f"_version_s + {SECONDS_A_DAY}"}
NEWER = LATER | {"updated_at": f"local_iso(_version_s + {SECONDS_A_DAY})"}


@dataclass(frozen=True)
class Trouble:
    """One kind of planted trouble.

    Attributes
    ----------
    name : str
        How truth/fates.parquet calls it.
    share : float
        Of the table's rows, at DEMO_CORRUPTION=1.
    change : dict
        Column: SQL expression, in the row itself.
    again : dict or None
        Column: SQL expression, in a second copy; None: there is no second copy.
    fate, reason : str
        Of the row; `again_fate`, `again_reason` of the second copy.
    where : str
        SQL condition that a row must meet to be chosen.
    """

    name: str
    share: float
    change: dict[str, str] = field(default_factory=dict)
    again: dict[str, str] | None = None
    fate: str = "accepted"
    reason: str | None = None
    again_fate: str = "accepted"
    again_reason: str | None = None
    where: str = "true"


def bad(name: str, share: float, column: str, value: str, reason: str, *, where: str = "true") -> Trouble:
    """A value that cannot be read: the row is quarantined."""
    return Trouble(name, share, {column: value}, fate="quarantined", reason=reason, where=where)


def twice(share: float = 0.002) -> Trouble:
    """Deliver a row twice in one file."""
    return Trouble("delivered twice", share, again={}, again_fate="duplicate")


def resent(column: str, share: float = 0.001) -> Trouble:
    """Deliver a row again in the next day's file, with a space after a value, which does not make other content.

    (Without it a day's file with this row alone would equal the file of the day before, and landing skips such files.)
    """
    again = {"_day": "_day + 1", column: f"{column} || ' '"}
    return Trouble("delivered again a day later", share, again=again, again_fate="duplicate")


def late(share: float = 0.005) -> Trouble:
    """Deliver a row two to nine days after it happened."""
    return Trouble("delivered late", share, {"_day": "_day + 2 + cast(floor(_draw * 1e6) as int) % 8"})


def cut(share: float = 0.0005) -> Trouble:
    """Deliver a second copy of a row that breaks off in the middle."""
    return Trouble(
        "line cut off", share, again={"_is_cut": "true"}, again_fate="quarantined", again_reason=NOT_READABLE
    )


ORDER_TIME = bad("order at no possible time", 0.001, "placed_at", BAD_DAY, "ordered_at: not a timestamp")
ORDER_CURRENCY = bad(
    "order in a currency without a rate",
    0.001,
    "currency",
    "'XTS'",
    "currency: no exchange rate to the reporting currency on its day",
)

TROUBLE: dict[str, tuple[Trouble, ...]] = {
    "demo_shop.customers": (
        twice(),
        bad("customer since no possible day", 0.001, "created_at", BAD_DAY, "created_at: not a timestamp"),
    ),
    "demo_shop.products": (
        Trouble(
            "article without a readable cost",
            0.006,
            again={"sku": "'OLD' || sku", "unit_cost": "'tbd'"},
            again_fate="quarantined",
            again_reason="unit_cost: not a decimal",
        ),
    ),
    "demo_shop.fx_rates": (
        Trouble(
            "rate that is n/a",
            0.004,
            again={"from_currency": "'XTS'", "rate": "'n/a'"},
            again_fate="quarantined",
            again_reason="rate: missing",
        ),
    ),
    "demo_shop.orders": (ORDER_TIME, ORDER_CURRENCY, twice()),
    "demo_shop.order_lines": (
        bad("amount that is not a number", 0.001, "amount", "'abc'", "net_amount: not a decimal", where="_line > 1"),
        bad("quantity that is not a number", 0.0005, "quantity", "'two'", "quantity: not a decimal", where="_line > 1"),
        twice(),
        Trouble(
            "line of an order that is not there",
            0.0005,
            again={"order_no": "'X' || order_no", "_net_e4": "0"},
            again_fate="quarantined",
            again_reason=ORPHAN,
        ),
    ),
    "demo_shop.payments": (twice(0.001),),
    "demo_shop.returns": (
        bad("refund that is not a number", 0.004, "refund", "'12,5O'", "refund_amount: not a decimal"),
        bad("returned at no possible time", 0.004, "returned_at", BAD_DAY, "returned_at: not a timestamp"),
        twice(0.004),
    ),
    "demo_service.customers": (twice(), cut()),
    "demo_service.contacts": (
        bad("started at no possible time", 0.001, "started_at", BAD_DAY, "contacted_at: not a timestamp"),
        bad("wait that is not a number", 0.001, "wait_seconds", "'long'", "wait_seconds: not a integer"),
        twice(),
        resent("topic"),
        late(),
        cut(),
        Trouble(
            "corrected",
            0.004,
            again=NEWER
            | {"cost": "money(_cost_cents + 150)", "_cost_cents": "_cost_cents + 150", "outcome": "'resolved'"},
        ),
        Trouble("deleted", 0.003, again=NEWER | {"deleted": "'1'", "_is_deleted": "true"}),
    ),
    "demo_service.cases": (resent("topic"), late(), cut()),
    "demo_service.surveys": (
        bad("score that is not a number", 0.003, "score", "'ten'", "score: not a integer"),
        twice(),
        late(),
        cut(),
    ),
    "demo_web.events": (
        bad("event at no possible time", 0.0005, "ts", "'2025-02-31T10:00:00Z'", "occurred_at: not a timestamp"),
        twice(0.001),
        late(0.003),
        cut(0.0003),
    ),
    "demo_web.consents": (twice(0.001), cut(0.0003)),
    "demo_marketing.contacts": (
        bad("sent at no possible time", 0.001, "sent_at", BAD_DAY, "sent_at: not a timestamp"),
        twice(0.001),
        late(0.002),
        cut(0.0003),
    ),
    "demo_marketing.responses": (twice(), cut()),
    "demo_sales.opportunities": (
        bad("amount that is not a number", 0.01, "amount", "'tbd'", "amount: not a decimal", where="_version = 1"),
        twice(0.005),
        cut(0.005),
    ),
}


def troubled(table: str, select: str, corruption: float) -> str:
    """Return the query of a table's delivered rows, its trouble planted.

    Parameters
    ----------
    table : str
        '<source>.<table>'.
    select : str
        Query of the right rows: the delivered columns, and `_key` (integer, unique), `_day` (of delivery),
        `_version_s` (moment of this state of the row), `_parent_reason` (why the row is quarantined that it goes with).

    Notes
    -----
    Columns that are added: `_planted`, `_copy` (1, or 2 for the second), `_fate`, `_reason`, `_is_cut`, `_is_deleted`.
    """
    kinds = TROUBLE.get(table, ()) if corruption else ()
    doubled = ", ".join(f"'{kind.name}'" for kind in kinds if kind.again is not None)
    copies = f"unnest(case when _planted in ({doubled}) then [1, 2] else [1] end)" if doubled else "1"
    return f"""
        with drawn as (
            select *, u('trouble of {table}', _key) as _draw, false as _is_cut, false as _is_deleted from ({select})
        ),
        chosen as (
            select *, {_choice(kinds, corruption)} as _planted from drawn
        ),
        copied as (
            select *, {copies} as _copy from chosen
        )
        select
            * exclude (_draw) {_replacements(kinds)},
            {_outcome(kinds, "fate")} as _fate,
            {_outcome(kinds, "reason")} as _reason
        from copied
    """


def _choice(kinds: tuple[Trouble, ...], corruption: float) -> str:
    total = 0.0
    branches = ["when _parent_reason is not null then 'line of a quarantined order'"]
    for kind in kinds:
        low, total = total, total + kind.share * corruption
        branches.append(f"when _draw >= {low:.8f} and _draw < {total:.8f} and {kind.where} then '{kind.name}'")
    return f"case {' '.join(branches)} else 'none' end"


def _replacements(kinds: tuple[Trouble, ...]) -> str:
    columns: dict[str, list[str]] = {}
    for kind in kinds:
        for copy, changes in ((1, kind.change), (2, kind.again or {})):
            for column, value in changes.items():
                condition = f"_planted = '{kind.name}'" + ("" if kind.again is None else f" and _copy = {copy}")
                columns.setdefault(column, []).append(f"when {condition} then {value}")
    parts = [f"case {' '.join(branches)} else {column} end as {column}" for column, branches in columns.items()]
    return f"replace ({', '.join(parts)})" if parts else ""


def _outcome(kinds: tuple[Trouble, ...], what: str) -> str:
    def literal(value: str | None) -> str:
        return "null" if value is None else f"'{value}'"

    first = "'quarantined'" if what == "fate" else f"'{ORPHAN} (' || _parent_reason || ')'"
    branches = [f"when _parent_reason is not null then {first}"]
    for kind in kinds:
        if kind.again is not None:
            again = kind.again_fate if what == "fate" else kind.again_reason
            branches.append(f"when _planted = '{kind.name}' and _copy = 2 then {literal(again)}")
        branches.append(f"when _planted = '{kind.name}' then {literal(getattr(kind, what))}")
    default = "'accepted'" if what == "fate" else "null"
    return f"case {' '.join(branches)} else {default} end"
