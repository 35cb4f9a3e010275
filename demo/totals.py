"""The generator's own totals, which the facts of the warehouse must equal to the row and the cent.

They are sums of whole cents (CENTS) or ten-thousandths (E4) over the accepted rows; of what is delivered more than
once, the newest version counts, and nothing of what was deleted.
"""

from demo.systems.web import SESSION_GAP_SECONDS

E4 = "cast(cast(coalesce(sum({0}), 0) as decimal(24, 0)) * cast('0.0001' as decimal(5, 4)) as decimal(18, 4))"
CENTS = "cast(cast(coalesce(sum({0}), 0) as decimal(24, 0)) * cast('0.01' as decimal(3, 2)) as decimal(18, 4))"
NO_AMOUNT = "cast(null as decimal(18, 4))"
Measure = tuple[str, str, str]


def _accepted(table: str, condition: str = "true") -> str:
    return f"{table} where _fate = 'accepted' and {condition}"


def _current(table: str, condition: str = "true") -> str:
    """The newest accepted version of each row, unless that is its deletion."""
    return f"""(select * from (
        select * from {table} where _fate = 'accepted'
        qualify row_number() over (partition by _id order by _version_s desc, _key desc, _copy desc) = 1
    ) where not _is_deleted and {condition})"""


def _sessions() -> str:
    """First events of sessions: those more than 30 minutes after the visitor's event before, or without one."""
    return f"""(select * from (
        select _event_s - lag(_event_s) over (partition by visitor_id order by _event_s, _id) as gap
        from demo_web__events where _fate = 'accepted'
    ) where gap is null or gap > {SESSION_GAP_SECONDS})"""


LINES, PAYMENTS, RETURNS = "demo_shop__order_lines", "demo_shop__payments", "demo_shop__returns"
CONTACTS, CASES, SURVEYS = "demo_service__contacts", "demo_service__cases", "demo_service__surveys"
COSTS = "demo_marketing__costs"

# Source: name of the total, the rows it is over, its amount.
MEASURES: dict[str, list[Measure]] = {
    "demo_shop": [
        ("orders", _accepted("demo_shop__orders"), NO_AMOUNT),
        ("order_lines", _accepted(LINES), E4.format("_net_e4")),
        ("net_sales", _accepted(LINES), E4.format("_net_e4")),
        ("net_sales product", _accepted(LINES, "_type = 'product'"), E4.format("_net_e4")),
        ("net_sales shipping", _accepted(LINES, "_type = 'shipping'"), E4.format("_net_e4")),
        ("net_sales discount", _accepted(LINES, "_type = 'discount'"), E4.format("_net_e4")),
        ("cost_of_goods", _accepted(LINES, "_type = 'product'"), CENTS.format("_cost_cents")),
        ("payments", _accepted(PAYMENTS), E4.format("_amount_e4")),
        ("payments_amount", _accepted(PAYMENTS, "not _is_failed"), E4.format("_amount_e4")),
        ("refund_amount", _accepted(RETURNS), E4.format("_refund_e4")),
        ("recovered_amount", _accepted(RETURNS), CENTS.format("_recovered_cents")),
        ("subscriptions", _accepted("demo_shop__subscriptions"), NO_AMOUNT),
    ],
    "demo_service": [
        ("contacts", _current(CONTACTS), CENTS.format("_cost_cents")),
        ("contact_cost", _current(CONTACTS), CENTS.format("_cost_cents")),
        ("contacts given up", _current(CONTACTS, "_is_abandoned"), NO_AMOUNT),
        ("contact_wait_seconds", _current(CONTACTS, "_is_answered"), CENTS.format("_wait_seconds * 100")),
        ("cases", _current(CASES), NO_AMOUNT),
        ("case_response_seconds", _current(CASES, "_state >= 2"), CENTS.format("_response_seconds * 100")),
        ("case_resolve_seconds", _current(CASES, "_state = 3"), CENTS.format("_resolve_seconds * 100")),
        ("cases opened again", _current(CASES, "_reopened > 0"), CENTS.format("_reopened * 100")),
        ("complaints", _current(CASES, "_kind = 'complaint'"), NO_AMOUNT),
        ("case_compensation", _current(CASES), CENTS.format("_compensation_cents")),
        ("survey_responses", _current(SURVEYS), NO_AMOUNT),
        ("survey_score ces", _current(SURVEYS, "_kind = 'ces'"), CENTS.format("_score * 100")),
        ("survey_score csat", _current(SURVEYS, "_kind = 'csat'"), CENTS.format("_score * 100")),
        ("survey_score nps", _current(SURVEYS, "_kind = 'nps'"), CENTS.format("_score * 100")),
    ],
    "demo_web": [
        ("consents", _accepted("demo_web__consents"), NO_AMOUNT),
        ("web_events", _accepted("demo_web__events"), NO_AMOUNT),
        ("web_sessions", _sessions(), NO_AMOUNT),
    ],
    "demo_marketing": [
        ("campaigns", _accepted("demo_marketing__campaigns"), NO_AMOUNT),
        ("campaign_contacts", _current("demo_marketing__contacts"), NO_AMOUNT),
        ("campaign_responses", _accepted("demo_marketing__responses"), NO_AMOUNT),
        ("costs acquisition", _accepted(COSTS, "_kind = 'acquisition'"), CENTS.format("_cents")),
        ("costs retention", _accepted(COSTS, "_kind = 'retention'"), CENTS.format("_cents")),
        ("costs selling", _accepted(COSTS, "_kind = 'selling'"), CENTS.format("_cents")),
        ("costs service", _accepted(COSTS, "_kind = 'service'"), CENTS.format("_cents")),
    ],
    "demo_sales": [
        ("opportunities", _current("demo_sales__opportunities"), CENTS.format("_cents")),
    ],
}
