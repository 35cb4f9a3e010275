"""What each table that was found holds, and how it is to be loaded."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

import duckdb

from pipeline.base.catalog import input_contract
from pipeline.base.errors import UserError
from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.draft.company import guess_company
from pipeline.onboarding.draft.draft import Draft, Guess, Roles, is_named_in
from pipeline.onboarding.draft.guests import Guests, find_guests
from pipeline.onboarding.draft.money import with_money
from pipeline.onboarding.draft.roles import match_columns
from pipeline.onboarding.draft.tables import OF_CUSTOMER, OF_ORDER, SALES, assign, is_named, time_role
from pipeline.onboarding.evidence.lookups import find_lookups, with_lookups
from pipeline.onboarding.evidence.question import about_second_table
from pipeline.onboarding.evidence.relations import Link, find_links
from pipeline.onboarding.evidence.totals_rows import without_totals
from pipeline.onboarding.inspection import facts
from pipeline.onboarding.inspection.found import Found, Lookup, Place, first_time
from pipeline.onboarding.inspection.nested import NUMBER
from pipeline.onboarding.inspection.profile import Profile, profile_table
from pipeline.onboarding.recipes.recipes import with_recipes

ROWS_THAT_TELL = 1000
COLUMNS_NAMED = 12
"""Tables, and columns of each, that a message names."""
OF_PRODUCT = ("product_name", "department", "category", "brand")
PERSONAL = {"email", "phone", "first", "last", "address", "postcode", "city", "birth", "ip", "iban", "free"}
# Columns of the loaders that write raw schemas: when a row was read, and what else is theirs. None identifies a row.
LOADED_AT = ("_fivetran_synced", "_airbyte_extracted_at", "_airbyte_emitted_at", "_dlt_load_id")
OF_LOADERS = ("_fivetran_", "_airbyte_", "_ab_cdc_", "_dlt_")
OF_PERSONS = {"customer", "person", "billing", "shipping", "contact", "deliver"}


def guess(place: Place) -> Guess:
    """Guess what the tables of a place are.

    Raises
    ------
    UserError
        No table has sales, or none says when.
    """
    connection = place.connection
    tables = with_recipes(connection, [_looked_at(connection, found) for found in place.tables])
    links = find_links(connection, [(table.found, table.profiles) for table in tables])
    drafts = _with_second_tables(connection, _with_lookups(connection, tables, links))
    _check(drafts)
    drafts = [_described(connection, draft) for draft in drafts]
    drafts = with_money(connection, drafts)
    _check(drafts)  # orders without amounts are no orders
    drafts = _with_derived(drafts)
    _check(drafts)
    profiles = [(draft.found.rows, draft.profiles) for draft in sorted(drafts, key=_tells_currency)]
    known = next((value.strip("'") for d in drafts if (value := d.constants.get("currency"))), None)
    return Guess(drafts, guess_company(connection, profiles, known), _first_day(connection, drafts))


def _looked_at(connection: duckdb.DuckDBPyConnection, table: Found) -> Draft:
    profiles = profile_table(connection, table.rows)
    found, questions = without_totals(connection, table, profiles)
    profiles = profile_table(connection, found.rows) if questions else profiles
    return Draft(found, profiles, questions=questions)


def _with_lookups(connection: duckdb.DuckDBPyConnection, tables: Sequence[Draft], links: Sequence[Link]) -> list[Draft]:
    """Say what each table holds, with the names that others have for its numbers, such as those of categories."""
    drafts = assign(connection, tables, links)
    of_entity = [draft for draft in drafts if draft.entity and not _only_names(draft, drafts, links)]
    used = {draft.found.name: draft.recipe is None for draft in of_entity}
    looked = [(table.found, table.profiles) for table in tables]
    lookups = find_lookups(looked, used, links)
    looked_up = {each.table: (name, each) for name, listed in lookups.items() for each in listed}
    if not lookups:
        return drafts
    joined = [
        replace(table, found=found, profiles=profiles)
        for table in tables
        if table.found.name not in looked_up
        for found, profiles in [
            with_lookups(connection, looked, (table.found, table.profiles), lookups[table.found.name])
            if table.found.name in lookups
            else (table.found, table.profiles)
        ]
    ]
    kept = {*(draft.found.name for draft in joined)}
    assigned = assign(connection, joined, [link for link in links if {link.table, link.to} <= kept])
    by_name = {draft.found.name: draft for draft in assigned}
    return [by_name.get(table.found.name) or _lookup(table, *looked_up[table.found.name]) for table in tables]


def _with_second_tables(connection: duckdb.DuckDBPyConnection, drafts: Sequence[Draft]) -> list[Draft]:
    """Ask about tables that are not used, and would be sales if the others were not there."""
    unused = [draft for draft in drafts if not (draft.entity or draft.is_lookup or draft.recipe)]
    alone = {draft.found.name: assign(connection, [draft], [])[0].entity for draft in unused}
    second = {name: entity for name, entity in alone.items() if entity in SALES}
    home = next((draft for entity in SALES for draft in drafts if draft.entity == entity), None)
    if home is None or not second:
        return list(drafts)
    asked = [about_second_table(d.found.name, e, d.profiles[0].rows) for d in unused if (e := second.get(d.found.name))]
    text = f"{home.found.name} is the table of the sales"
    return [
        replace(draft, questions=[*draft.questions, *asked])
        if draft is home
        else replace(draft, dropped=[*draft.dropped, text])
        if draft.found.name in second
        else draft
        for draft in drafts
    ]


def _only_names(draft: Draft, drafts: Sequence[Draft], links: Sequence[Link]) -> bool:
    """Whether a table that looks like products or customers is the names of something else: such as countries."""
    names = [other.found.name for other in drafts]
    if draft.entity not in ("products", "customers") or is_named(draft.entity, draft.found.name, names):
        return False
    entities = {other.found.name: other.entity for other in drafts}
    naming = {entities[link.table] for link in links if link.to == draft.found.name} - {None}
    return bool(naming) and not naming & {*SALES}


def _lookup(table: Draft, name: str, lookup: Lookup) -> Draft:
    """A table that is landed to be joined, and has no entity."""
    text = f"it is a lookup of {name}: its {lookup.name} stands in place of {lookup.column}"
    found = replace(table.found, primary_key=[lookup.key])
    return replace(table, found=found, is_lookup=True, dropped=[*table.dropped, text])


def _described(connection: duckdb.DuckDBPyConnection, draft: Draft) -> Draft:
    """Add key, cursor, event time, personal columns, and what marks returns."""
    changed = [p.name for p in draft.profiles if "changed" in p.words and p.is_time and not p.formats]
    loaded = [p.name for name in LOADED_AT for p in draft.profiles if p.name.lower() == name]
    cursor = next(iter([*loaded, *changed]), None)
    deleted = next((p.name for p in draft.profiles if "deleted" in p.words and p.is_boolean), None)
    event_time = _event_time(draft)
    if event_time and draft.found.landed_column(event_time.name) != event_time.name:
        event_time = None
    key, draft = _key(connection, draft, cursor)
    if not key:
        cursor = deleted = None
    named = {*key, cursor, deleted, event_time.name if event_time else None}
    names = [p.name for p in draft.profiles if p.name not in named and _is_personal(p, draft.entity)]
    landed = [draft.found.landed_column(name) for name in names]
    personal = [name for name in dict.fromkeys(landed) if name and name not in named]
    draft = replace(draft, key=key, cursor=cursor, deleted=deleted, event_time=event_time, personal=personal)
    return replace(draft, guests=_guests(connection, draft))


def _guests(connection: duckdb.DuckDBPyConnection, draft: Draft) -> Guests | None:
    customer = draft.roles.get("source_customer_id")
    entity = "orders" if draft.entity == "order_lines" else draft.entity
    if customer is None or entity is None or input_contract()[entity]["columns"]["source_customer_id"][1]:
        return None  # there is no customer column, or every row needs one
    return find_guests(connection, draft.found.rows, customer, draft.roles.get("order_id"), draft.profiles)


def _event_time(draft: Draft) -> Profile | None:
    role = "ordered_at" if draft.entity == "order_lines" else draft.entity and time_role(draft.entity)
    if draft.recipe and not role:  # the entity needs no time, and the rows of the export have one
        named = " ".join(draft.constants.values())
        return next((p for p in draft.profiles if p.is_time and is_named_in(p.name, named)), None)
    if role and (value := draft.constants.get(role)):  # a date and a time, each in a column
        return next((p for p in draft.profiles if p.is_time and is_named_in(p.name, value)), None)
    return draft.roles.get(role) if role else None


def _key(connection: duckdb.DuckDBPyConnection, draft: Draft, cursor: str | None) -> tuple[list[str], Draft]:
    """The columns that identify a row, and the draft without a line number that does not."""
    if draft.found.primary_key or draft.entity is None or not draft.found.is_whole:
        return draft.found.primary_key, draft
    if draft.found.is_nested:
        return _key_of_nested(connection, draft), draft
    roles = [role for role in input_contract()[draft.entity]["key"] if role in draft.roles]
    names = [draft.roles[role].name for role in roles]
    is_natural = len(roles) == len(input_contract()[draft.entity]["key"])
    for columns in [names, [*names, cursor]] if cursor else [names]:
        if is_natural and facts.is_key(connection, draft.found.rows, columns, exact_repeats=True):
            return names, draft
    if "line_number" in draft.roles:
        column = draft.roles["line_number"].name
        others = {role: profile for role, profile in draft.roles.items() if role != "line_number"}
        dropped = [*draft.dropped, f"{column} looked like the line's number, but repeats within an order"]
        draft = replace(draft, roles=others, dropped=dropped)
    known = {profile.name for profile in draft.roles.values()} if draft.entity == "order_lines" else set()
    single = [
        p
        for p in draft.profiles
        if "id" in p.words
        and p.is_full
        and p.distinct == p.rows
        and p.name not in known
        and not p.name.lower().startswith(OF_LOADERS)
    ]
    if single:
        return [single[0].name], draft
    product = draft.roles.get("product_id")
    order = draft.roles.get("order_id")
    if draft.entity != "order_lines" or not (product and order) or not _is_telling(order):
        return [], draft
    pair = [order.name, product.name]
    return (pair, draft) if facts.is_key(connection, draft.found.rows, pair) else ([], draft)


def _key_of_nested(connection: duckdb.DuckDBPyConnection, draft: Draft) -> list[str]:
    """The order's number, where no two landed rows have the same."""
    order = draft.roles.get("order_id")
    if order is None or draft.found.landed_column(order.name) != order.name:
        return []
    name = sql.identifier(order.name)
    query = f"select count(*) filter ({NUMBER} = 1), count(distinct {name}) from {draft.found.rows}"
    landed, orders = facts.ask(connection, query)
    return [order.name] if landed == orders and order.is_full else []


