"""What a line of an order comes to: the reading that adds up, and what has to be asked where none does."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.evidence.amounts import (
    ADDED,
    Columns,
    Reading,
    Rows,
    Sum,
    agreeing,
    is_once,
    is_quantity,
    kind_of,
    readings,
)
from pipeline.onboarding.evidence.orders import Level, are_positions, levels
from pipeline.onboarding.evidence.question import Question
from pipeline.onboarding.inspection.profile import Profile

OF_HEADER = "order: "  # before the names of an order's columns, where its lines stand in a table of their own
TOTALS = ("amount", "net", "subtotal", "paid")
HEADER_ROLES = {"shipping": "shipping_amount", "discount": "discount_amount", "tax": "tax_amount"}
HALF_A_CENT = Decimal("0.005")


@dataclass(frozen=True)
class Header:
    """The table of the orders, its number of the order, and its columns."""

    rows: Rows
    order: Profile
    profiles: Sequence[Profile]


@dataclass(frozen=True)
class Money:
    """What was decided of a table.

    Attributes
    ----------
    line, header
        Columns of lines and of orders, by contract column.
    less
        The discount that is taken from a line.
    include_tax
        Whether the amounts include the tax beside them.
    facts, questions
        What the sums showed, and what they did not.
    """

    line: dict[str, Profile] = field(default_factory=dict)
    header: dict[str, Profile] = field(default_factory=dict)
    less: Profile | None = None
    include_tax: bool = False
    questions: list[Question] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Lines:
    """Lines beside the header of their orders."""

    rows: Rows
    columns: Columns
    behaves: Mapping[str, Level]
    order: Profile | None = None

    def amounts_of(self, profile: Profile) -> Rows:
        """Rows to sum a column over: once for each order, where it stands on each of its lines."""
        if self.order is None or not is_once(profile, self.behaves):
            return self.rows
        name, order = sql.identifier(profile.name), sql.identifier(self.order.name)
        once = f"(select max({name}) as {name} from {self.rows.relation} group by {order})"
        return replace(self.rows, relation=once)


def money_of_lines(
    rows: Rows, order: Profile | None, profiles: Sequence[Profile], header: Header | None = None
) -> Money:
    """Decide what a line comes to."""
    numbers = [profile for profile in profiles if profile.is_number]
    behaves = levels(rows.connection, rows.relation, order, numbers) if order else {}
    usable = [
        p
        for p in profiles
        if is_quantity(p) or not order or not are_positions(rows.connection, rows.relation, order, p)
    ]
    lines = _Lines(rows, _columns(rows, usable, behaves), behaves, order)
    ways = readings(lines.columns, rows)
    if not ways:
        return Money()
    if header and order:
        lines = _beside(lines, order, header)
    sums = agreeing(lines.rows, sql.identifier(order.name), ways, lines.columns, lines.behaves) if order else []
    chosen = next((way for way in ways if any(each.reading == way for each in sums)), None)
    return _agreed(lines, chosen, sums) if chosen else _by_name(lines, ways)


def _columns(rows: Rows, profiles: Sequence[Profile], behaves: Mapping[str, Level]) -> Columns:
    kinds = [(kind_of(profile), profile, behaves.get(profile.name)) for profile in profiles]
    of_line = [p for kind, p, level in kinds if kind in TOTALS[:3] and not (level and level.is_header)]
    totals = [p for kind, p, level in kinds if kind in TOTALS and level and not level.is_line]
    if len(of_line) > 1:
        of_line = [p for p in of_line if not (p in totals and "grand" in p.words)]
    extras = [(str(kind), p) for kind, p, _ in kinds if kind in ADDED and not rows.is_share(p)]
    quantities = [p for p in profiles if is_quantity(p) and not ((level := behaves.get(p.name)) and level.is_once)]
    return Columns(of_line, [p for kind, p, _ in kinds if kind == "price"], quantities, totals, extras)


def _beside(lines: _Lines, order: Profile, header: Header) -> _Lines:
    """The lines beside the columns of money of their orders, which are renamed."""
    renamed = [
        (str(kind), profile, replace(profile, name=OF_HEADER + profile.name))
        for profile in header.profiles
        if (kind := kind_of(profile)) in (*TOTALS, *ADDED) and not (kind in ADDED and header.rows.is_share(profile))
    ]
    selected = "".join(f", min({sql.identifier(old.name)}) as {sql.identifier(new.name)}" for _, old, new in renamed)
    number = sql.identifier(header.order.name)
    lines.rows.connection.execute(
        f"create or replace temp table beside as select of_lines.*, of_order.* exclude (the_order) "
        f"from {lines.rows.relation} as of_lines left join (select cast({number} as varchar) as the_order{selected} "
        f"from {header.rows.relation} group by 1) as of_order "
        f"on cast(of_lines.{sql.identifier(order.name)} as varchar) = of_order.the_order"
    )
    once = {new.name: Level(1, 0, is_once=True) for _, _, new in renamed}
    columns = replace(
        lines.columns,
        totals=[*(new for kind, _, new in renamed if kind in TOTALS), *lines.columns.totals],
        extras=[*((kind, new) for kind, _, new in renamed if kind in ADDED), *lines.columns.extras],
    )
    return _Lines(replace(lines.rows, relation="beside"), columns, {**lines.behaves, **once}, order)


def _agreed(lines: _Lines, chosen: Reading, sums: Sequence[Sum]) -> Money:
    """The lines add up to a total of their orders: what it has besides them is known, too."""
    of_total: dict[str, Sum] = {}
    for each in sums:
        if each.reading == chosen:
            of_total.setdefault(each.total.name, each)
    widest = max(of_total.values(), key=lambda each: (len(each.extras), "subtotal" not in each.total.words))
    of_lines = [p for kind, p in widest.extras if kind == "discount" and not is_once(p, lines.behaves)]
    less = next((s.reading for s in sums if of_lines and s.reading.discount is of_lines[0]), chosen)
    if less != chosen:
        return _agreed(lines, less, sums)
    header: dict[str, Profile] = {}
    questions: list[Question] = []
    for kind, profile in widest.extras:
        role = HEADER_ROLES.get(kind)
        if kind in ("shipping", "discount") and role and role not in header and is_once(profile, lines.behaves):
            header[role] = own(profile)
        elif kind != "tax":
            questions.append(left_out(lines.amounts_of(profile), kind, profile))
    if is_once(widest.total, lines.behaves) and "tax" not in [kind for kind, _ in widest.extras]:
        header["total_amount"] = own(widest.total)  # of orders that have no lines
    used = [profile for _, profile in widest.extras] + [chosen.discount]
    questions += [left_out(lines.amounts_of(p), kind, p) for kind, p in lines.columns.extras if p not in used]
    fact = f"The sum of {chosen.words}{plus(widest)} is {own(widest.total).name} in {widest.orders:,} orders"
    return Money(_roles(chosen), header, chosen.discount, questions=questions, facts=[fact])


def _by_name(lines: _Lines, ways: Sequence[Reading]) -> Money:
    """No sum says what a line comes to: its name does, and the other readings are asked for."""
    rows, columns = lines.rows, lines.columns
    plain = [way for way in ways if way.discount is None]
    chosen, mine = plain[0], rows.total(plain[0].amount)[1]
    others = [(way.words, total) for way in plain[1:] if abs((total := rows.total(way.amount)[1]) - mine) > HALF_A_CENT]
    if chosen.column and not others and columns.quantities:  # it may be the price of a piece
        pieces = columns.quantities[0]
        total = rows.total(f"{chosen.amount} * {rows.value(pieces)}")[1]
        others = [(f"{pieces.name} * {chosen.words}", total)] if abs(total - mine) > HALF_A_CENT else []
    is_plain = chosen.price is not None and "unit" in chosen.price.words and not columns.line
    questions = []
    if others and not is_plain:
        answers = [f"{words}: {total:,.2f}" for words, total in [(chosen.words, mine), *others[:3]]]
        questions.append(Question("What does a line come to? No total of the orders says it", answers, "net_amount"))
    if of_order := [total for total in columns.totals if total.name.startswith(OF_HEADER)]:
        names = ", ".join(own(total).name for total in of_order)
        text = f"The lines ({chosen.words}) come to {mine:,.2f}, which is not {names} of the orders. What is missing?"
        answers = ["the lines count", "the totals of the orders count: take the order_lines out"]
        questions.append(Question(text, answers, "net_amount"))
    questions += [left_out(lines.amounts_of(profile), kind, profile) for kind, profile in columns.extras]
    return Money(_roles(chosen), questions=questions)


def _roles(reading: Reading) -> dict[str, Profile]:
    if reading.column:
        return {"net_amount": reading.column}
    assert reading.quantity
    assert reading.price
    return {"quantity": reading.quantity, "unit_price": reading.price}


def own(profile: Profile) -> Profile:
    """A column under its own name."""
    return replace(profile, name=profile.name.removeprefix(OF_HEADER))


def plus(found: Sum) -> str:
    """What comes to the lines in a total, in words."""
    return "".join(f" {'-' if ADDED[kind] < 0 else '+'} {own(profile).name}" for kind, profile in found.extras)


def left_out(rows: Rows, kind: str, profile: Profile) -> Question:
    """Ask for an amount beside the lines that is not mapped."""
    number, total = rows.filled(profile)
    answers = ["leave it out: the amounts stay as they are"]
    if kind == "tax":
        answers.append(f"it is in the amounts: take it out as tax_amount: {-total:,.2f}")
    elif role := HEADER_ROLES.get(kind):
        answers.append(f"it is not in the lines: add it as {role} of the order: {ADDED[kind] * abs(total):+,.2f}")
    else:
        answers.append(f"it is a part of the sales: add it as a line: {total:+,.2f}")
    name = own(profile).name
    return Question(f"{name} ({kind}, {number:,} rows, {total:,.2f}) is left out", answers, name)
