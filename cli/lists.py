"""Campaign lists: export them, hand them over, preview a campaign, say why somebody is in or out."""

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.environment import active, every, known_campaigns, up_to_date
from pipeline.base.errors import UserError

if TYPE_CHECKING:
    from pipeline.outputs.lists.preview import Preview

FORMATS = ("text", "json")
CampaignName = Annotated[
    str,
    typer.Argument(
        metavar="CAMPAIGN",
        help="A campaign in campaigns/, or the path of a file like those.",
        autocompletion=known_campaigns,
    ),
]

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def lists(context: typer.Context) -> None:
    """Export the campaign lists, without those who said no since.

    `preview` shows what a campaign would do, `why` says why somebody is in or out, and `check` whether a list may still
    be used: they write nothing. `push` hands a list over to a sending tool.
    """
    from pipeline.base.lock import run_lock
    from pipeline.outputs.lists import export_lists

    if context.invoked_subcommand is not None:
        return
    settings = active() if os.environ.get("CRM_SOURCES") else every()
    with run_lock(settings, "make lists"):
        for path in export_lists(settings):
            print(path)


@app.command()
def preview(
    campaign: CampaignName,
    shape: Annotated[str, typer.Option("--format", metavar="text|json", help="How to print it.")] = "text",
) -> None:
    """Show what a campaign would do, and write nothing.

    On the published release, and by its file as it is now: the waterfall from all customers to the list, the first
    twenty customers, cost, what earlier campaigns brought, and whether the test can find the effect.
    """
    from pipeline.outputs.lists.preview import preview as judge
    from pipeline.outputs.lists.preview_text import as_json, as_text

    if shape not in FORMATS:
        raise UserError(f"FORMAT is '{shape}': give {' or '.join(FORMATS)}.")
    found = judge(up_to_date(), campaign)
    print(as_json(found, _test(found)) if shape == "json" else as_text(found, _test(found)))


@app.command()
def why(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="A customer_id of the release.")],
    campaign: CampaignName,
) -> None:
    """Say why a customer is on a list, or not."""
    from pipeline.outputs.lists.why import why as explain

    print(explain(up_to_date(), customer, campaign))


ListName = Annotated[
    str,
    typer.Argument(
        metavar="LIST",
        help="A campaign of the published release, or the path of a list's file.",
        autocompletion=known_campaigns,
    ),
]


@app.command()
def check(name: ListName) -> None:
    """Say whether an exported list may still be used.

    It may not if it was changed, has expired, is of an earlier release, or something has landed since.
    """
    from pipeline.outputs.lists.verify import check_list

    print(check_list(up_to_date(), name))


@app.command()
def push(
    name: ListName,
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="A folder, or an address such as sftp://host/folder.")
    ],
) -> None:
    """Hand an exported list over to a sending tool.

    Its CSV file and its manifest are copied to a folder.
    """
    from pipeline.base.lock import run_lock
    from pipeline.outputs.lists.handover import hand_over

    settings = every()
    with run_lock(settings, "perennial lists push"):
        for path in hand_over(settings, name, address):
            print(path)


def _test(found: "Preview") -> dict[str, Any] | None:
    """What the test of the campaign can find; None where it is not known how many buy anyway."""
    from mining.effects.power import control_for_mean, control_needed, detectable_effect, is_admitted, power
    from pipeline.campaigns.arms import customers_needed

    rate, effect = found.purchase_rate, float(found.campaign.minimum_effect)
    if rate is None:
        return None
    return {
        "minimum_effect": effect,
        "power": power(found.contacts, found.control, rate, effect),
        "is_admitted": is_admitted(found.contacts, found.control, rate, effect),
        "detectable_effect": detectable_effect(found.contacts, found.control, rate),
        "control_needed": control_needed(found.contacts + found.control, rate, effect),
        "control_for_mean": control_for_mean(found.contacts + found.control, rate),
        "customers_needed": customers_needed(float(found.campaign.held_share), rate, effect),
    }