def _is_telling(order: Profile) -> bool:
    """Whether so many orders have several lines that a product twice in an order would have been seen."""
    return order.rows >= ROWS_THAT_TELL and order.distinct < order.rows * 0.8


def _is_personal(profile: Profile, entity: str | None) -> bool:
    if profile.is_time and "birth" not in profile.words:
        return False
    if profile.is_email or profile.is_phone:
        return True
    words = {*profile.words}
    if (
        profile.is_boolean
        or (profile.is_number and not words & {"phone", "postcode", "birth"})
        or "id" in words - PERSONAL
    ):
        return False
    says_who = words & PERSONAL or ("name" in words and (words & OF_PERSONS or entity == "customers"))
    return bool(says_who) and not words & {"product", "campaign"}


def _with_derived(drafts: Sequence[Draft]) -> list[Draft]:
    """Add entities that no table has of its own, but that are written on the lines or orders."""
    there = {draft.entity for draft in drafts}
    home = "order_lines" if "order_lines" in there else "orders"
    found = [replace(draft, derived=_derived(draft, there)) if draft.entity == home else draft for draft in drafts]
    return [_without_header(draft) if draft.entity == "order_lines" and "orders" in there else draft for draft in found]


def _without_header(lines: Draft) -> Draft:
    """Lines without what they say of their orders, which have a table of their own."""
    own = {*input_contract()["order_lines"]["columns"], *(role for roles in lines.derived.values() for role in roles)}
    roles = {role: profile for role, profile in lines.roles.items() if role in own}
    return replace(lines, roles=roles, constants={role: v for role, v in lines.constants.items() if role in own})


