"""What was understood of the files, in sentences."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.base.catalog import input_contract
from pipeline.base.numbers import counted
from pipeline.onboarding.draft.draft import Draft, is_named_in
from pipeline.onboarding.first_look.look import Look
from pipeline.onboarding.trial.dry_run import Fate

ENTITIES = {
    "returns": "what came back: returns are seen only where an order is negative",
    "consents": "what customers allow: nobody may be written to on these files alone",
    "costs": "what was spent on marketing, selling and service, so that values are before these costs",
    "cases": "complaints and service",
    "survey_responses": "satisfaction",
    "campaign_contacts": "whom campaigns reached, so that no effect can be measured",
}
"""Entities of the contract whose lack a reader notices, and what is then not known."""


@dataclass(frozen=True)
class TableMap:
    """A table, what its rows are, and which column is which of the input contract."""

    name: str
    rows: int
    entities: Sequence[str]
    columns: Sequence[tuple[str, str]]
    unused: Sequence[str]


def understood(look: Look) -> list[tuple[str, str]]:
    """What a customer, an order, a return, an amount and a day are: a word, and a sentence."""
    sales = [draft for draft in look.guess.drafts if {"orders", "order_lines"} & {*draft.entities}]
    return [
        ("Customer", _customer(look, sales)),
        ("Order", _order(sales)),
        ("Return", _return(look, sales)),
        ("Currency", _currency(look)),
        ("Days", _days(look)),
    ]


def _column(drafts: Sequence[Draft], role: str) -> tuple[Draft, str] | None:
    for draft in drafts:
        for roles in (draft.roles, *draft.derived.values()):
            if role in roles:
                return draft, roles[role].name
    return None


def _customer(look: Look, sales: Sequence[Draft]) -> str:
    found = _column(sales, "source_customer_id")
    if found is None:
        return "No column says who bought. Sales are counted, and nothing is said of customers."
    draft, column = found
    profile = draft.roles.get("source_customer_id")
    text = f"{draft.found.name}, column {column}."
    if look.plan.providers.get("customers"):
        text += " Records with the same e-mail, phone or address, and names that agree, are one customer."
    if profile and not profile.is_full:
        text += f" {counted(profile.rows - profile.filled, 'row')} without one are sales without a customer."
    return text


def _order(sales: Sequence[Draft]) -> str:
    found = _column(sales, "order_id")
    if found is None:
        return "No column has an order's number: each row is an order of its own."
    lines = any(draft.entity == "order_lines" for draft in sales)
    text = f"{found[0].found.name}, column {found[1]}"
    return f"{text}; rows with one number are its lines." if lines else f"{text}; one row is one order."


def _return(look: Look, sales: Sequence[Draft]) -> str:
    marks = [draft.mark for draft in sales if draft.mark]
    if marks:
        return f"{counted(marks[0].rows, 'row')} where {marks[0].words}."
    if look.plan.providers.get("returns"):
        return "The files have returns of their own."
    return "Nothing in the files marks a return."


def _currency(look: Look) -> str:
    company = look.guess.company
    if company.currency_from is None:
        return "Not said anywhere, so that amounts stand without one."
    return f"{company.currency}, because {company.currency_from}."


def _days(look: Look) -> str:
    company, plan = look.guess.company, look.plan
    zone = (
        f"in the time zone {company.time_zone}, because {company.time_zone_from}"
        if company.time_zone_from
        else "as they are written: no time zone is known"
    )
    return f"{plan.first_event_date} to {plan.as_of_date}, {zone}."


def tables(look: Look) -> list[TableMap]:
    """Return the tables, and their columns by the input contract."""
    return [_table(look, draft) for draft in look.guess.drafts]


def _table(look: Look, draft: Draft) -> TableMap:
    mapped = {draft.entity: draft.roles, **draft.derived} if draft.entity else draft.derived
    columns = [
        (f"{entity}.{role}", profile.name) for entity, roles in mapped.items() for role, profile in roles.items()
    ]
    columns += [
        (f"{entity}.{role}", profile.name)
        for entity, told in draft.also.items()
        for role, value in told.columns.items()
        for profile in draft.profiles
        if is_named_in(profile.name, value)
    ]
    rows = look.outcome.received.get(draft.found.name, draft.profiles[0].rows if draft.profiles else 0)
    return TableMap(draft.found.name, rows, draft.entities, columns, draft.unused)


def left_out(look: Look) -> list[Fate]:
    """Return the rows that are not accepted, by reason."""
    return [fate for fate in look.outcome.fates if fate.fate != "accepted"]


def fate_text(fate: Fate) -> str:
    """Return what became of some rows, and why."""
    if fate.fate == "unaccounted":
        return f"rows of {fate.reason} that the draft does not use"
    of = f" of {fate.entity}" if fate.entity else ""
    return f"{fate.fate}{of}" + (f": {fate.reason}" if fate.reason else "")


def not_known(look: Look) -> list[str]:
    """Return what no file says."""
    contract = input_contract()
    missing = [text for entity, text in ENTITIES.items() if entity in contract and not look.plan.providers.get(entity)]
    unused = [draft.found.name for draft in look.guess.drafts if draft.entity is None]
    too_many = ["There are more orders than a first look scores: what each customer is worth comes with a build."]
    sentences = [f"The files do not say {text}." if text.startswith("what") else f"The files say nothing of {text}."
                 for text in missing]  # fmt: skip
    if unused:
        sentences.append(f"Not used, because the columns fit no part of the contract: {', '.join(unused)}.")
    if look.guess.company.currency_from is None:
        sentences.append("The currency is in none of the columns, names or symbols.")
    return [*sentences, *(too_many if look.is_large else [])]
