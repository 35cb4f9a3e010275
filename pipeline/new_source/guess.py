"""What each table that was found holds, and how it is to be loaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

import duckdb

from pipeline.errors import UserError
from pipeline.new_source import expressions as sql
from pipeline.new_source import facts
from pipeline.new_source.company import Company, guess_company
from pipeline.new_source.contract import read_contract
from pipeline.new_source.facts import Mark
from pipeline.new_source.found import Found, Place, first_time
from pipeline.new_source.guests import Guests, find_guests
from pipeline.new_source.profile import Profile, profile_table
from pipeline.new_source.roles import match_columns, missing
from pipeline.new_source.words import words_of

# Names of tables, in ideas (pipeline.new_source.words).
TABLE_NAMES: dict[str, tuple[str, ...]] = {
    "order_lines": ("order line", "line", "order product", "order line product"),
    "orders": ("order",),
    "customers": ("customer", "account"),
    "products": ("product",),
    "payments": ("payment",),
    "returns": ("return", "cancel", "order cancel"),
    "campaigns": ("campaign",),
    "campaign_contacts": ("campaign contact", "recipient", "campaign recipient"),
    "campaign_responses": ("campaign response", "response", "campaign redemption", "redemption"),
    "subscriptions": ("subscription",),
    "contacts": ("contact",),
    "cases": ("case",),
    "survey_responses": ("survey response", "survey", "response survey"),
    "consents": ("consent",),
    "web_events": ("web event", "event", "pageview", "click"),
    "opportunities": ("opportunity",),
    "costs": ("cost",),
    "fx_rates": ("fx rate", "exchange rate", "currency rate"),
}
# What a table may be by its columns alone.
BY_COLUMNS = ("order_lines", "orders", "customers", "products")
OF_CUSTOMER: tuple[str, ...] = (
    "given_name",
    "family_name",
    "full_name",
    "email",
    "phone",
    "loyalty_id",
    "street",
    "city",
    "postcode",
)
OF_CUSTOMER = (*OF_CUSTOMER, "country", "birth_date")
ROWS_THAT_TELL = 1000
OF_PRODUCT = ("product_name", "department", "category", "brand")
OF_ORDER = ("source_customer_id", "channel", "status", "currency", "campaign_id", "ordered_at")
PERSONAL = {"email", "phone", "first", "last", "address", "street", "postcode", "city", "birth", "ip", "iban", "free"}
Roles = dict[str, Profile]


@dataclass(frozen=True)
class Draft:
    """A table, and what is guessed about it.

    Attributes
    ----------
    entity
        What its rows are; None where that is not known.
    roles
        Contract columns of the entity, each with its column.
    derived
        Entities that are grouped from the same rows, with their columns.
    key, cursor, deleted, event_time, personal
        As in the yml; an empty key is `position`.
    mark
        What marks the rows that are returns.
    line_types
        Line types, with the products that stand for them: (product, name).
    guests
        The rows of guests, whose customer is null.
    dropped
        What was thought of a column first, and why not: sentences.
    """

    found: Found
    profiles: list[Profile]
    entity: str | None = None
    roles: Roles = field(default_factory=dict)
    derived: dict[str, Roles] = field(default_factory=dict)
    key: list[str] = field(default_factory=list)
    cursor: str | None = None
    deleted: str | None = None
    event_time: Profile | None = None
    personal: list[str] = field(default_factory=list)
    mark: Mark | None = None
    line_types: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    guests: Guests | None = None
    dropped: list[str] = field(default_factory=list)

    @property
    def has_comma(self) -> bool:
        """Whether the table writes its numbers as 1.249,00."""
        return any(profile.has_comma for profile in self.profiles)

    @property
    def load(self) -> str:
        """As in the yml."""
        if self.found.is_series:
            return "append"
        is_server = "query_table" in self.found.options
        return "upsert" if is_server and self.key and self.cursor else "snapshot"

    @property
    def has_order_number(self) -> bool:
        """Whether lines say which order they belong to."""
        return "order_id" in self.roles

    @property
    def content(self) -> list[str]:
        """The columns that tell rows apart: those that are not personal, which may be erased."""
        return [profile.name for profile in self.profiles if profile.name not in self.personal]


@dataclass(frozen=True)
class Guess:
    """All that is guessed about a source."""

    drafts: list[Draft]
    company: Company
    first_day: date

    def draft_of(self, entity: str) -> Draft | None:
        """The table that has an entity, if one has it."""
        return next((draft for draft in self.drafts if entity in (draft.entity, *draft.derived)), None)


def guess(place: Place) -> Guess:
    """Guess what the tables of a place are.

    Raises
    ------
    UserError
        No table has sales, or none says when.
    """
    connection = place.connection
    tables = [Draft(found, profile_table(connection, found.rows)) for found in place.tables]
    drafts = _assign(connection, tables)
    has_header = any(draft.entity == "orders" for draft in drafts)
    drafts = [_described(connection, draft, has_header) for draft in drafts]
    drafts = _with_derived(drafts)
    _check(drafts)
    profiles = [(draft.found.rows, draft.profiles) for draft in drafts]
    return Guess(drafts, guess_company(connection, profiles), _first_day(connection, drafts))


def _assign(connection: duckdb.DuckDBPyConnection, tables: Sequence[Draft]) -> list[Draft]:
    """Give each table its entity; of several tables that could be one entity, the likeliest gets it."""
    candidates = [
        (points, -number, entity)
        for number, table in enumerate(tables)
        for entity in TABLE_NAMES
        if (points := _points(connection, entity, table)) > 0
    ]
    chosen: dict[int, str] = {}
    for _, place, entity in sorted(candidates, key=lambda item: (-item[0], -item[1])):
        if -place not in chosen and entity not in chosen.values():
            chosen[-place] = entity
    return [
        replace(table, entity=chosen[number], roles=_roles(chosen[number], table)) if number in chosen else table
        for number, table in enumerate(tables)
    ]


def _roles(entity: str, table: Draft) -> Roles:
    """Columns of an entity, with those that only the table's shape tells: its key, its only time."""
    roles = match_columns(entity, table.profiles)
    own = read_contract()[entity]["key"][0]
    by_name = {profile.name: profile for profile in table.profiles}
    if own in missing(entity, roles) and len(table.found.primary_key) == 1 and entity != "order_lines":
        roles[own] = by_name[table.found.primary_key[0]]
    times = [profile for profile in table.profiles if profile.is_time and not {"changed", "deleted"} & {*profile.words}]
    when = "ordered_at" if entity == "order_lines" else _time_role(entity)
    if when and when not in roles and len(times) == 1:
        roles[when] = times[0]
    if entity == "order_lines":  # who bought stands on the order, and on its lines where there is no header
        roles |= {role: column for role, column in match_columns("orders", table.profiles).items() if role in OF_ORDER}
    return roles