def _derived(draft: Draft, there: set[str | None]) -> dict[str, Roles]:
    derived = dict(draft.derived)
    roles = draft.roles
    if "orders" not in there and draft.entity == "order_lines":
        own = {role: roles[role] for role in ("order_id", *OF_ORDER, "status") if role in roles}
        derived["orders"] = {**own, **derived.get("orders", {})}
    if "products" not in there and "product_id" in roles:
        taken = {p.name for role, p in roles.items() if role in ("product_id", "order_id", "source_customer_id")}
        found = match_columns("products", [p for p in draft.profiles if p.name not in taken])
        if columns := {role: found[role] for role in OF_PRODUCT if role in found}:
            derived["products"] = {"product_id": roles["product_id"], **columns}
    if "customers" not in there and "source_customer_id" in roles:
        customer = roles["source_customer_id"]
        others = [p for p in draft.profiles if p not in (roles.get("product_id"), roles.get("order_id"))]
        found = match_columns("customers", others)
        columns = {role: found[role] for role in OF_CUSTOMER if role in found and found[role].words != ["name"]}
        columns |= {"email": customer} if customer.is_email else {}
        columns |= {"full_name": customer} if "name" in customer.words else {}
        if columns:
            derived["customers"] = {"source_customer_id": customer, **columns}
    return derived


