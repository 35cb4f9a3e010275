"""What the page says of a campaign list: the waterfall, its first members, and whether it may be sent."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pipeline.base.numbers import counted
from pipeline.onboarding.first_look.facts import CampaignList
from pipeline.outputs.figures import sentence


def campaign_view(campaign: CampaignList, amount: Callable[[Decimal | None], str]) -> dict[str, Any]:
    """Return what the template shows of a list; `amount` writes amounts."""
    left, steps = campaign.customers, []
    total = campaign.customers or 1
    for text, number in campaign.steps:
        left -= number
        steps.append(
            {"text": sentence(text).removesuffix("."), "number": f"{number:,}", "left": round(left / total * 100, 1)}
        )
    chosen = counted(campaign.included, "customer")
    if not campaign.included:
        verdict = "Nobody is in the list."
    elif campaign.has_consents:
        verdict = f"{chosen} may be written to, by {campaign.channels}."
    else:
        verdict = (
            f"Nobody may be written to yet: the files do not say what customers allow. {chosen} would be in the list; "
            "ask them, or add the file of consents, before anything is sent."
        )
    return {
        "name": campaign.name,
        "definition": campaign.definition,
        "verdict": verdict,
        "may_be_sent": campaign.has_consents and campaign.included > 0,
        "customers": f"{campaign.customers:,}",
        "steps": steps,
        "last": "In the list" if campaign.has_consents else "Would be in the list, if they allow it",
        "included": f"{campaign.included:,}",
        "share": round(campaign.included / total * 100, 1),
        "has_stake": any(member.at_stake is not None for member in campaign.members),
        "members": [
            {
                "customer": member.customer,
                "reason": member.reason,
                "last": member.last_purchase or "",
                "stake": amount(member.at_stake),
            }
            for member in campaign.members
        ],
    }
