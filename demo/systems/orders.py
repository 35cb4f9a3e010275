"""What the shop sold: products and prices, exchange rates, orders and their lines, in whole cents.

The shop's tables are written from these, and the other systems look at `shop_orders`.
"""

import numpy as np

from demo.world.company import SECONDS_A_DAY, Company, texts
from demo.world.laws import WINDOW_DAYS
from demo.world.names import BRANDS, DEPARTMENTS, PRODUCT_NOUNS
from demo.world.streams import stream

PRODUCTS = 480
CHEAPEST_CENTS = 300
PRICE_STEP = 0.016
DEAREST_LINE_CENTS = 500_000
SECOND_ACCOUNT_SHARE = 0.05
MARKETPLACE_SHARE = 0.05
SHIPPING_CENTS = 590
SHIPPING_FREE_FROM = 5_000
VOUCHER_CENTS = 500
VOUCHER_FROM = 2_000
VOUCHER_SHARE = 0.05
FIRST_RATE_DAY = -2
SKU = "'SKU' || lpad(cast(({0} * 7919 + 104729) % 100000 as varchar), 5, '0')"


def make_orders(company: Company) -> None:
    """Make `rate_of_day`, `shop_products`, `shop_orders` and `shop_lines`."""
    _make_rates(company)
    _make_products(company)
    _make_orders(company)
    company.drop("purchases")
    _make_lines(company)


def _make_rates(company: Company) -> None:
    """SGD per CNY in millionths: a slow random walk, published on weekdays (day 0 is a Sunday)."""
    days = np.arange(FIRST_RATE_DAY, WINDOW_DAYS + 400)
    steps = stream(company.options.seed, "exchange rates").normal(0.0, 0.0025, len(days))
    rates = np.rint(187_500 * np.exp(np.clip(np.cumsum(steps), -0.15, 0.15))).astype(np.int64)
    is_published = (days % 7 != 0) & (days % 7 != 6)
    last = np.maximum.accumulate(np.where(is_published, np.arange(len(days)), 0))
    company.numbers("rate_of_day", {"day": days, "rate": rates[last], "is_published": is_published})


def _make_products(company: Company) -> None:
    """Prices on an even logarithmic scale, so that any amount has a product a little above it."""
    company.table(
        "shop_products",
        f"""
        select
            i as product,
            {SKU.format("i")} as sku,
            {texts([department for department, _ in DEPARTMENTS])}[1 + i * 7 % {len(DEPARTMENTS)}] as department,
            {texts([category for _, category in DEPARTMENTS])}[1 + i * 7 % {len(DEPARTMENTS)}] as category,
            pick({texts(BRANDS)}, u('brand', i)) as brand,
            pick({texts(PRODUCT_NOUNS)}, u('noun', i)) as noun,
            cast(round({CHEAPEST_CENTS} * exp({PRICE_STEP} * i)) as bigint) as price_cents,
            cast(round({CHEAPEST_CENTS} * exp({PRICE_STEP} * i) * (0.42 + 0.2 * u('cost', i))) as bigint) as cost_cents
        from range({PRODUCTS}) as r(i)
        """,
    )


def _make_orders(company: Company) -> None:
    """One row per purchase that ever happens in the window or after it; a purchase is an order.

    A marketplace order comes with an e-mail address of its own and so with an account of its own.
    """
    marketplace = MARKETPLACE_SHARE if company.is_full else 0.0
    second = SECOND_ACCOUNT_SHARE * company.options.errors
    company.table(
        "shop_orders",
        f"""
        with channelled as (
            select
                purchases.*, lives.is_business, lives.latent_class,
                case when is_business then 'web'
                    when u('channel', purchase_id) < {marketplace} then 'marketplace'
                    when u('channel', purchase_id) < 0.36 and failure = 0 then 'store'
                    when u('channel', purchase_id) < 0.50 then 'app' else 'web' end as channel,
                u('second account', person_id) < {second}
                    and at_s > u('second account since', person_id) * {WINDOW_DAYS * SECONDS_A_DAY}
                    and u('account', purchase_id) < 0.7 as is_second
            from purchases inner join lives using (person_id)
            where at_s >= 0
        )
        select
            channelled.*,
            case when campaign >= 0 and u('shows voucher', purchase_id) < 0.85 then campaign end as code,
            code('K', purchase_id) as order_no,
            case when channel = 'marketplace' then code('M', purchase_id)
                else code('C', person_id * 2 + cast(is_second as int)) end as customer_no,
            case when channel = 'marketplace' then 'CNY' else 'SGD' end as currency,
            case when channel = 'marketplace' then rate else 1000000 end as rate,
            tax_percent(at_s) as tax_percent,
            case when channel = 'marketplace' then half_up(net_cents * 1000000, rate) else net_cents end
                as goods_cents,
            day_of(at_s) as day
        from channelled inner join rate_of_day on day_of(at_s) = rate_of_day.day
        """,
    )