def _check(drafts: Sequence[Draft]) -> None:
    if not drafts:
        raise UserError("Nothing was written: no file or sheet has a heading and rows below it. Name one that has.")
    if not any(draft.entity for draft in drafts):
        listed = _columns_of(drafts)
        raise UserError(
            "Nothing was written: no table was recognised as orders or lines of orders, which need a number of the "
            f"order (or customer and time), a time, and an amount (or quantity and price). Found: {listed}. Give the "
            "columns names that say what they are, or write the source by hand (docs/adding_a_source.md)."
        )
    lines = next((draft for draft in drafts if draft.entity == "order_lines"), None)
    if (
        lines
        and not any(draft.entity == "orders" for draft in drafts)
        and "ordered_at" not in {*lines.roles, *lines.constants}
    ):
        raise UserError(
            f"Nothing was written: table '{lines.found.name}' has lines of orders, and no column says when they were "
            f"ordered. It has: {', '.join(p.name for p in lines.profiles)}. Add the table of the orders, or the column."
        )
    if not {*SALES} & {draft.entity for draft in drafts} and all(
        draft.entity in (None, "customers", "products") for draft in drafts
    ):
        listed = _columns_of(drafts)
        raise UserError(
            "Nothing was written: no table was recognised as orders or lines of orders, which need a number of the "
            f"order (or customer and time), a time, and an amount (or quantity and price). Found: {listed}. Customers "
            "and products alone say nothing yet: add the file of the orders."
        )


def _columns_of(drafts: Sequence[Draft]) -> str:
    """The tables and their columns, as far as a sentence can name them."""
    named = []
    for draft in drafts[:COLUMNS_NAMED]:
        names = [profile.name for profile in draft.profiles]
        more = f" and {len(names) - COLUMNS_NAMED:,} more" if len(names) > COLUMNS_NAMED else ""
        named.append(f"{draft.found.name}: {', '.join(names[:COLUMNS_NAMED])}{more}")
    more = f"; and {len(drafts) - COLUMNS_NAMED:,} more tables" if len(drafts) > COLUMNS_NAMED else ""
    return "; ".join(named) + more


def _tells_currency(draft: Draft) -> int:
    """What is sold is in the company's currency before anything else is; a table of rates names many."""
    return next((place for place, entity in enumerate((*SALES, "payments")) if draft.entity == entity), len(SALES) + 1)


def _first_day(connection: duckdb.DuckDBPyConnection, drafts: Sequence[Draft]) -> date:
    """The first day of the month in which anything happened first, or was changed first."""
    times = [
        (draft, profile)
        for draft in drafts
        for profile in draft.profiles
        if profile.name == draft.cursor or profile == draft.event_time or _dates_another(draft, profile)
    ]
    firsts = [first for draft, profile in times if (first := _first_time(connection, draft, profile))]
    first = min(firsts, default=datetime(2000, 1, 1))  # noqa: DTZ001 - local time of the source
    return date(first.year, first.month, 1)


def _dates_another(draft: Draft, profile: Profile) -> bool:
    """Whether a column is the time of an entity that the rows tell of beside their own."""
    values = [told.columns.get(time_role(entity) or "", "") for entity, told in draft.also.items()]
    return profile.is_time and any(is_named_in(profile.name, value) for value in values)


def _first_time(connection: duckdb.DuckDBPyConnection, draft: Draft, profile: Profile) -> datetime | None:
    if draft.found.earliest and not profile.formats:
        return first_time(draft.found.earliest(profile.name))
    value = sql.instant(profile)
    query = f"select min({value}) filter ({value} >= timestamp '1900-01-01') from {draft.found.rows}"
    return first_time(facts.ask(connection, query)[0])
