"""What each table holds: by its name, its columns, and the values that make it orders or lines of orders."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb

from pipeline.base.catalog import input_contract
from pipeline.onboarding.draft.draft import Draft, Roles
from pipeline.onboarding.draft.roles import match_columns, may_be, missing
from pipeline.onboarding.draft.words import words_of_table
from pipeline.onboarding.evidence import amounts
from pipeline.onboarding.evidence.orders import are_positions, key_by_header, levels
from pipeline.onboarding.evidence.relations import Link
from pipeline.onboarding.inspection import facts
from pipeline.onboarding.inspection.nested import NUMBER
from pipeline.onboarding.inspection.profile import Profile

# Names of tables, in ideas (pipeline.onboarding.draft.words).
TABLE_NAMES: dict[str, tuple[str, ...]] = {
    "order_lines": ("order line", "line", "order product", "order line product", "line product"),
    "orders": ("order",),
    "customers": ("customer", "account"),
    "products": ("product",),
    "payments": ("payment", "order payment"),
    "returns": ("refund", "cancel", "order cancel", "order refund", "refund line"),
    "campaigns": ("campaign",),
    "campaign_contacts": ("campaign contact", "campaign person"),
    "campaign_responses": ("campaign response", "response", "campaign redemption", "redemption"),
    "subscriptions": ("subscription", "contract"),
    "contacts": ("contact", "case free", "contact free", "case contact"),
    "cases": ("case",),
    "survey_responses": ("survey response", "survey", "order survey"),
    "consents": ("consent",),
    "web_events": ("web event", "event", "pageview", "click"),
    "opportunities": ("opportunity",),
    "costs": ("cost",),
    "fx_rates": ("fx rate", "exchange rate", "currency rate"),
}
SALES = ("orders", "order_lines")
# What a table may be by its columns alone.
BY_COLUMNS = (*SALES, "customers", "products")
# Names of tables that are never orders, whatever columns they have.
NO_SALES = {name for name in TABLE_NAMES if name not in (*BY_COLUMNS, "payments")}
OF_CUSTOMER: tuple[str, ...] = (
    "given_name",
    "family_name",
    "full_name",
    "email",
    "phone",
    "loyalty_id",
    "street",
    "city",
)
OF_CUSTOMER = (*OF_CUSTOMER, "postcode", "country", "birth_date")
OF_ORDER = ("source_customer_id", "channel", "currency", "campaign_id", "ordered_at")
NOT_THE_ORDER = {"deliver", "shipping", "changed", "deleted", "payment", "cancel", "refund", "birth"}
# The channel of contacts, which the contract needs and which no column says: by a word in the table's name.
CHANNELS = {"case": "'ticket'", "contact": "'contact'", "email": "'email'", "phone": "'phone'"}


@dataclass(frozen=True)
class Shape:
    """What the values of a table say.

    Attributes
    ----------
    order
        The column of the order's number.
    is_repeated
        Whether orders have several rows.
    has_goods, has_money, has_total, has_header, has_money_of_lines
        Whether columns say what was bought, what it came to, more than the price of a piece, what stands once for an
        order, and what its rows come to.
    """

    order: Profile | None
    is_repeated: bool
    has_goods: bool
    has_money: bool
    has_total: bool
    has_header: bool
    has_money_of_lines: bool

    @property
    def may_be_lines(self) -> bool:
        """Whether a row may be a line of an order."""
        by_rows = self.is_repeated and self.has_header and self.has_money_of_lines
        return self.has_money and (self.has_goods or by_rows)


def assign(connection: duckdb.DuckDBPyConnection, tables: Sequence[Draft], links: Sequence[Link]) -> list[Draft]:
    """Give each table its entity; of several tables that could be one entity, the likeliest gets it."""
    names = [table.found.name for table in tables]
    shapes = [_shape(connection, table) for table in tables]
    chosen = {n: table.entity for n, table in enumerate(tables) if table.entity}
    for is_strict in (True, False):
        if is_strict is False and {*SALES} & {*chosen.values()}:
            break
        candidates = [
            (points, -number, entity)
            for number, table in enumerate(tables)
            for entity in TABLE_NAMES
            if not table.recipe
            and (is_strict or entity in SALES)
            and (points := _points(connection, entity, (table, shapes[number]), names, is_strict=is_strict)) > 0
        ]
        for _, place, entity in sorted(candidates, key=lambda item: (-item[0], -item[1])):
            if -place not in chosen and entity not in chosen.values():
                chosen[-place] = entity
    lines = next((number for number, entity in chosen.items() if entity == "order_lines"), None)
    chosen = {
        number: entity
        for number, entity in chosen.items()
        if entity != "orders" or shapes[number].has_money or lines is not None
    }
    drafts = [
        _assigned(connection, chosen[number], table, shapes[number]) if number in chosen and not table.entity else table
        for number, table in enumerate(tables)
    ]
    return _with_links(drafts, links)


def _assigned(connection: duckdb.DuckDBPyConnection, entity: str, table: Draft, shape: Shape) -> Draft:
    roles = roles_of(connection, entity, table, shape)
    return replace(table, entity=entity, roles=roles, constants=_constants(entity, table))


def _constants(entity: str, table: Draft) -> dict[str, str]:
    if entity != "contacts" or "channel" in match_columns("contacts", table.profiles):
        return {}
    said = words_of_table(table.found.name)
    return {"channel": next((literal for word, literal in CHANNELS.items() if word in said), "'contact'")}


def _shape(connection: duckdb.DuckDBPyConnection, table: Draft) -> Shape:
    profiles = table.profiles
    order = _order_column(connection, table)
    money = [p for p in profiles if amounts.kind_of(p) in ("amount", "net", "price", "paid", "subtotal")]
    goods = match_columns("order_lines", profiles).get("product_id") or match_columns("products", profiles).get(
        "category"
    )
    quantities = [p for p in profiles if amounts.is_quantity(p)]
    others = [p for p in profiles if p is not order]
    behaves = levels(connection, table.found.rows, order, others) if order else {}
    is_repeated = bool(order) and any(level.orders for level in behaves.values())
    return Shape(
        order,
        is_repeated,
        bool(goods or quantities),
        bool(money),
        any(amounts.kind_of(p) != "price" for p in money),
        any(level.is_header for level in behaves.values()),
        any(p.name in behaves and not behaves[p.name].is_header for p in money),
    )


def _order_column(connection: duckdb.DuckDBPyConnection, table: Draft) -> Profile | None:
    """The order's number: a column called so that is never empty, or what the rows of an order have in common."""
    named = may_be("order_lines", "order_id", table.profiles)
    full = [profile for profile in named if profile.is_full and not profile.is_time]
    by_header = key_by_header(connection, table.found.rows, table.profiles)
    if by_header and by_header not in full:
        return by_header if not full or {*full[0].words} == {"id"} or full[0].distinct == full[0].rows else full[0]
    if full:
        return by_header if by_header in full else full[0]
    alone = may_be("orders", "order_id", table.profiles)
    return next((profile for profile in alone if profile.is_full), named[0] if named else None)


