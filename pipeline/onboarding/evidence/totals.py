"""What an order comes to that has no lines: the total that the other columns add up to, or the one that is named so."""

from collections.abc import Sequence

from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.evidence.amounts import ADDED, Columns, Reading, Rows, Sum, agreeing, is_quantity, kind_of
from pipeline.onboarding.evidence.lines import HALF_A_CENT, HEADER_ROLES, TOTALS, Money, left_out, plus
from pipeline.onboarding.evidence.question import Question
from pipeline.onboarding.inspection.profile import Profile


def money_of_orders(rows: Rows, order: Profile, profiles: Sequence[Profile], sold: str) -> Money:
    """Decide what an order comes to.

    Parameters
    ----------
    sold
        SQL of the rows that are sales.
    """
    kinds = [(kind_of(profile), profile) for profile in profiles if profile is not order]
    candidates = sorted((p for kind, p in kinds if kind in TOTALS), key=_rank)
    if not candidates:
        return _priced(rows, profiles)
    extras = [(str(kind), p) for kind, p in kinds if kind in ADDED and not rows.is_share(p)]
    ways = [Reading(p.name, rows.value(p), column=p) for p in candidates]
    columns = Columns(candidates, [], [], candidates, extras)
    sums = agreeing(rows, sql.identifier(order.name), ways, columns, {})
    wide = [each for each in sums if each.extras and kind_of(each.total) in ("amount", "paid", "net")]
    if wide:
        best = max(wide, key=lambda each: (len(each.extras), -candidates.index(each.total)))
        return _formula(rows, best, extras)
    return _by_name(rows, candidates, extras, sold)


def _rank(profile: Profile) -> tuple[int, bool, int]:
    words = {*profile.words}
    return TOTALS.index(str(kind_of(profile))), "grand" not in words, len(words - {"order", "grand"})


def _priced(rows: Rows, profiles: Sequence[Profile]) -> Money:
    """A price is all that there is."""
    prices = [profile for profile in profiles if kind_of(profile) == "price"]
    if not prices:
        return Money()
    price = prices[0]
    answers = [f"{price.name}: {rows.total(rows.value(price))[1]:,.2f}"]
    for pieces in [profile for profile in profiles if is_quantity(profile)][:1]:
        total = rows.total(f"{rows.value(pieces)} * {rows.value(price)}")[1]
        answers.append(f"{pieces.name} * {price.name}: {total:,.2f}")
    text = f"No column is called a total: the order comes to {price.name}"
    return Money(header={"total_amount": price}, questions=[Question(text, answers, "total_amount")])


def _formula(rows: Rows, found: Sum, extras: Sequence[tuple[str, Profile]]) -> Money:
    """A total is another column and what comes to it."""
    header = {"total_amount": found.total}
    questions = []
    for kind, profile in found.extras:
        role = HEADER_ROLES.get(kind)
        if role and role not in header:
            header[role] = profile
        else:
            questions.append(left_out(rows, kind, profile))
    used = [profile for _, profile in found.extras]
    questions += [_within(rows, kind, p, found.total) for kind, p in extras if p not in used]
    fact = f"{found.reading.words}{plus(found)} is {found.total.name} in {found.orders:,} orders"
    return Money({}, header, None, "tax_amount" in header, questions, [fact])


def _by_name(rows: Rows, candidates: Sequence[Profile], extras: Sequence[tuple[str, Profile]], sold: str) -> Money:
    chosen, *rest = candidates
    mine = rows.total(rows.value(chosen), sold)[1]
    others = [(p, total) for p in rest if abs((total := rows.total(rows.value(p), sold)[1]) - mine) > HALF_A_CENT]
    questions = []
    if others:
        answers = [f"{profile.name}: {total:,.2f}" for profile, total in [(chosen, mine), *others[:3]]]
        text = f"Which column is the order's total? {chosen.name} is taken"
        questions.append(Question(text, answers, "total_amount"))
    questions += [_within(rows, kind, profile, chosen) for kind, profile in extras]
    return Money(header={"total_amount": chosen}, questions=questions)


def _within(rows: Rows, kind: str, profile: Profile, total: Profile) -> Question:
    """Ask whether an amount is in the total."""
    number, amount = rows.filled(profile)
    beside = f"beside it: {ADDED[kind] * abs(amount):+,.2f}"
    answers = ["in it: nothing changes", beside]
    if kind in ("tax", "tip", "fee"):
        answers = [
            "in it, and counted: nothing changes",
            f"in it, and no sale: {-amount:,.2f}",
            "beside it: nothing changes",
        ]
    text = f"Is {profile.name} ({kind}, {number:,} orders, {amount:,.2f}) in {total.name}, or beside it?"
    return Question(text, answers, profile.name)