def _time_role(entity: str) -> str | None:
    columns = read_contract()[entity]["columns"]
    return next((role for role, (kind, needed) in columns.items() if needed and kind in ("timestamp", "date")), None)


def _points(connection: duckdb.DuckDBPyConnection, entity: str, table: Draft) -> int:
    """How likely a table holds an entity; 0: not at all."""
    is_named = {*words_of(table.found.name)} in [{*name.split()} for name in TABLE_NAMES[entity]]
    roles = _roles(entity, table)
    own = [role for role in roles if role in read_contract()[entity]["columns"]]
    if entity == "order_lines":
        is_possible = _are_lines(roles) and not ("order_id" in roles and _is_one_row_an_order(connection, table, roles))
    else:
        is_possible = not missing(entity, roles) and (is_named or _is_by_columns(connection, entity, table, roles))
        is_possible = is_possible and not (entity == "orders" and _points(connection, "order_lines", table))
    return is_possible * (len(own) + 10 * is_named + 5 * (entity == "order_lines"))


def _are_lines(roles: Mapping[str, Profile]) -> bool:
    has_amount = "net_amount" in roles or {"quantity", "unit_price"} <= set(roles)
    has_order = "order_id" in roles or {"source_customer_id", "ordered_at"} <= set(roles)
    return has_amount and has_order


