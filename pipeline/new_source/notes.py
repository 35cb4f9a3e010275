"""What could not be guessed: the most important first, each with where to say it."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline import settings as project
from pipeline.duck import quote_identifier, quote_literal
from pipeline.new_source import expressions as sql
from pipeline.new_source import facts
from pipeline.new_source.found import Place
from pipeline.new_source.guess import Draft, Guess
from pipeline.new_source.profile import Profile

# Words of columns that change what an amount is; only a person knows how.
MONEY_WORDS = {"tax", "vat", "mwst", "discount", "disc", "coupon", "shipping", "freight", "rabatt", "tip", "gross"}
STATUS_WORDS = "dbt_project/macros/order_status.sql"


@dataclass(frozen=True)
class Note:
    """Something to look at: a sentence, and the file and the text in it that it is about."""

    text: str
    file: Path
    needle: str = ""


def write_notes(name: str, place: Place, guess: Guess) -> list[Note]:
    """Return what a person must look at, in order of importance."""
    yml = project.SOURCE_FILES / f"{name}.yml"
    notes = [*_of_company(yml, guess), *_of_times(yml, guess)]
    for draft in guess.drafts:
        if draft.entity in ("order_lines", "orders"):
            notes += _of_sales(name, place.connection, draft)
    notes += [_of_history(yml)]
    for draft in guess.drafts:
        notes += _of_table(yml, draft)
    return notes


def _of_company(yml: Path, guess: Guess) -> list[Note]:
    company = guess.company
    money = f"guessed, because {company.currency_from}" if company.currency_from else "a PLACEHOLDER: nothing says it"
    zone = f"guessed, because {company.time_zone_from}" if company.time_zone_from else "a PLACEHOLDER: nothing says it"
    notes = [
        Note(f"Currency: {company.currency} is {money}.", yml, "currency:"),
        Note(f"Time zone: {company.time_zone} is {zone}. It says on which day a sale was.", yml, "time_zone:"),
    ]
    if len(company.currencies) > 1 and not guess.draft_of("fx_rates"):
        others = ", ".join(company.currencies[1:])
        text = f"Amounts are also in {others}: without fx_rates those orders are quarantined."
        notes.insert(1, Note(text, yml, "currency:"))
    return notes


def _of_times(yml: Path, guess: Guess) -> list[Note]:
    ambiguous = [(draft, profile) for draft in guess.drafts for profile in draft.profiles if len(profile.formats) > 1]
    return [
        Note(
            f"Day or month? {profile.name} of {draft.found.name} fits {' and '.join(profile.formats)}, for example "
            f"'{profile.example}'. The first was taken, here and in its model.",
            yml,
            f"event_time: {profile.name}",
        )
        for draft, profile in ambiguous
    ]


def _of_sales(name: str, connection: duckdb.DuckDBPyConnection, draft: Draft) -> list[Note]:
    model = project.STAGING / name / f"base_{name}__{draft.found.name}.sql"
    model = model if draft.entity == "order_lines" else project.STAGING / name / f"stg_{name}__orders.sql"
    notes = [*_of_amounts(model, draft), *_of_money_columns(model, draft)]
    if draft.entity == "order_lines":
        notes += _of_negatives(model, connection, draft)
        notes += _of_line_types(model, draft)
    return notes + _of_status(model, connection, draft) + _of_groups(model, connection, draft)


def _of_amounts(model: Path, draft: Draft) -> list[Note]:
    tax = "Amounts count as without tax, after discounts. If tax is in them, map tax_amount and prices_include_tax."
    if draft.entity == "order_lines" and "net_amount" not in draft.roles:
        columns = f"{draft.roles['quantity'].name} * {draft.roles['unit_price'].name}"
        return [Note(f"No column has a line's amount: net_amount is {columns}. {tax}", model, "as net_amount")]
    role = "net_amount" if draft.entity == "order_lines" else "total_amount"
    if role not in draft.roles:
        return []
    return [Note(f"{role} is {draft.roles[role].name}. {tax}", model, role)]


def _of_money_columns(model: Path, draft: Draft) -> list[Note]:
    used = {profile.name for profile in draft.roles.values()}
    names = [p.name for p in draft.profiles if p.name not in used and MONEY_WORDS & {*p.words} and p.is_number]
    if not names:
        return []
    text = (
        f"{', '.join(names)}: tax, discounts and delivery are left out, because a wrong guess would book them twice. "
        "See order_lines and orders in docs/adding_a_source.md."
    )
    return [Note(text, model)]


def _of_negatives(model: Path, connection: duckdb.DuckDBPyConnection, draft: Draft) -> list[Note]:
    notes = []
    if draft.mark:
        odd = f", {draft.mark.exceptions} of them not negative" if draft.mark.exceptions else ""
        text = f"Returns: the {draft.mark.rows:,} rows where {draft.mark.words} were taken for returns{odd}."
        notes.append(Note(text, model, "as is_return"))
    price, quantity = _number(draft, "unit_price"), _number(draft, "quantity")
    amount = _number(draft, "net_amount") or f"{quantity} * {price}"
    rest = _rest(draft)
    query = f"select count(*) filter ({amount} < 0 and {rest}), sum({amount}) filter ({amount} < 0 and {rest})"
    rows, total = facts.ask(connection, f"{query} from {draft.found.rows}")
    if rows:
        text = f"{rows:,} other rows have a negative amount, {total:,.2f} together, and stay sales. Are they returns?"
        notes.append(Note(f"{text} Or bad debt, which is not in the sales (line_type)?", model, "as net_amount"))
    if quantity:
        query = f"select count(*) from {draft.found.rows} where {quantity} < 0 and {rest} and coalesce({amount}, 0) = 0"
        (rows,) = facts.ask(connection, query)
        if rows:
            text = f"{rows:,} rows have a negative quantity and no amount: corrections of stock? Nobody bought"
            notes.append(Note(f"{text} anything, so line_type 'adjustment' may be right.", model))
    return notes


def _rest(draft: Draft) -> str:
    """SQL of the rows that are sales so far."""
    outside = [pair[0] for kind in ("bad_debt", "fee") for pair in draft.line_types.get(kind, [])]
    conditions = [f"not {draft.mark.condition}"] if draft.mark else []
    if outside:
        product = quote_identifier(draft.roles["product_id"].name)
        listed = ", ".join(quote_literal(value) for value in outside)
        conditions.append(f"coalesce(cast({product} as varchar), '') not in ({listed})")
    return " and ".join(conditions) or "true"


def _number(draft: Draft, role: str) -> str | None:
    profile = draft.roles.get(role)
    return sql.exact(sql.number(profile, draft.has_comma, here=True)) if profile else None


def _of_line_types(model: Path, draft: Draft) -> list[Note]:
    if not draft.line_types:
        return []
    listed = "; ".join(
        f"{kind}: {', '.join(product if product == called else f'{product} ({called})' for product, called in pairs)}"
        for kind, pairs in draft.line_types.items()
    )
    return [Note(f"By their names these were taken for no goods: {listed}.", model, "then '")]


def _of_status(model: Path, connection: duckdb.DuckDBPyConnection, draft: Draft) -> list[Note]:
    profile = draft.roles.get("status")
    if profile is None or profile.distinct > 20:
        return []
    name = sql.identifier(profile.name)
    query = f"select {name} from {draft.found.rows} where {name} is not null group by 1 order by count(*) desc, 1"
    values = ", ".join(str(value) for (value,) in connection.execute(query).fetchall())
    text = (
        f"An order is a sale unless its {profile.name} is listed as unpaid or cancelled in "
        f"{STATUS_WORDS}. Look whether these are: {values}."
    )
    return [Note(text, model, "status")]


def _of_groups(model: Path, connection: duckdb.DuckDBPyConnection, draft: Draft) -> list[Note]:
    notes = []
    customer, order = draft.roles.get("source_customer_id"), draft.roles.get("order_id")
    if customer is None and (draft.entity == "orders" or "orders" in draft.derived):
        notes.append(Note("No column says who bought: no sale has a customer.", model))
    elif customer and not customer.is_full:
        rows = customer.rows - customer.filled
        text = f"{rows:,} of {customer.rows:,} rows have no {customer.name}: sales without a customer."
        notes.append(Note(text, model, "source_customer_id"))
    if customer and (guests := draft.guests):
        text = f"{guests.rows:,} of {customer.rows:,} rows have {customer.name} = {', '.join(guests.values)}"
        text += f", with {guests.contacts:,} different {guests.contact.name}" if guests.contact else ", more than any"
        notes.append(Note(f"{text}: taken for guests, sales without a customer (null).", model, "source_customer_id"))
    if order and "orders" in draft.derived:
        for profile in filter(None, (customer, draft.roles.get("ordered_at"))):
            if number := _mixed(connection, draft, order, profile):
                text = f"{number:,} orders have more than one {profile.name}: the smallest counts."
                notes.append(
                    Note(text, model.with_name(model.name.split("__")[0].replace("base", "stg") + "__orders.sql"))
                )
    if (
        not draft.key
        and draft.entity == "order_lines"
        and (repeats := facts.exact_repeats(connection, draft.found.rows))
    ):
        text = f"No columns identify a row (key: position): {repeats:,} rows are exact repeats, kept and flagged."
        notes.append(Note(text, model, "as is_exact_repeat"))
    return notes


def _mixed(connection: duckdb.DuckDBPyConnection, draft: Draft, order: Profile, profile: Profile) -> int:
    names = (quote_identifier(order.name), quote_identifier(profile.name))
    query = f"select {names[0]} from {draft.found.rows} group by 1 having count(distinct {names[1]}) > 1"
    return int(str(facts.ask(connection, f"select count(*) from ({query})")[0]))


def _of_history(yml: Path) -> Note:
    text = "history: extract says that customers may be older than the data. If none is, say complete."
    return Note(text, yml, "history:")


def _of_table(yml: Path, draft: Draft) -> list[Note]:
    notes = [Note(f"{draft.found.name}: {sentence}.", yml, f"  {draft.found.name}:") for sentence in draft.dropped]
    if draft.entity is None:
        columns = ", ".join(profile.name for profile in draft.profiles)
        text = f"Table {draft.found.name} is not used: nothing says what it is. It has: {columns}."
        return [*notes, Note(f"{text} To use it, uncomment it and write a model.", yml, f"  # {draft.found.name}:")]
    if draft.key and draft.key != draft.found.primary_key:
        text = f"Key of {draft.found.name}: {', '.join(draft.key)} identify a row so far. Is that so for good?"
        notes.append(Note(text, yml, f"key: [{draft.key[0]}"))
    if not draft.key and draft.entity != "order_lines":
        text = f"Table {draft.found.name}: no columns were found that identify a row (key: position)."
        notes.append(Note(text, yml, f"  {draft.found.name}:"))
    for profile in draft.profiles:
        if "deleted" in profile.words and profile.name != draft.deleted and not profile.is_empty:
            text = f"{profile.name} of {draft.found.name} is no yes or no, so it cannot be `deleted`."
            notes.append(Note(text, yml, f"  {draft.found.name}:"))
    if draft.personal:
        text = f"Personal in {draft.found.name}: {', '.join(draft.personal)}. Is anything missing?"
        notes.append(Note(text, yml, f"  {draft.found.name}:"))
    return notes
