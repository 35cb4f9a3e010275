"""Give the tables of sales their amounts and their status, with what a person has to decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import duckdb

from pipeline.base.duck import quote_literal
from pipeline.onboarding.draft import expressions as sql
from pipeline.onboarding.draft.draft import Draft, Roles
from pipeline.onboarding.draft.roles import match_columns
from pipeline.onboarding.draft.words import words_of
from pipeline.onboarding.evidence import amounts
from pipeline.onboarding.evidence.amounts import Rows, kind_of
from pipeline.onboarding.evidence.lines import Header, Money, money_of_lines
from pipeline.onboarding.evidence.orders import levels
from pipeline.onboarding.evidence.question import Question
from pipeline.onboarding.evidence.statuses import Statuses, status_column
from pipeline.onboarding.evidence.totals import money_of_orders
from pipeline.onboarding.inspection import facts
from pipeline.onboarding.inspection.nested import HAS_LINE
from pipeline.onboarding.inspection.profile import Profile


def with_money(connection: duckdb.DuckDBPyConnection, drafts: Sequence[Draft]) -> list[Draft]:
    """Decide what lines and orders come to. Lines without amounts are left out where their orders have totals."""
    drafts = [draft if draft.has_known_money else _with_status(connection, draft) for draft in drafts]
    orders = next((draft for draft in drafts if draft.entity == "orders"), None)
    lines = next((draft for draft in drafts if draft.entity == "order_lines"), None)
    has_returns = any("returns" in draft.entities for draft in drafts)
    if lines:
        lines_now, header = _lines(connection, lines, orders)
        lines_now = _with_unsold(connection, lines_now, orders, header, has_returns=has_returns)
        orders_now = replace(orders, roles={**orders.roles, **header}) if orders else None
        return [{id(lines): lines_now, id(orders): orders_now}.get(id(draft)) or draft for draft in drafts]
    drafts = [_orders(connection, draft) if draft.entity == "orders" else draft for draft in drafts]
    return [
        _with_unsold(connection, draft, None, {}, has_returns=has_returns) if draft.entity == "orders" else draft
        for draft in drafts
    ]


def _with_status(connection: duckdb.DuckDBPyConnection, draft: Draft) -> Draft:
    if draft.entity not in ("orders", "order_lines") or "status" in draft.roles:
        return draft
    found, others = status_column(connection, draft.found.rows, draft.profiles)
    questions = [
        Question(
            f"{each.column.name} has words that are not known as an order's status: "
            f"{', '.join(word for word, _, _ in each.words[:6])}. All orders count",
            [
                "they are no status, or say that the order stands",
                "some of them say unpaid or cancelled: map the column as status, and list the words",
            ],
            each.column.name,
        )
        for each in others
        if found is None and _may_cancel(each)
    ]
    if found is None:
        return replace(draft, questions=[*draft.questions, *questions])
    return replace(draft, roles={**draft.roles, "status": found.column}, questions=[*draft.questions, *questions])


def _may_cancel(statuses: Statuses) -> bool:
    """Whether a column whose words are not known is called a status, and not the state of an address."""
    return (
        bool({"order", "payment", "financial"} & {*statuses.column.words}) or "status" in statuses.column.name.lower()
    )


def _lines(
    connection: duckdb.DuckDBPyConnection, draft: Draft, orders: Draft | None
) -> tuple[Draft, dict[str, Profile]]:
    header = None
    if orders and "order_id" in orders.roles:
        header = Header(_rows(connection, orders), orders.roles["order_id"], orders.profiles)
    taken = {p.name for role, p in draft.roles.items() if role in ("line_number", "order_id", "product_id")}
    usable = [p for p in draft.profiles if p.name not in taken]
    money = Money()
    if not draft.has_known_money:
        money = money_of_lines(_rows(connection, draft), draft.roles.get("order_id"), usable, header)
    if not _has_orders_without_lines(connection, draft, orders):
        money = replace(money, header={role: p for role, p in money.header.items() if role != "total_amount"})
    questions = [*money.questions, *_of_rows(connection, draft, orders)]
    roles = {**draft.roles, **money.line}
    quantity = _quantity(connection, draft)
    if quantity and "quantity" not in roles and quantity.name not in {p.name for p in roles.values()}:
        roles["quantity"] = quantity
    if "unit_price" not in roles and (price := _price(draft, roles)):
        roles["unit_price"] = price
    draft = replace(
        draft,
        roles=roles,
        less=money.less,
        facts=[*draft.facts, *money.facts],
        questions=[*draft.questions, *questions],
    )
    if orders is None:
        draft = replace(draft, derived={**draft.derived, "orders": dict(money.header)})
    draft = _with_marks(connection, draft, has_header=orders is not None)
    return _with_refunds(connection, draft), money.header


def _of_rows(connection: duckdb.DuckDBPyConnection, lines: Draft, orders: Draft | None) -> list[Question]:
    """Ask for rows of an order that may be its versions, and for lines whose order is not there."""
    found = []
    is_grouped = lines.has_order_number and not {"product_id", "line_number"} & {*lines.roles}
    if is_grouped and not _quantity(connection, lines):
        text = f"Are the rows of one order in {lines.found.name} its lines? Nothing says what was bought"
        found.append(
            Question(text, ["they are lines, and add up", "they are versions of the order: the last one counts"])
        )
    if orders and {"order_id"} & {*lines.roles} & {*orders.roles}:
        one, other = (f"cast({sql.identifier(t.roles['order_id'].name)} as varchar)" for t in (lines, orders))
        known = f"select {other} from {orders.found.rows} where {other} is not null"
        query = f"select count(*) from {lines.found.rows} where {one} not in ({known})"
        if orders.found.is_whole and (number := connection.execute(query).fetchall()[0][0]):
            text = f"{number:,} rows of {lines.found.name} name an order that is not in {orders.found.name}"
            answers = [
                "they are set aside until their orders come",
                "the numbers are written in two ways: make them equal",
            ]
            found.append(Question(text, answers, "order_id"))
    return found


def _has_orders_without_lines(connection: duckdb.DuckDBPyConnection, lines: Draft, orders: Draft | None) -> bool:
    """Whether orders have no lines, so that their total says what they come to."""
    if lines.found.is_nested:
        query = f"select count(*) from {lines.found.rows} where not {HAS_LINE}"
    elif orders and "order_id" in lines.roles:
        one, other = (f"cast({sql.identifier(t.roles['order_id'].name)} as varchar)" for t in (orders, lines))
        query = f"select count(*) from {orders.found.rows} where {one} not in (select {other} from {lines.found.rows})"
    else:
        return False
    return bool(connection.execute(query).fetchall()[0][0])


def _rows(connection: duckdb.DuckDBPyConnection, draft: Draft) -> Rows:
    return Rows(connection, draft.found.rows, draft.has_comma)


def _amount(rows: Rows, draft: Draft) -> str:
    """SQL of a line's or order's amount, here and now."""
    roles = draft.roles
    if column := roles.get("net_amount") or roles.get("total_amount"):
        amount = rows.value(column)
    elif {"quantity", "unit_price"} <= {*roles}:
        amount = f"{rows.value(roles['quantity'])} * {rows.value(roles['unit_price'])}"
    else:
        return draft.constants.get("net_amount") or draft.constants.get("total_amount") or "0"
    return f"({amount}) - abs({rows.value(draft.less)})" if draft.less else amount


def _total_name(draft: Draft) -> str:
    return draft.roles["total_amount"].name if "total_amount" in draft.roles else "total"


def _quantity(connection: duckdb.DuckDBPyConnection, draft: Draft) -> Profile | None:
    found = [p for p in draft.profiles if amounts.is_quantity(p)]
    order = draft.roles.get("order_id")
    if order and found:
        behaves = levels(connection, draft.found.rows, order, found)
        found = [p for p in found if not behaves[p.name].is_once]
    return next(iter(found), None)


def _price(draft: Draft, roles: Roles) -> Profile | None:
    used = {p.name for p in roles.values()}
    return next((p for p in draft.profiles if kind_of(p) == "price" and p.name not in used), None)


def _with_marks(connection: duckdb.DuckDBPyConnection, draft: Draft, *, has_header: bool) -> Draft:
    """Add to a table of lines what marks returns, and which products are none."""
    roles = draft.roles
    size = roles.get("quantity") or roles.get("net_amount")
    if "order_id" in roles and not has_header and size and not draft.mark:
        number = sql.exact(sql.number(size, draft.has_comma, here=True))
        mark = facts.find_mark(connection, draft.found.rows, roles["order_id"], draft.profiles, number)
        draft = replace(draft, mark=mark)
    product = roles.get("product_id")
    name = match_columns("products", draft.profiles).get("product_name", product)
    if product is None or name is None or "line_type" in draft.constants:
        return draft
    return replace(draft, line_types=facts.find_line_types(connection, draft.found.rows, product, name))


def _orders(connection: duckdb.DuckDBPyConnection, draft: Draft) -> Draft:
    """Orders without lines."""
    order = draft.roles["order_id"]
    status = draft.roles.get("status")
    sold = "true"
    if status:
        statuses, _ = status_column(connection, draft.found.rows, [status])
        listed = ", ".join(quote_literal(word) for word in (statuses.unsold if statuses else []))
        sold = f"coalesce(trim({sql.identifier(status.name)}) not in ({listed}), true)" if listed else "true"
    rows = _rows(connection, draft)
    money = Money() if draft.has_known_money else money_of_orders(rows, order, draft.profiles, sold)
    draft = replace(
        draft,
        roles={**draft.roles, **money.header},
        facts=[*draft.facts, *money.facts],
        questions=[*draft.questions, *money.questions],
        constants={**draft.constants, **({"prices_include_tax": "true"} if money.include_tax else {})},
    )
    if "total_amount" not in {*draft.roles, *draft.constants}:
        return replace(draft, entity=None, dropped=[*draft.dropped, "it has orders without amounts"])
    amount = _amount(rows, draft)
    negative, total = rows.total(amount, f"{amount} < 0")
    if negative:
        question = Question(
            f"{negative:,} orders have a negative {_total_name(draft)}, {total:,.2f} together",
            [
                f"they are negative sales: sales stay as they are, {total:,.2f} included",
                f"they are returns: sales {-total:,.2f} higher, and as much refunded",
            ],
            "total_amount",
        )
        draft = replace(draft, questions=[*draft.questions, question])
    return _with_refunds(connection, draft)


def _with_refunds(connection: duckdb.DuckDBPyConnection, draft: Draft) -> Draft:
    questions = []
    known = {p.name for p in draft.roles.values()} | (
        {draft.mark.column.name} if draft.mark and draft.mark.column else set()
    )
    for profile in draft.profiles if "returns" not in draft.also else []:
        if kind_of(profile) != "refund" or profile.name in known:
            continue
        number, total = _rows(connection, draft).filled(profile)
        if number:
            text = f"{profile.name}: {number:,} rows, {total:,.2f} were given back. Nothing says when"
            answers = ["leave them out: sales stay as they are", f"returns on the day of the order: -{abs(total):,.2f}"]
            questions.append(Question(text, answers, profile.name))
    return replace(draft, questions=[*draft.questions, *questions])


def _has_refunds(connection: duckdb.DuckDBPyConnection, draft: Draft) -> bool:
    """Whether a column says how much was given back."""
    rows = _rows(connection, draft)
    return draft.mark is not None or any(
        kind_of(profile) == "refund" and rows.filled(profile)[0] for profile in draft.profiles
    )


@dataclass(frozen=True)
class _Orders:
    """The rows of a table, each with `the_status` of its order.

    `home` is the table that has the status, and `headers` its rows; `header` has its columns that stand once per order.
    """

    draft: Draft
    home: Draft
    rows: Rows
    headers: Rows
    header: Mapping[str, Profile]

    @classmethod
    def of(
        cls, connection: duckdb.DuckDBPyConnection, draft: Draft, home: Draft, header: Mapping[str, Profile]
    ) -> "_Orders":
        """Give each row the status of its order, which may stand on one row of it only, or in another table."""
        status = f"nullif(trim(cast({sql.identifier(home.roles['status'].name)} as varchar)), '')"
        headers = _rows(connection, home)
        if "order_id" in home.roles:
            status = f"coalesce({status}, max({status}) over (partition by {_order_id(home)}))"
        headers = replace(headers, relation=f"(select *, {status} as the_status from {home.found.rows} as own_rows)")
        if home is draft or "order_id" not in draft.roles:
            return cls(draft, home, headers, headers, header)
        joined = (
            f"(select l.*, h.the_status from {draft.found.rows} as l left join (select {_order_id(home)} as the_order, "
            f"min(the_status) as the_status from {headers.relation} group by 1) as h "
            f"on cast(l.{_order_id(draft)} as varchar) = cast(h.the_order as varchar))"
        )
        return cls(draft, home, replace(_rows(connection, draft), relation=joined), headers, header)

    def of_status(self, words: Sequence[str]) -> tuple[int, Decimal]:
        """Return how many orders have a status among the words, and what they bring with delivery and discounts."""
        condition = f"the_status in ({', '.join(map(quote_literal, words))})"
        number, total = self.rows.total(_amount(self.rows, self.draft), condition)
        if "order_id" in self.draft.roles:
            counted = f"select count(distinct {_order_id(self.draft)}) from {self.rows.relation} where {condition}"
            number = self.rows.connection.execute(counted).fetchall()[0][0]
        once = [
            f"{sign} abs(coalesce(max({self.headers.value(self.header[role])}), 0))"
            for role, sign in (("shipping_amount", "+"), ("discount_amount", "-"))
            if role in self.header
        ]
        if not once or "order_id" not in self.home.roles:
            return number, total
        each = f"select {' '.join(once)} as amount from {self.headers.relation} where {condition}"
        summed = f"select coalesce(sum(amount), 0) from ({each} group by {_order_id(self.home)})"
        return number, total + Decimal(self.rows.connection.execute(summed).fetchall()[0][0])


def _order_id(draft: Draft) -> str:
    return sql.identifier(draft.roles["order_id"].name)


def _with_unsold(
    connection: duckdb.DuckDBPyConnection,
    draft: Draft,
    orders: Draft | None,
    header: Mapping[str, Profile],
    *,
    has_returns: bool,
) -> Draft:
    """Ask about orders that their status calls unpaid or cancelled, with what they would bring.

    So of orders that it calls refunded, where nothing says how much was given back.
    """
    home = orders if orders and "status" in orders.roles else draft
    status = home.roles.get("status")
    if status is None:
        return draft
    found, _ = status_column(connection, home.found.rows, [status])
    if found is None:
        return draft
    questions = []
    counted = _Orders.of(connection, draft, home, header if home is (orders or draft) else {})
    is_refund_known = has_returns or any(_has_refunds(connection, each) for each in (draft, home))
    for word, meaning, _ in found.words:
        is_refunded = meaning == "purchase" and "refund" in words_of(word) and not is_refund_known
        if is_refunded or meaning in ("waiting", "cancelled"):
            number, total = counted.of_status([word])
            text = f"{number:,} orders are '{word}', {total:,.2f}"
            answers = [
                "they are no purchases, and no sales",
                f"they are sales: +{total:,.2f}: list the word as purchase",
            ]
            if is_refunded:
                text = f"{text}. Nothing says how much was given back, or when"
                answers = [
                    "they are sales, and nothing is taken off",
                    f"they are no sales: -{total:,.2f}: list the word as cancelled",
                ]
            questions.append(Question(text, answers, "status"))
    if found.unknown:
        listed = ", ".join(found.unknown)
        _, total = counted.of_status(found.unknown)
        text = f"The status words {listed} are not known: these orders count, {total:,.2f}"
        questions.append(Question(text, ["they are sales", f"they are none: -{total:,.2f}: list the words"], "status"))
    return replace(draft, questions=[*draft.questions, *questions])