def roles_of(connection: duckdb.DuckDBPyConnection, entity: str, table: Draft, shape: Shape) -> Roles:
    """Columns of an entity, with those that only the table's shape tells: its key, its only time."""
    roles = match_columns(entity, table.profiles)
    own = input_contract()[entity]["key"][0]
    by_name = {profile.name: profile for profile in table.profiles}
    if own in missing(entity, roles) and len(table.found.primary_key) == 1 and entity != "order_lines":
        roles[own] = by_name[table.found.primary_key[0]]
    if entity in SALES:
        roles = {role: profile for role, profile in roles.items() if role != "order_id"}
        if shape.order:
            roles = {"order_id": shape.order, **{r: p for r, p in roles.items() if p is not shape.order}}
    if entity == "order_lines" and table.found.is_nested:
        roles["line_number"] = by_name[NUMBER]
    if entity == "order_lines":  # the customer is on the order, and on its lines where there is no header
        others = [profile for profile in table.profiles if profile is not shape.order]
        of_order = match_columns("orders", others)
        roles |= {role: column for role, column in of_order.items() if role in OF_ORDER}
        if shape.order:
            numbers = [p for p in others if are_positions(connection, table.found.rows, shape.order, p)]
            numbers = [p for p in numbers if not amounts.is_quantity(p)]
            named = may_be("order_lines", "line_number", others)
            if "line_number" not in roles and (
                number := next((p for p in [*named, *numbers] if p in numbers or not numbers), None)
            ):
                roles = {role: p for role, p in roles.items() if p is not number} | {"line_number": number}
    return _with_time(entity, roles, table.profiles)


def _with_time(entity: str, roles: Roles, profiles: Sequence[Profile]) -> Roles:
    when = "ordered_at" if entity == "order_lines" else time_role(entity)
    if not when or when in roles:
        return roles
    times = [p for p in profiles if p.is_time and not NOT_THE_ORDER & {*p.words}]
    return {**roles, when: times[0]} if len(times) == 1 else roles