def _is_one_row_an_order(connection: duckdb.DuckDBPyConnection, table: Draft, roles: Roles) -> bool:
    """Whether a table with amounts has orders: one row says what the order comes to, and nothing of what was bought."""
    order_id = roles["order_id"].name
    has_goods = "product_id" in roles or "total_amount" not in match_columns("orders", table.profiles)
    return not has_goods and facts.is_key(connection, table.found.rows, [order_id], exact_repeats=True)


def _is_by_columns(connection: duckdb.DuckDBPyConnection, entity: str, table: Draft, roles: Roles) -> bool:
    if entity not in BY_COLUMNS:
        return False
    own = roles[read_contract()[entity]["key"][0]].name
    says_enough = {
        "orders": "ordered_at" in roles,
        "customers": len({*roles} & {*OF_CUSTOMER}) >= 2 and "order_id" not in match_columns("orders", table.profiles),
        "products": "product_name" in roles and "order_id" not in match_columns("orders", table.profiles),
    }
    return says_enough[entity] and facts.is_key(connection, table.found.rows, [own], exact_repeats=True)


def _described(connection: duckdb.DuckDBPyConnection, draft: Draft, has_header: bool) -> Draft:
    """Add key, cursor, event time, personal columns, and what marks returns."""
    cursor = next((p.name for p in draft.profiles if "changed" in p.words and p.is_time and not p.formats), None)
    deleted = next((p.name for p in draft.profiles if "deleted" in p.words and p.is_boolean), None)
    event_time = _event_time(draft)
    key, draft = _key(connection, draft, cursor)
    if not key:
        cursor = deleted = None
    named = {*key, cursor, deleted, event_time.name if event_time else None}
    personal = [p.name for p in draft.profiles if p.name not in named and _is_personal(p, draft.entity)]
    draft = replace(draft, key=key, cursor=cursor, deleted=deleted, event_time=event_time, personal=personal)
    draft = replace(draft, guests=_guests(connection, draft))
    return _with_lines(connection, draft, has_header) if draft.entity == "order_lines" else draft


def _guests(connection: duckdb.DuckDBPyConnection, draft: Draft) -> Guests | None:
    customer = draft.roles.get("source_customer_id")
    entity = "orders" if draft.entity == "order_lines" else draft.entity
    if customer is None or entity is None or read_contract()[entity]["columns"]["source_customer_id"][1]:
        return None  # nobody is named, or somebody must be
    return find_guests(connection, draft.found.rows, customer, draft.roles.get("order_id"), draft.profiles)


def _event_time(draft: Draft) -> Profile | None:
    role = "ordered_at" if draft.entity == "order_lines" else draft.entity and _time_role(draft.entity)
    return draft.roles.get(role) if role else None


def _key(connection: duckdb.DuckDBPyConnection, draft: Draft, cursor: str | None) -> tuple[list[str], Draft]:
    """The columns that identify a row, and the draft without a line number that does not."""
    if draft.found.primary_key:
        return draft.found.primary_key, draft
    if draft.entity is None or not draft.found.is_whole:
        return [], draft
    roles = [role for role in read_contract()[draft.entity]["key"] if role in draft.roles]
    names = [draft.roles[role].name for role in roles]
    is_natural = len(roles) == len(read_contract()[draft.entity]["key"])
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
        p for p in draft.profiles if "id" in p.words and p.is_full and p.distinct == p.rows and p.name not in known
    ]
    if single:
        return [single[0].name], draft
    product = draft.roles.get("product_id")
    order = draft.roles.get("order_id")
    if draft.entity != "order_lines" or not (product and order) or not _is_telling(order):
        return [], draft
    pair = [order.name, product.name]
    return (pair, draft) if facts.is_key(connection, draft.found.rows, pair) else ([], draft)


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
    says_who = words & PERSONAL or ("name" in words and ("customer" in words or entity == "customers"))
    return bool(says_who) and not words & {"product", "campaign"}


