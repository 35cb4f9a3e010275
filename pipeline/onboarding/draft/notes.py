"""What could not be guessed: the most important first, each with where to say it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.base import settings as project
from pipeline.base.catalog import input_contract
from pipeline.base.duck import quote_identifier, quote_literal
from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.draft.draft import Draft, Guess
from pipeline.onboarding.draft.models import needs_base
from pipeline.onboarding.evidence.amounts import kind_of
from pipeline.onboarding.inspection import facts
from pipeline.onboarding.inspection.found import Place
from pipeline.onboarding.inspection.profile import Profile

WITHOUT_CENTS = ("JPY", "KRW", "VND", "IDR", "CLP", "HUF")
STATUS_WORDS = "dbt_project/seeds/order_status_words.csv"


@dataclass(frozen=True)
class Note:
    """Something to look at: a sentence, and the file and the text in it that it is about.

    With `answers` it is a question; the first answer is what the draft does.
    """

    text: str
    file: Path
    needle: str = ""
    answers: Sequence[str] = ()


def write_notes(name: str, place: Place, guess: Guess) -> list[Note]:
    """Return what a person must decide, and what to look at, each in order of importance."""
    yml = project.SOURCE_FILES / f"{name}.yml"
    questions = [*_of_company(yml, guess), *_of_times(yml, guess)]
    notes: list[Note] = []
    for draft in guess.drafts:
        questions += [
            Note(question.text, model_of(name, draft), question.about, question.answers) for question in draft.questions
        ]
        questions += _of_points(name, draft)
        if guess.company.currency not in WITHOUT_CENTS:
            questions += _of_cents(name, draft)
        if draft.entity in ("order_lines", "orders"):
            notes += _of_sales(name, place.connection, draft)
    questions += [note for note in notes if note.answers]
    notes = [note for note in notes if not note.answers]
    if not guess.draft_of("orders"):
        text = f"There are no orders here: run it together with a source that has them, as SOURCES=shop,{name}"
        notes.insert(0, Note(f"{text}.", yml))
    notes += [_of_history(yml)]
    for draft in guess.drafts:
        notes += _of_table(yml, draft)
    return questions + notes


def model_of(name: str, draft: Draft) -> Path:
    """The model in which the columns of a table have their values."""
    folder = project.STAGING / name
    model = f"base_{name}__{draft.found.name}.sql"
    return folder / (model if needs_base(draft) else f"stg_{name}__{draft.entity}.sql")


def _of_company(yml: Path, guess: Guess) -> list[Note]:
    company = guess.company
    notes = []
    if company.currency_from:
        notes.append(
            Note(f"Currency: {company.currency} is guessed, because {company.currency_from}.", yml, "currency:")
        )
    else:
        answers = [f"{company.currency}, as drafted", "another one: write it there, or no figure is in what it says"]
        text = f"Which currency are the amounts in? {company.currency} is a PLACEHOLDER: nothing says it"
        notes.append(Note(text, yml, "currency:", answers))
    if company.time_zone_from:
        text = f"Time zone: {company.time_zone} is guessed, because {company.time_zone_from}."
        notes.append(Note(f"{text} It says on which day a sale was.", yml, "time_zone:"))
    else:
        answers = [f"{company.time_zone}, as drafted", "another one: sales near midnight are on another day"]
        text = f"In which time zone is the company? {company.time_zone} is a PLACEHOLDER: nothing says it"
        notes.append(Note(text, yml, "time_zone:", answers))
    if len(company.currencies) > 1 and not guess.draft_of("fx_rates"):
        others = ", ".join(company.currencies[1:])
        text = f"Amounts are also in {others}: without fx_rates those orders are quarantined"
        answers = ["they are quarantined", "their amounts are in the reporting currency already: do not map currency"]
        answers.append("they are converted: add a table of fx_rates")
        notes.insert(1, Note(text, yml, "currency:", answers))
    return notes


def _of_points(name: str, draft: Draft) -> list[Note]:
    """Ask whether 1.250 is one and a quarter, where nothing in the column tells."""
    return [
        Note(
            f"What is the point in {profile.name}, for example '{profile.example}'",
            model_of(name, draft),
            profile.name,
            ["the decimal point", "it stands between thousands: the amounts are a thousand times as high"],
        )
        for role, profile in draft.roles.items()
        if profile.has_points_for_thousands and kind_of(profile)
    ]


def _of_cents(name: str, draft: Draft) -> list[Note]:
    """Ask whether 2500 is twenty-five."""
    contract = input_contract()[draft.entity]["columns"] if draft.entity else {}
    amounts = {p.name: p for role, p in draft.roles.items() if contract.get(role, [""])[0] == "decimal" and kind_of(p)}
    return [
        Note(
            f"Is {profile.name} in cents? All values are whole numbers, for example '{profile.example}'",
            model_of(name, draft),
            profile.name,
            ["no: they are whole amounts", "yes: divide them by 100, and the amounts are a hundredth"],
        )
        for profile in amounts.values()
        if profile.is_whole and profile.is_large
    ]


def _of_times(yml: Path, guess: Guess) -> list[Note]:
    ambiguous = [(draft, profile) for draft in guess.drafts for profile in draft.profiles if len(profile.formats) > 1]
    return [
        Note(
            f"Day or month? {profile.name} of {draft.found.name} fits {' and '.join(profile.formats)}, for example "
            f"'{profile.example}'. The first is used, here and in its model",
            yml,
            f"event_time: {profile.name}",
            [
                f"{item}: {'as drafted' if not number else 'other days and months'}"
                for number, item in enumerate(profile.formats[:3])
            ],
        )
        for draft, profile in ambiguous
    ]


def _of_sales(name: str, connection: duckdb.DuckDBPyConnection, draft: Draft) -> list[Note]:
    model = model_of(name, draft)
    notes = _of_amounts(model, draft)
    if draft.entity == "order_lines":
        notes += _of_negatives(model, connection, draft)
        notes += _of_line_types(model, draft)
    return notes + _of_status(model, connection, draft) + _of_groups(model, connection, draft)


def _of_amounts(model: Path, draft: Draft) -> list[Note]:
    if draft.facts:
        return [Note(f"{fact}.", model) for fact in draft.facts]
    tax = "Amounts count as without tax, after discounts. If tax is in them, map tax_amount and prices_include_tax."
    if draft.entity == "order_lines" and "net_amount" not in draft.roles:
        if not {"quantity", "unit_price"} <= {*draft.roles}:
            return []
        columns = f"{draft.roles['quantity'].name} * {draft.roles['unit_price'].name}"
        return [Note(f"No column has a line's amount: net_amount is {columns}. {tax}", model, "as net_amount")]
    role = "net_amount" if draft.entity == "order_lines" else "total_amount"
    if role not in draft.roles:
        return []
    return [Note(f"{role} is {draft.roles[role].name}. {tax}", model, role)]


def _of_negatives(model: Path, connection: duckdb.DuckDBPyConnection, draft: Draft) -> list[Note]:
    notes = []
    if draft.mark:
        odd = f", {draft.mark.exceptions} of them not negative" if draft.mark.exceptions else ""
        text = f"Returns: the {draft.mark.rows:,} rows where {draft.mark.words} were taken for returns{odd}."
        notes.append(Note(text, model, "as is_return"))
    if "line_type" in draft.constants:
        return notes
    price, quantity = _number(draft, "unit_price"), _number(draft, "quantity")
    amount = _number(draft, "net_amount") or (f"{quantity} * {price}" if quantity and price else "0")
    rest = _rest(draft)
    query = f"select count(*) filter ({amount} < 0 and {rest}), sum({amount}) filter ({amount} < 0 and {rest})"
    rows, total = connection.execute(f"{query} from {draft.found.rows}").fetchall()[0]
    if rows:
        text = f"{rows:,} other rows have a negative amount, {total:,.2f} together, and stay sales. Are they returns?"
        answers = [f"they are negative sales: {total:,.2f} is in the sales"]
        answers += [f"they are returns: sales {-total:,.2f} higher, and as much refunded"]
        answers += [f"they are bad debt, which is not in the sales: line_type 'bad_debt': sales {-total:,.2f} higher"]
        notes.append(Note(text, model, "as net_amount", answers))
    if quantity:
        query = f"select count(*) from {draft.found.rows} where {quantity} < 0 and {rest} and coalesce({amount}, 0) = 0"
        (rows,) = facts.ask(connection, query)
        if rows:
            text = f"{rows:,} rows have a negative quantity and no amount: corrections of stock? If nothing was"
            notes.append(Note(f"{text} bought, line_type 'adjustment' is right.", model))
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
    return [Note(f"By their names these are not goods: {listed}.", model, "then '")]


def _of_status(model: Path, connection: duckdb.DuckDBPyConnection, draft: Draft) -> list[Note]:
    profile = draft.roles.get("status")
    if profile is None or profile.distinct > 20:
        return []
    name = sql.identifier(profile.name)
    query = f"select {name} from {draft.found.rows} where {name} is not null group by 1 order by count(*) desc, 1"
    values = ", ".join(str(value) for (value,) in connection.execute(query).fetchall())
    text = (
        f"An order is a sale unless {STATUS_WORDS} lists its {profile.name} as unpaid or cancelled. In use: {values}."
    )
    return [Note(text, model, "status")]


def _of_groups(model: Path, connection: duckdb.DuckDBPyConnection, draft: Draft) -> list[Note]:
    notes = []
    customer, order = draft.roles.get("source_customer_id"), draft.roles.get("order_id")
    if draft.entity == "order_lines" and not draft.has_order_number:
        notes.append(Note("No column has an order's number: each row is an order of its own.", model, "as order_id"))
    if customer is None and (draft.entity == "orders" or "orders" in draft.derived):
        notes.append(Note("No column names the customer: all sales are without one.", model))
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
    text = "history: extract says that customers may be older than the data. If none is, write complete."
    return Note(text, yml, "history:")


def _of_table(yml: Path, draft: Draft) -> list[Note]:
    sentences = [*([f"It is {draft.recipe}, which is known"] if draft.recipe else []), *draft.dropped]
    notes = [Note(f"{draft.found.name}: {sentence}.", yml, f"  {draft.found.name}:") for sentence in sentences]
    if draft.is_lookup:
        return notes
    if draft.entity is None:
        columns = ", ".join(profile.name for profile in draft.profiles)
        why = "" if draft.dropped or draft.recipe else ": its columns fit no entity"
        text = f"Table {draft.found.name} is not used{why}. It has: {columns}."
        return [*notes, Note(f"{text} To use it, uncomment it and write a model.", yml, f"  # {draft.found.name}:")]
    if draft.key and draft.key != draft.found.primary_key:
        text = f"Key of {draft.found.name}: {', '.join(draft.key)} identify a row so far. Will they always?"
        notes.append(Note(text, yml, f"key: [{draft.key[0]}"))
    if not draft.key and draft.entity != "order_lines":
        text = f"Table {draft.found.name}: no columns were found that identify a row (key: position)."
        notes.append(Note(text, yml, f"  {draft.found.name}:"))
    for profile in draft.profiles:
        if "deleted" in profile.words and profile.name != draft.deleted and not profile.is_empty:
            text = f"{profile.name} of {draft.found.name} is not yes or no, so it cannot be `deleted`."
            notes.append(Note(text, yml, f"  {draft.found.name}:"))
    if draft.personal:
        text = f"Personal in {draft.found.name}: {', '.join(draft.personal)}. Is anything missing?"
        notes.append(Note(text, yml, f"  {draft.found.name}:"))
    return notes
