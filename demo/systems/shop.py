"""The shop: one SQLite database with the state of today.

What the warehouse must make of it: the net amount of a line is amount - tax where prices_include_tax is 1, else amount
(orders of companies, where the tax comes on top). Another currency becomes SGD line by line, at the rate of the latest
rate_date not after the local date, rounded half up to four decimals; an order's net_sales is the sum of its lines.
"""

from demo.systems.deliver import publish_parquet
from demo.systems.orders import SKU, make_orders
from demo.systems.records import record, said
from demo.world.company import SECONDS_A_DAY, Company, texts

TABLES = ("customers", "products", "orders", "order_lines", "payments", "returns", "subscriptions", "fx_rates")
RETURN_SHARE = 0.05
DAMAGED_RETURN_SHARE = 0.5
SUBSCRIPTION_SHARE = 0.04
MEAN_MEMBERSHIP_DAYS = 420
"""Of members who stay with the company."""
NOTICE_DAYS = 14
"""From leaving the company to the end of the membership."""


def make_shop(company: Company) -> None:
    """Make the shop's tables, and `shop_orders` for the systems that look at orders."""
    make_orders(company)
    publish_parquet(company, "demo_shop.fx_rates", _fx_rates())
    publish_parquet(company, "demo_shop.products", _products())
    publish_parquet(company, "demo_shop.customers", _customers(company))
    publish_parquet(company, "demo_shop.orders", _orders(company))
    company.table(
        "failed_orders",
        "select distinct _purchase as purchase_id, _reason from demo_shop__orders where _fate = 'quarantined'",
    )
    publish_parquet(company, "demo_shop.order_lines", _order_lines())
    publish_parquet(company, "demo_shop.payments", _payments())
    publish_parquet(company, "demo_shop.returns", _returns(company))
    publish_parquet(company, "demo_shop.subscriptions", _subscriptions(company))
    company.drop("shop_lines", "failed_orders")


def _fx_rates() -> str:
    return """
        select cast(date_of(day) as varchar) as rate_date, 'CNY' as from_currency, 'SGD' as to_currency,
            cast(cast(rate / 1000000.0 as decimal(12, 6)) as varchar) as rate,
            case when day < 0 then 0 else day end as _day, day as _key, 0 as _version_s,
            cast(null as text) as _parent_reason
        from rate_of_day where is_published
    """


def _products() -> str:
    return """
        select sku, noun || ' ' || category || ' No. ' || product as title, department, category, brand,
            money(price_cents) as list_price, money(cost_cents) as unit_cost,
            0 as _day, product as _key, 0 as _version_s, cast(null as text) as _parent_reason
        from shop_products
    """


def _customers(company: Company) -> str:
    """Accounts as of the last day: written at the first order, and again after a move, a marriage, a new number."""
    last = company.end
    accounts = f"""
        select
            customer_no, min(person_id) as person_id, min(purchase_id) as record_key,
            greatest(0, min(at_s) - 90) as created_s, any_value(channel) = 'marketplace' as is_masked,
            any_value(is_second) as is_second
        from shop_orders group by customer_no having min(at_s) < {last}
    """
    changes = f"""
        select accounts.*,
            greatest(created_s, case when u('keeps record', record_key) < 0.6 then list_max(list_filter(
                [people.moved_s, people.married_s, people.new_email_s, people.new_phone_s, 0], lambda s: s < {last}))
                else 0 end) as recorded_s
        from ({accounts}) as accounts inner join people using (person_id)
    """
    told = "not is_masked and u('tells birth date', record_key) >= 0.35"
    says = said(
        email="case when not is_masked then said_email end",
        phone="case when not is_masked then said_phone end",
        loyalty="case when not is_masked and not is_second then record_loyalty end",
        born=f"case when {told} then said_born end",
        street="record_street",
        postcode="record_postcode",
        given="said_given",
        family="said_family",
    )
    return f"""
        select
            customer_no, record_given as given_name, record_family as family_name,
            case when is_masked then 'm' || lower(substr(customer_no, 2)) || '@relay.marketplace.example'
                else record_email end as email,
            case when is_masked then null else record_phone end as phone,
            case when not is_masked and not is_second then record_loyalty end as loyalty_no,
            case when {told} then record_birth_date end as birth_date,
            record_street as street, 'Singapore' as city, record_postcode as postcode, 'SG' as country,
            case when is_masked then 'marketplace' else signup_channel end as signup_channel,
            case when signup_channel = 'referral' and not is_masked and person_id > 0
                then code('C', cast(floor(u('referred by', person_id) * person_id) as bigint) * 2) end as referred_by,
            case when not is_masked then account_no end as account_no,
            local_text(created_s) as created_at, local_text(recorded_s) as updated_at,
            {says},
            person_id as _person, record_key as _key, created_s as _created_s, 0 as _day, 0 as _version_s,
            cast(null as text) as _parent_reason
        from ({record(company, "shop", changes)})
    """


