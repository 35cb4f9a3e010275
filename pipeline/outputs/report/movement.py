"""Chapters of movement: stages of life, and who moved from group to group."""

from typing import Any

from pipeline.base.numbers import counted
from pipeline.outputs.figures import percent, why_unscored
from pipeline.outputs.report import charts
from pipeline.outputs.report.chapter import (
    WITHHELD,
    Content,
    Marts,
    Picture,
    Table,
    group_name,
    number,
    with_bar,
)

STAGES = """
select lifecycle_stage, count(*) as customers
from marts.customer_360
where lifecycle_stage is not null
group by lifecycle_stage
order by lifecycle_stage
"""
TRANSITIONS = """
select from_stage, to_stage, probability, expected_months, unavailable_reason
from marts.stage_transitions
order by from_stage, to_stage
"""
MOVES = """
select
    kind, month_start_date, from_value, to_value, from_customers, customers, share_of_from, unavailable_reason,
    period_months
from marts.segment_migration, marts.release
where period_months = 12 or last_day(month_start_date) <= release.as_of_date
qualify period_months = max(period_months) over (partition by kind)
    and month_start_date = max(month_start_date) over (partition by kind, period_months)
order by kind, from_value, to_value
"""
"""Of the year to the as-of date, where a kind has it: a month of few customers has mostly cells that are withheld."""
GROUPS = {
    "segment": "select segment_name from marts.segment_profile order by segment_rank",
    "tier": "select tier from marts.tier_treatment order by tier_rank",
}
"""The groups of a kind, the best first; stages have their own order."""
STAGE_ORDER = ("prospect", "new", "growing", "stable", "declining", "dormant", "lost", "won_back")
KINDS = ("segment", "tier", "stage")
NOWHERE = "none"
"""Where customers come from who were in no group."""


def lifecycle(marts: Marts) -> Content | str:
    """How many customers are in each stage, and how they go from one to the next."""
    found = dict(marts.rows(STAGES))
    rows = [(stage, found[stage]) for stage in STAGE_ORDER if stage in found]
    buyers = sum(number for stage, number in rows if stage != "prospect")
    if not buyers:
        return why_unscored(marts.release, "customer_segments")
    lost, away = found.get("lost", 0), found.get("dormant", 0)
    active = buyers - lost - away
    said = (
        f"Of {counted(buyers, 'buyer')}, {percent(active / buyers)} are active by their own rhythm,"
        f" {percent(away / buyers)} dormant, {percent(lost / buyers)} lost"
    )
    back = found.get("won_back", 0)
    said += f"; {counted(back, 'customer')} came back after they were lost." if back else "."
    everybody = sum(found.values())
    bars = tuple((group_name(stage), f"{many:,}", with_bar(many / everybody)) for stage, many in rows)
    table = Table("Customers by stage on the as-of date.", ("Stage", "Customers", "Share"), bars, frozenset({2}))
    return Content(said, _transitions(marts), (table,))


def _transitions(marts: Marts) -> tuple[Picture, ...]:
    """Return the shares of the customers of a stage who are in another a month later."""
    found = {(start, end): rest for start, end, *rest in marts.rows(TRANSITIONS)}
    stages = [stage for stage in STAGE_ORDER if any(stage in pair for pair in found)]
    if not stages:
        return ()
    shares: dict[tuple[str, str], charts.Cell] = {
        pair: WITHHELD if reason else number(share) for pair, (share, _, reason) in found.items()
    }
    stay = {stage: found[stage, stage][1] for stage in stages if (stage, stage) in found}
    times = [f"{group_name(stage)} {float(months):.1f}" for stage, months in stay.items() if months is not None]
    lasting = f"; expected months there: {', '.join(times)}" if times else ""
    return (
        _matrix("transitions", "From stage to stage within a month", (stages, stages), shares, f"of the row{lasting}"),
    )


def moved(marts: Marts) -> Content | str:
    """Who moved from one group to another in the last year or month, by segment, tier and stage."""
    found = marts.rows(MOVES)
    pictures, told = [], []
    for kind in KINDS:
        of_kind = [row for row in found if row[0] == kind]
        if of_kind:
            pictures.append(_moves(kind, of_kind, _ordered(marts, kind, of_kind)))
            told.append(_of_moves(kind, of_kind))
    if not pictures:
        return "Nobody has been in a group for a whole month yet."
    return Content(" ".join(told), tuple(pictures))


def _ordered(marts: Marts, kind: str, found: list[tuple[Any, ...]]) -> list[str]:
    """Return the groups of a kind, the best first."""
    order = [row[0] for row in marts.rows(GROUPS[kind])] if kind in GROUPS else STAGE_ORDER
    there = {value for row in found for value in row[2:4]}
    return [*(value for value in order if value in there), *sorted(there - {*order})]


def _moves(kind: str, found: list[tuple[Any, ...]], groups: list[str]) -> Picture:
    shares: dict[tuple[str, str], charts.Cell] = {
        (start, end): WITHHELD if reason else number(share) for _, _, start, end, _, _, share, reason, _ in found
    }
    ends = [group for group in groups if group != NOWHERE]
    return _matrix(f"moves-{kind}", f"From {kind} to {kind} {_when(found)}", (groups, ends), shares, "of the row")


def _when(found: list[tuple[Any, ...]]) -> str:
    return "in 365 days" if found[0][8] == 12 else f"in {found[0][1]:%B %Y}"


def _of_moves(kind: str, found: list[tuple[Any, ...]]) -> str:
    """Return how many are told to have changed their group, and the most frequent move."""
    were = {row[2]: row[4] for row in found if row[2] != NOWHERE and row[4] is not None}
    moves = [row for row in found if row[2] in were and row[2] != row[3] and row[5]]
    if not moves:
        return f"Nobody is known to have changed the {kind}."
    least = "At least " if any(row[7] for row in found if row[2] != NOWHERE) else ""
    share = percent(sum(row[5] for row in moves) / sum(were.values()))
    most = max(moves, key=lambda row: (row[5], row[2], row[3]))
    way = f"from {group_name(most[2])} to {group_name(most[3])} ({most[5]:,})"
    return f"{least}{share} changed the {kind} {_when(found)}, most {way}."


def _matrix(
    name: str, title: str, groups: tuple[list[str], list[str]], shares: dict[tuple[str, str], charts.Cell], of: str
) -> Picture:
    """Return a heat map from rows to columns, whose columns have the numbers of the rows."""
    starts, ends = groups
    cells = [[shares.get((start, end)) for end in ends] for start in starts]
    names = ["in none before" if group == NOWHERE else group_name(group) for group in starts]

    def told(down: int, across: int) -> str:
        return f"{names[down]} to {group_name(ends[across])}: {charts.cell_text(cells[down][across])}"

    numbered = [f"{place} {label}" for place, label in enumerate(names, 1)]
    heads = [str(starts.index(end) + 1) for end in ends]
    said = f"Rows: where they were. Columns: where they are. In percent {of}."
    if any(isinstance(cell, str) for row in cells for cell in row):
        said += f" Grey: {WITHHELD}, of too few customers."
    chart = charts.heat_map(name, (title, said), numbered, heads, cells, told=told, numbers=True)
    rows = tuple((label, *(charts.cell_text(cell) for cell in row)) for label, row in zip(names, cells, strict=True))
    return Picture(title, chart, said, ("From", *(group_name(end) for end in ends)), rows)