def _with_lines(connection: duckdb.DuckDBPyConnection, draft: Draft, has_header: bool) -> Draft:
    """Add to a table of lines what marks returns, and which products are none."""
    roles = draft.roles
    if "order_id" in roles and not has_header:
        size = sql.exact(sql.number(roles.get("quantity") or roles["net_amount"], draft.has_comma, here=True))
        mark = facts.find_mark(connection, draft.found.rows, roles["order_id"], draft.profiles, size)
        draft = replace(draft, mark=mark)
    product = roles.get("product_id")
    name = match_columns("products", draft.profiles).get("product_name", product)
    if product is None or name is None:
        return draft
    return replace(draft, line_types=facts.find_line_types(connection, draft.found.rows, product, name))


def _with_derived(drafts: Sequence[Draft]) -> list[Draft]:
    """Add entities that no table has of its own, but that are written on the lines or orders."""
    there = {draft.entity for draft in drafts}
    home = "order_lines" if "order_lines" in there else "orders"
    return [replace(draft, derived=_derived(draft, there)) if draft.entity == home else draft for draft in drafts]


def _derived(draft: Draft, there: set[str | None]) -> dict[str, Roles]:
    derived: dict[str, Roles] = {}
    roles = draft.roles
    if "orders" not in there:
        derived["orders"] = {role: roles[role] for role in ("order_id", *OF_ORDER) if role in roles}
    if "products" not in there and "product_id" in roles:
        found = match_columns("products", [p for p in draft.profiles if p != roles["product_id"]])
        if columns := {role: found[role] for role in OF_PRODUCT if role in found}:
            derived["products"] = {"product_id": roles["product_id"], **columns}
    if "customers" not in there and "source_customer_id" in roles:
        customer = roles["source_customer_id"]
        found = match_columns("customers", draft.profiles)
        columns = {role: found[role] for role in OF_CUSTOMER if role in found and found[role].words != ["name"]}
        columns |= {"email": customer} if customer.is_email else {}
        if columns:
            derived["customers"] = {"source_customer_id": customer, **columns}
    return derived


def _check(drafts: Sequence[Draft]) -> None:
    if not {"orders", "order_lines"} & {draft.entity for draft in drafts}:
        listed = "; ".join(f"{d.found.name}: {', '.join(p.name for p in d.profiles)}" for d in drafts)
        raise UserError(
            "Nothing was written: no table was recognised as orders or lines of orders, which need a number of the "
            f"order (or customer and time), a time, and an amount (or quantity and price). Found: {listed}. Give the "
            "columns names that say what they are, or write the source by hand (docs/adding_a_source.md)."
        )
    lines = next((draft for draft in drafts if draft.entity == "order_lines"), None)
    if lines and "orders" in lines.derived and "ordered_at" not in lines.roles:
        raise UserError(
            f"Nothing was written: table '{lines.found.name}' has lines of orders, and no column says when they were "
            f"ordered. It has: {', '.join(p.name for p in lines.profiles)}. Add the table of the orders, or the column."
        )


def _first_day(connection: duckdb.DuckDBPyConnection, drafts: Sequence[Draft]) -> date:
    """The first day of the month in which anything happened first, or was changed first."""
    times = [(draft, p) for draft in drafts for p in draft.profiles if p.name == draft.cursor or p == draft.event_time]
    firsts = [first for draft, profile in times if (first := _first_time(connection, draft, profile))]
    first = min(firsts, default=datetime(2000, 1, 1))  # noqa: DTZ001 - local time of the source
    return date(first.year, first.month, 1)


def _first_time(connection: duckdb.DuckDBPyConnection, draft: Draft, profile: Profile) -> datetime | None:
    if draft.found.earliest and not profile.formats:
        return first_time(draft.found.earliest(profile.name))
    value = sql.instant(profile)
    query = f"select min({value}) filter ({value} >= timestamp '1900-01-01') from {draft.found.rows}"
    return first_time(facts.ask(connection, query)[0])