def _orders(company: Company) -> str:
    codes = texts([campaign.code for campaign in company.world.campaigns] or [""])
    return f"""
        select
            order_no, customer_no, local_text(at_s) as placed_at, channel,
            case when channel = 'marketplace' then 'marketplace' else 'own' end as seller_channel,
            'completed' as status, currency, case when is_business then 0 else 1 end as prices_include_tax,
            case when code is not null then {codes}[code + 1] end as campaign_code, local_text(at_s) as updated_at,
            purchase_id as _purchase, purchase_id as _key, day as _day, 0 as _version_s,
            cast(null as text) as _parent_reason
        from shop_orders
    """


def _order_lines() -> str:
    return f"""
        select
            order_no, line_no, {SKU.format("product")} as sku, line_type, cast(quantity as varchar) as quantity,
            money(unit) as unit_price,
            money(discount) as discount, money(amount) as amount, money(tax) as tax,
            net_e4 as _net_e4, line_type as _type, cost_cents * quantity as _cost_cents, purchase_id as _purchase,
            line_no as _line, line_key as _key, day as _day, 0 as _version_s,
            failed_orders._reason as _parent_reason
        from shop_lines
        inner join (select purchase_id, order_no, day from shop_orders) as orders using (purchase_id)
        left join failed_orders using (purchase_id)
    """


def _payments() -> str:
    """One good payment per order, now and then after one that failed; none for an order that is to be quarantined.

    An order just before midnight is paid on the day after, at the rate of that day.
    """
    return """
        with totals as (
            select purchase_id, cast(sum(amount + case when is_business then tax else 0 end) as bigint) as cents
            from shop_lines group by purchase_id
        ),
        attempts as (
            select purchase_id, order_no, channel, currency, at_s, day, cents,
                unnest(case when u('payment fails', purchase_id) < 0.03 then [1, 2] else [2] end) as attempt
            from totals inner join shop_orders using (purchase_id)
            where purchase_id not in (select purchase_id from failed_orders)
        )
        select
            code('P', purchase_id * 2 + attempt - 1) as payment_no, order_no,
            case when channel = 'store' and u('method', purchase_id) < 0.2 then 'cash'
                when u('method', purchase_id) < 0.55 then 'card' when u('method', purchase_id) < 0.8 then 'paynow'
                else 'wallet' end as method,
            money(cents) as amount, currency, case when attempt = 1 then 'failed' else 'ok' end as status,
            local_text(at_s + attempt * 20) as paid_at,
            case when currency = 'SGD' then cents * 100 else half_up(cents * paid.rate, 10000) end as _amount_e4,
            attempt = 1 as _is_failed,
            purchase_id * 2 + attempt - 1 as _key, attempts.day as _day, 0 as _version_s,
            cast(null as text) as _parent_reason
        from attempts inner join rate_of_day as paid on day_of(at_s + attempt * 20) = paid.day
    """