def _make_lines(company: Company) -> None:
    """Split an order's goods into one to four lines; then its shipping, and its voucher.

    A line's product is one whose price is a little above the net price, in a promotion some more: the rest is discount.
    """
    steps = _promotion_steps(company)
    company.table(
        "goods_lines",
        f"""
        with counted as (
            select *, least(
                case when u('lines', purchase_id) < 0.46 then 1 when u('lines', purchase_id) < 0.79 then 2
                    when u('lines', purchase_id) < 0.93 then 3 else 4 end,
                greatest(1, net_cents // {CHEAPEST_CENTS})) as lines
            from shop_orders where day < {company.options.days}
        ),
        weighed as (
            select *, [0.3 + u('weight 1', purchase_id), 0.3 + u('weight 2', purchase_id),
                0.3 + u('weight 3', purchase_id), 0.3 + u('weight 4', purchase_id)][1:lines] as weights
            from counted
        ),
        numbered as (
            select *, unnest(range(1, lines + 1)) as line_no from weighed
        ),
        split as (
            select *, purchase_id * 8 + line_no as line_key,
                case when line_no = lines then goods_cents
                    else cast(floor(goods_cents * (list_sum(weights[1:line_no]) / list_sum(weights))) as bigint) end
                - cast(floor(
                    goods_cents * (coalesce(list_sum(weights[1:line_no - 1]), 0) / list_sum(weights))
                ) as bigint) as line_cents
            from numbered
        ),
        counted_pieces as (
            select *, line_cents * rate / 1000000.0 as sgd_cents,
                greatest(
                    case when u('pieces', line_key) < 0.72 then 1 when u('pieces', line_key) < 0.92 then 2 else 3 end,
                    1 + cast(floor(line_cents * rate / 1000000.0 / {DEAREST_LINE_CENTS}) as bigint)) as quantity
            from split
        ),
        chosen as (
            select *, least({PRODUCTS - 1}, 1 + {steps}
                + greatest(0, cast(ceil(
                    ln(greatest(sgd_cents, 1) / quantity / {CHEAPEST_CENTS}) / {PRICE_STEP}
                ) as int))) as product
            from counted_pieces
        )
        select purchase_id, line_no, lines, line_key, product, quantity, line_cents, price_cents, cost_cents, currency,
            rate, is_business, tax_percent
        from chosen inner join shop_products using (product)
        """,
    )
    company.table("shop_lines", _all_lines(company))
    company.drop("goods_lines")


def _promotion_steps(company: Company) -> str:
    """Price steps between a product and the net price: more in promotions."""
    branches = [
        f"when day >= {promotion.start_day} and day < {promotion.start_day + promotion.days} "
        f"then {round(promotion.discount / PRICE_STEP)}"
        for promotion in company.world.promotions
    ]
    promoted = f"case {' '.join(branches)} else 0 end" if branches else "0"
    usual = "case when u('discounted', line_key) < 0.35 then cast(floor(u('discount', line_key) * 7) as int) else 0 end"
    return f"{usual} + {promoted}"


def _all_lines(company: Company) -> str:
    """Every line with its amounts in cents of the order's currency: net, tax, and net in SGD times 10,000."""
    return f"""
        with goods as (
            select *, half_up(line_cents * tax_percent, 100) as tax,
                case when is_business then price_cents
                    when currency = 'SGD' then half_up(price_cents * (100 + tax_percent), 100)
                    else half_up(price_cents * (100 + tax_percent) * 10000, rate) end as unit
            from goods_lines
        ),
        counted as (
            select purchase_id, any_value(lines) as lines from goods_lines group by purchase_id
        ),
        lines as (
            select purchase_id, line_no, lines, line_key, product, 'product' as line_type, quantity, line_cents as net,
                tax, unit, quantity * unit - line_cents - case when is_business then 0 else tax end as discount,
                    cost_cents,
                currency, rate, is_business
            from goods
            {_header_lines() if company.is_full else ""}
        )
        select *, case when currency = 'SGD' then net * 100 else half_up(net * rate, 10000) end as net_e4,
            net + case when is_business then 0 else tax end as amount
        from lines
    """


def _header_lines() -> str:
    """Shipping of small orders, and vouchers. What they say includes tax, but for companies."""
    return f"""
            union all
            select purchase_id, lines + 1, lines, purchase_id * 8 + 6, null, 'shipping', 1,
                {SHIPPING_CENTS} - case when is_business then 0 else tax end, tax, {SHIPPING_CENTS}, 0, 0, currency,
                rate, is_business
            from (
                select *,
                    half_up({SHIPPING_CENTS} * tax_percent, 100 + case when is_business then 0
                        else tax_percent end) as tax
                from counted inner join shop_orders using (purchase_id)
                where channel in ('web', 'app') and net_cents < {SHIPPING_FREE_FROM}
            )
            union all
            select purchase_id, lines + 2, lines, purchase_id * 8 + 7, null, 'discount', 1, -{VOUCHER_CENTS} + tax,
                -tax, -{VOUCHER_CENTS}, 0, 0, currency, rate, is_business
            from (
                select *, half_up({VOUCHER_CENTS} * tax_percent, 100 + tax_percent) as tax
                from counted inner join shop_orders using (purchase_id)
                where currency = 'SGD' and not is_business and net_cents >= {VOUCHER_FROM}
                    and u('voucher', purchase_id) < {VOUCHER_SHARE}
            )
    """