def time_role(entity: str) -> str | None:
    """The contract column that says when a row of an entity happened."""
    columns = input_contract()[entity]["columns"]
    return next((role for role, (kind, needed) in columns.items() if needed and kind in ("timestamp", "date")), None)


def is_named(entity: str, table: str, others: Sequence[str]) -> bool:
    """Whether the name of a table says an entity."""
    return {*words_of_table(table, others)} in [{*name.split()} for name in TABLE_NAMES[entity]]


def _points(
    connection: duckdb.DuckDBPyConnection,
    entity: str,
    looked_at: tuple[Draft, Shape],
    names: Sequence[str],
    *,
    is_strict: bool,
) -> int:
    """How likely a table holds an entity; 0: not at all."""
    table, shape = looked_at
    named = is_named(entity, table.found.name, names)
    roles = roles_of(connection, entity, table, shape)
    if is_strict and entity in BY_COLUMNS and not named:
        named_else = [other for other in TABLE_NAMES if other != entity and is_named(other, table.found.name, names)]
        if any(
            other in NO_SALES or other == "payments" or (entity in SALES and other not in SALES) for other in named_else
        ):
            return 0
    if not is_strict and any(is_named(other, table.found.name, names) for other in NO_SALES):
        return 0
    own = [role for role in roles if role in input_contract()[entity]["columns"]]
    if entity == "order_lines":
        is_possible = _are_lines(shape, roles) or (not is_strict and _are_purchases(shape, roles))
    elif entity == "orders":
        of_lines = roles_of(connection, "order_lines", table, shape)
        is_possible = not missing(entity, roles) and not _are_lines(shape, of_lines)
        is_possible = is_possible and (named or _is_key(connection, table, shape))
    else:
        is_possible = not missing(entity, roles, _constants(entity, table))
        is_possible = is_possible and (named or _is_by_columns(connection, entity, table, roles))
    return is_possible * (len(own) + 10 * named + 5 * (entity == "order_lines"))


def _are_lines(shape: Shape, roles: Mapping[str, Profile]) -> bool:
    has_order = shape.order is not None or {"source_customer_id", "ordered_at"} <= set(roles)
    if not (has_order and shape.may_be_lines):
        return False
    return shape.is_repeated or "product_id" in roles or shape.order is None or not shape.has_total


def _are_purchases(shape: Shape, roles: Mapping[str, Profile]) -> bool:
    """Whether each row is a purchase without a number: who, when, and for how much."""
    return shape.order is None and shape.has_total and {"source_customer_id", "ordered_at"} <= set(roles)


def _is_key(connection: duckdb.DuckDBPyConnection, table: Draft, shape: Shape) -> bool:
    return shape.order is not None and facts.is_key(
        connection, table.found.rows, [shape.order.name], exact_repeats=True
    )


def _is_by_columns(connection: duckdb.DuckDBPyConnection, entity: str, table: Draft, roles: Roles) -> bool:
    if entity not in BY_COLUMNS:
        return False
    own = roles[input_contract()[entity]["key"][0]].name
    named_order = any("order" in p.words and "id" in p.words for p in table.profiles)
    says_enough = {
        "customers": len({*roles} & {*OF_CUSTOMER}) >= 2 and not named_order,
        "products": "product_name" in roles and not named_order,
    }
    return says_enough[entity] and facts.is_key(connection, table.found.rows, [own], exact_repeats=True)


def _with_links(drafts: Sequence[Draft], links: Sequence[Link]) -> list[Draft]:
    """Give each table the columns that name the rows of the others."""
    homes = {str(draft.entity): draft.found.name for draft in drafts if draft.entity}
    named = {"products": "product_id", "customers": "source_customer_id", "orders": "order_id"}
    return [_linked(draft, homes, named, links) for draft in drafts]


def _linked(draft: Draft, homes: Mapping[str, str], named: Mapping[str, str], links: Sequence[Link]) -> Draft:
    if draft.entity is None or draft.recipe:
        return draft
    columns = {profile.name: profile for profile in draft.profiles}
    known = {*input_contract()[draft.entity]["columns"], *(OF_ORDER if draft.entity == "order_lines" else ())}
    roles = dict(draft.roles)
    for entity, role in named.items():
        found = [link for link in links if link.table == draft.found.name and link.to == homes.get(entity)]
        if not found or role not in known or entity == draft.entity:
            continue
        current = roles.get(role)
        best = next((link for link in found if link.is_declared), found[0])
        if (
            current is None
            or (best.is_declared and current.name != best.column)
            or current.name not in {link.column for link in found}
        ):
            roles = {other: p for other, p in roles.items() if p.name != best.column or other == role}
            roles[role] = columns[best.column]
    return replace(draft, roles=roles)
