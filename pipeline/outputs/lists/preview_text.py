"""A preview as a person reads it, and as a program does."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from pipeline.base.numbers import amount_text, counted
from pipeline.outputs.lists.preview import Preview

Test = Mapping[str, Any]
GOOD = 0.8
WIDTH = 52
SHOWN_REASONS = 4


def as_json(preview: Preview, test: Test | None) -> str:
    """Return a preview as JSON: amounts are texts, dates are ISO."""
    campaign = preview.campaign
    content = {
        **{name: value for name, value in asdict(preview).items() if name != "campaign"},
        "campaign": campaign.name,
        "is_active": campaign.is_active(preview.as_of),
        "cost": preview.cost,
        "test": test,
    }
    return json.dumps(content, indent=2, ensure_ascii=False, default=str)


def as_text(preview: Preview, test: Test | None) -> str:
    """Return a preview as lines of text."""
    return "\n".join(
        [*_head(preview), "", *_waterfall(preview), "", *_expected(preview), *_test(preview, test), "", *_rows(preview)]
    )


def _head(preview: Preview) -> Iterator[str]:
    campaign = preview.campaign
    yield f"{campaign.name}: {campaign.definition}"
    yield f"Release {preview.release_id}, priority {campaign.priority}, by {campaign.channels_in_words}. Not written."
    if not campaign.is_active(preview.as_of):
        days = " ".join(
            f"{word} {day}" for word, day in (("from", campaign.starts), ("until", campaign.ends)) if day is not None
        )
        yield f"It is out of its dates ({days}), and chooses nobody as of {preview.as_of}: shown as if they held."


def _waterfall(preview: Preview) -> Iterator[str]:
    yield f"  {'All customers':<{WIDTH}}{preview.customers:>12,}"
    for step in preview.steps:
        if step.group == "on the list":
            continue
        yield f"  - {step.group:<{WIDTH - 2}}{step.customers:>12,}{step.left:>12,}"
        if len(step.reasons) > 1:
            for reason, number in step.reasons[:SHOWN_REASONS]:
                yield f"      {_cut(reason):<{WIDTH - 4}}{number:>8,}"
    yield f"  {'= On the list':<{WIDTH}}{preview.contacts:>12,}"


def _expected(preview: Preview) -> Iterator[str]:
    campaign, evidence = preview.campaign, preview.evidence
    cost = preview.cost
    yield "Cost       " + (
        "unknown: the file has no unit_cost." if cost is None else f"{_money(preview, cost)} for {_contacts(preview)}."
    )
    known = f"by {counted(evidence.campaigns, 'earlier campaign')} with the objective {campaign.objective}"
    if evidence.response_rate is None:
        yield f"Response   unknown: no earlier campaign has the objective {campaign.objective}."
    else:
        yield f"Response   {evidence.response_rate * preview.contacts:,.0f} ({evidence.response_rate:.1%}), {known}."
    yield from _worth(preview)
    if evidence.margin is None:
        yield "Margin     unknown: no such campaign was judged against a control group."
    else:
        caused = evidence.margin * preview.contacts
        after = "" if cost is None else f", {_money(preview, caused - cost)} after the cost"
        certain = (
            f"{evidence.certain} of them with a certain effect" if evidence.certain else "none with a certain effect"
        )
        yield f"Margin     {_money(preview, caused)} caused{after}, {known}; {certain}."
    for number, learning in enumerate(evidence.learnings):
        yield f"{'' if number else 'Learned':<11}{_learned(learning)}"


def _worth(preview: Preview) -> Iterator[str]:
    worth = preview.worth
    if worth.margin is not None:
        days = preview.campaign.horizon_days
        yield f"Worth      {_money(preview, worth.margin)} of margin is expected of them within {days} days anyway."
    if worth.break_even is not None and worth.margin_per_purchase is not None:
        yield (
            f"           It pays where {_points(worth.break_even)} more of them buy, at "
            f"{_money(preview, worth.margin_per_purchase)} of margin each."
        )


def _test(preview: Preview, test: Test | None) -> Iterator[str]:
    campaign = preview.campaign
    held = f"{counted(preview.control, 'customer')} held back"
    if not preview.contacts:
        yield "Test       nobody would be contacted."
    elif test is None:
        yield f"Test       {held}. Whether they are enough is unknown: too few customers have a score."
    elif not campaign.held_share and not campaign.strata:
        yield "Test       nobody is held back, so that the effect cannot be measured."
    else:
        yield f"Test       {held}; {preview.purchase_rate:.1%} buy within {campaign.horizon_days} days anyway."
        yield f"           {_points(test['minimum_effect'])} more are found with a chance of {test['power']:.0%}."
        yield f"           {_advice(preview, test)}"
        if test["power"] < GOOD and test["customers_needed"]:
            runs = -(-test["customers_needed"] // (preview.contacts + preview.control))
            enough = f"{counted(test['customers_needed'], 'customer')} are enough: {counted(runs, 'run')}"
            yield f"           With {campaign.held_share:.0%} held back, {enough} like this one, judged together."
        yield f"           {_advice_on_margin(test, preview.control)}"


def _advice(preview: Preview, test: Test) -> str:
    detectable, needed = test["detectable_effect"], test["control_needed"]
    if test["is_admitted"]:
        return f"That is enough; {counted(needed, 'customer')} held back would be, too."
    found = f"With 80 %, {_points(detectable)} are." if detectable else "No effect would be."
    if test["power"] >= GOOD:
        found = "Too few of those held back buy for a verdict."
    if needed is None:
        return f"{found} Not even half of these held back are enough: expect no verdict of this run alone."
    share = needed / (preview.contacts + preview.control)
    return f"{found} Hold back {counted(needed, 'customer')} ({share:.0%}) for the effect that you want to find."


def _advice_on_margin(test: Test, control: int) -> str:
    needed = test["control_for_mean"]
    if needed is None:
        return "Too few buy for the plain mean of their margin: a customer's margin will count up to a cap."
    if control >= needed:
        return "That is enough for the plain mean of the margin, too."
    return (
        f"For the plain mean of the margin hold back {counted(needed, 'customer')}; with fewer it counts up to a cap."
    )


def _learned(learning: Test) -> str:
    chance = learning["adjusted_p_value"]
    rate = "" if chance is None else f", false discovery rate {chance:.0%}"
    offer = f" ({learning['offer']})" if learning["offer"] else ""
    said = f"{learning['campaign_id']}{offer}: {learning['finding']}"
    return f"{said} [{learning['evidence']}{rate}, valid until {learning['valid_until']}]"


def _rows(preview: Preview) -> Iterator[str]:
    yield f"The first {len(preview.examples)} on the list"
    for row in preview.examples:
        facts = [row[name] for name in ("segment_name", "tier", "lifecycle_stage") if row[name]]
        last = [f"last purchase {row['last_order_date']}"] if row["last_order_date"] else []
        reason = _cut(row["reason"].split(": ", 1)[1])
        yield f"  {row['list_rank']:>3}  {row['customer_id']}  {reason}; {', '.join([*facts, *last])}"


def _contacts(preview: Preview) -> str:
    return counted(preview.contacts, "contact")


def _money(preview: Preview, amount: Decimal) -> str:
    return f"{amount_text(amount, preview.currency)} {preview.currency}"


def _points(effect: float) -> str:
    return f"{effect * 100:.1f} percentage points"


def _cut(text: str) -> str:
    return text if len(text) <= WIDTH - 6 else f"{text[: WIDTH - 7]}…"
