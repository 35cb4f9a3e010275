"""Which column of a table is which column of the input contract."""

from collections.abc import Mapping, Sequence

from pipeline.base.catalog import input_contract
from pipeline.onboarding.draft.words import HARMLESS, words_of
from pipeline.onboarding.inspection.profile import Profile

# Other ways to say a contract column, in ideas (pipeline.onboarding.draft.words), the likeliest first.
SAYINGS: dict[str, str] = {
    "order_id": "order id, order",
    "line_number": "line id, line",
    "product_id": "product id, product",
    "source_customer_id": "customer id, customer, account id, loyalty id, customer email, customer name, email, "
    "person name",
    "amount": "amount, payment amount, opportunity amount, cost amount",
    "shipping_tax_amount": "shipping tax",
    "discount_tax_amount": "discount tax",
    "refund_amount": "refund amount, refund, cancel amount, amount",
    "ordered_at": "order date, date, placed date, placed, order created date, created date, order created, created",
    "returned_at": "refund date, cancel date, date, created date",
    "paid_at": "payment date, date, created date",
    "responded_at": "responded date, response date, date, created date",
    "contacted_at": "contact date, started date, date, created date",
    "opened_at": "opened date, created date, date",
    "closed_at": "closed date, won date",
    "started_at": "started date, start date, begin date, created date",
    "ended_at": "ended date, end date, cancel date",
    "occurred_at": "occurred date, date, event date, created date",
    "changed_at": "changed date, date",
    "created_at": "created date, created, customer created",
    "start_date": "start date, started date, begin date, date",
    "end_date": "end date, ended date",
    "rate_date": "rate date, date, valid from",
    "period_start_date": "month date, month, date",
    "birth_date": "birth date, birth, date birth",
    "product_name": "product name, line name, line product name, name, product description, description, product",
    "category": "category, product category, category name, product type",
    "department": "department",
    "list_price": "list price, price, unit price",
    "full_name": "full name, customer name, name, person name, shipping name, billing name",
    "given_name": "first name, first",
    "family_name": "last name, last",
    "email": "email, email address, customer email",
    "phone": "phone, phone id",
    "street": "address, address line, address address",
    "city": "city, city address",
    "postcode": "postcode, postcode id, postcode address",
    "country": "country, country id, country name",
    "channel": "channel, order channel, order source, source",
    "currency": "currency, currency id, order currency",
    "method": "method, payment method, payment type",
    "payment_id": "payment id",
    "return_id": "refund id, cancel id",
    "anonymous_id": "visitor id, session id, device id, cookie id",
    "type": "type, event type, event, event name",
    "page": "page, path, url, page url",
    "referrer": "referrer, referer",
    "score": "survey, answer",
    "agent_id": "agent id, agent",
    "reason": "reason, subject, topic",
    "kind": "kind, type",
    "stage": "stage, status",
}
# Decided by what the columns add up to, or by their words (pipeline.onboarding.evidence), in tables of sales.
BY_EVIDENCE = {
    "orders": {"total_amount", "status"},
    "order_lines": {"net_amount", "quantity", "unit_price", "line_number"},
}
# Names that their table says already: `customer_email` in customers, `order_total` in orders.
OWN_WORDS = {
    "customers": {"customer"},
    "products": {"product"},
    "orders": {"order"},
    "order_lines": {"order", "line"},
    "returns": {"refund", "cancel", "line", "order"},
}
# Mapped only by a person: a wrong guess would be booked twice, or the wrong way round.
NEVER = {
    *("discount_amount", "coupon_discount_amount", "manufacturer_coupon_amount", "shipping_amount", "tax_amount"),
    *(
        "prices_include_tax",
        "is_exact_repeat",
        "line_type",
        "recovered_amount",
        "kind",
        "arm",
        "is_failed",
        "unit_cost",
    ),
    *("household_ref", "referred_by"),
}


def match_columns(entity: str, profiles: Sequence[Profile]) -> dict[str, Profile]:
    """Return the contract columns of an entity that are in a table, each with its column; a column is used once."""
    columns = input_contract()[entity]["columns"]
    scores = [
        (score, -number, role, profile)
        for role, (kind, _) in columns.items()
        if (role not in NEVER or (role == "kind" and entity not in ("customers", "costs")))
        and role not in BY_EVIDENCE.get(entity, ())
        for number, profile in enumerate(profiles)
        if _is_of_kind(role, kind, profile) and (score := _score(entity, role, profile)) > 0
    ]
    matched: dict[str, Profile] = {}
    for _, _, role, profile in sorted(scores, key=lambda item: (-item[0], -item[1], item[2])):
        if role not in matched and profile.name not in {other.name for other in matched.values()}:
            matched[role] = profile
    return {role: matched[role] for role in columns if role in matched}


def _is_of_kind(role: str, kind: str, profile: Profile) -> bool:
    if profile.is_empty:
        return False
    if kind in ("decimal", "rate"):
        is_flag = role == "total_amount" and profile.is_boolean  # `paid`, which may also be the amount
        return profile.is_number and not profile.is_time and not is_flag
    if kind == "integer":
        return profile.is_number and profile.is_whole and not profile.is_time
    if kind in ("timestamp", "date", "boolean"):
        return profile.is_boolean if kind == "boolean" else profile.is_time
    return not profile.is_time and not (role.endswith("_id") and profile.has_comma)


def _score(entity: str, role: str, profile: Profile) -> int:
    """How well a column's name says a contract column; 0: not at all."""
    if role == "email" and profile.is_email:
        return 90
    if role == "phone" and profile.is_phone:
        return 89
    said = set(profile.words) - HARMLESS
    sayings = [set(words_of(role)), *(set(saying.split()) for saying in _sayings(entity, role))]
    own = OWN_WORDS.get(entity, {*words_of(entity)})
    best = 0
    for rank, saying in enumerate(sayings):
        if said == saying:
            best = max(best, 100 - rank)
        elif saying and saying < said and said - saying <= own:
            best = max(best, 70 - rank)
    return best


def _sayings(entity: str, role: str) -> list[str]:
    sayings = SAYINGS.get(role, "").split(", ")
    if input_contract()[entity]["key"][0] == role and role.endswith("_id"):
        sayings = sorted([*sayings, "id"], key=lambda saying: "email" in saying)  # an address at last
    return [saying for saying in sayings if saying]


def missing(entity: str, matched: Mapping[str, Profile], constants: Mapping[str, str] | None = None) -> list[str]:
    """Return the required columns of an entity that no column was found for, and that are not the same on all rows."""
    columns = input_contract()[entity]["columns"]
    given = {*matched, *(constants or {})}
    return [role for role, (_, is_required) in columns.items() if is_required and role not in given]


def may_be(entity: str, role: str, profiles: Sequence[Profile]) -> list[Profile]:
    """Return the columns whose names may say a contract column, the likeliest first."""
    kind = input_contract()[entity]["columns"][role][0]
    scored = [(_score(entity, role, p), -n, p) for n, p in enumerate(profiles) if _is_of_kind(role, kind, p)]
    return [profile for score, _, profile in sorted(scored, key=lambda item: item[:2], reverse=True) if score > 0]