def _returns(company: Company) -> str:
    """Lines of goods that come back within a month; a few without the number of their order."""
    share, damaged_share = (RETURN_SHARE, DAMAGED_RETURN_SHARE) if company.is_full else (0.0, 0.0)
    return f"""
        with returned as (
            select shop_lines.*, order_no, customer_no, day,
                at_s + between_draw({2 * SECONDS_A_DAY}, {28 * SECONDS_A_DAY}, u('returned when',
                    line_key)) as returned_s,
                case when quantity > 1 and u('returns one', line_key) < 0.5 then 1 else quantity end as pieces, failure,
                case when failure <> 2 and u('resold', line_key) < 0.5 then cost_cents else 0 end as resale_cents
            from shop_lines
            inner join (select purchase_id, order_no, customer_no, day, at_s, failure from shop_orders) as orders
                using (purchase_id)
            where line_type = 'product' and not is_business
                and u('returns', line_key) < case when failure = 2 then {damaged_share} else {share} end
                and purchase_id not in (select purchase_id from failed_orders)
                and line_key not in (select _key from demo_shop__order_lines where _fate = 'quarantined' and _copy = 1)
        ),
        refunded as (
            select *, net * pieces // quantity as refund_net, tax * pieces // quantity as refund_tax,
                day_of(returned_s) as return_day
            from returned
        )
        select
            code('R', line_key) as return_no,
            case when u('slip lost', line_key) < 0.02 then null else order_no end as order_no,
            case when u('slip lost', line_key) < 0.02 then null else cast(line_no as varchar) end as line_no,
            customer_no, {SKU.format("product")} as sku, cast(pieces as varchar) as quantity,
            money(refund_net + refund_tax) as refund, money(refund_tax) as tax, currency,
            case when failure = 2 then 'damaged' when u('return reason', line_key) < 0.5 then 'not wanted'
                when u('return reason', line_key) < 0.8 then 'not as described' else 'too late' end as reason,
            money(resale_cents * pieces) as recovered,
            local_text(returned_s) as returned_at,
            case when currency = 'SGD' then refund_net * 100 else half_up(refund_net * rate_of_day.rate, 10000) end
                as _refund_e4,
            resale_cents * pieces as _recovered_cents,
            line_key as _key, return_day as _day, 0 as _version_s, cast(null as text) as _parent_reason
        from refunded inner join rate_of_day on return_day = rate_of_day.day
    """


def _subscriptions(company: Company) -> str:
    """The plant club: a few customers, from some day after their first order until they give notice or leave."""
    return f"""
        with members as (
            select person_id, customer_no, left_s,
                first_s + cast(u('club when', person_id) * {200 * SECONDS_A_DAY} as bigint) as started_s
            from (select person_id, min(at_s) as first_s, min_by(customer_no, purchase_id) as customer_no
                from shop_orders where channel <> 'marketplace' group by person_id)
            inner join lives using (person_id)
            where u('club', person_id) < {SUBSCRIPTION_SHARE} and not is_business
        ),
        ended as (
            select *, least(left_s + {NOTICE_DAYS * SECONDS_A_DAY}, started_s + cast(
                -ln(1 - u('club until', person_id)) * {MEAN_MEMBERSHIP_DAYS * SECONDS_A_DAY} as bigint
            )) as ended_s
            from members where started_s < left_s
        )
        select
            code('S', person_id) as subscription_no, customer_no,
            case when u('club plan', person_id) < 0.7 then 'plant_club' else 'plant_club_plus' end as plan,
            case when u('club plan', person_id) < 0.7 then '9.90' else '19.90' end as price, 'month' as period,
            local_text(started_s) as started_at,
            case when ended_s < {company.end} then local_text(ended_s) end as ended_at,
            case when ended_s >= {company.end} then null
                when ended_s = left_s + {NOTICE_DAYS * SECONDS_A_DAY} then 'moved on'
                when u('club end', person_id) < 0.5 then 'too expensive' else 'not used' end as end_reason,
            person_id as _key, day_of(started_s) as _day, 0 as _version_s, cast(null as text) as _parent_reason
        from ended
    """
