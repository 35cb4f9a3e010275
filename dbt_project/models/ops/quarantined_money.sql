-- Grain: one row per load of a table that carries money: how much of it was set aside.
-- Lines that are nested in the rows of their orders carry it, too.
-- Neither duplicates nor excluded rows nor deletions carry any, nor rows that were set aside and came again, readable,
-- in a later load.
-- Amounts are absolute, at the newest rate to the reporting currency. An amount that is no number, in a currency
-- without a rate, or on a line that could not be read, is unknown.
{% set amounts = {
    'orders': 'total_amount', 'order_lines': 'net_amount', 'returns': 'refund_amount', 'payments': 'amount',
    'costs': 'amount',
} %}
{% set rate -%}
case when coalesce(versions.currency, '{{ var("currency") }}') = '{{ var("currency") }}' then 1 else rates.rate end
{%- endset %}
with rates as (
    select
        from_currency,
        rate
    from {{ ref('int_exchange_rates') }}
    where valid_to_date = cast('9999-12-31' as date)
),

-- A line is in the currency of its order.
foreign_orders as (
    select
        source_system,
        order_id,
        max(currency) as currency
    from {{ ref('int_orders__rows') }}
    where currency <> '{{ var("currency") }}'
    group by source_system, order_id
),

order_lines as (
    select
        versions.*,
        foreign_orders.currency
    from {{ ref('int_order_lines__rows') }} as versions
    left join foreign_orders
        on versions.source_system = foreign_orders.source_system and versions.order_id = foreign_orders.order_id
),

judged as (
    {%- for entity, amount in amounts.items() %}
    {%- set versions = 'order_lines' if entity == 'order_lines' else ref('int_' ~ entity ~ '__rows') %}
    select
        versions._file as landed_file,
        versions._fate = 'quarantined' as is_set_aside,
        cast({{ rounded_product('abs(versions.' ~ amount ~ ')', rate) }} as {{ contract_type('total') }}) as amount
    from {{ versions }} as versions
    left join rates on versions.currency = rates.from_currency
    left join {{ ref('int_rows_read_later') }} as read_later
        on
            versions._file = read_later.landed_file
            and versions._position = read_later.position_in_file
            and versions._is_derived = read_later.is_part
    where
        {{ 'true' if entity == 'order_lines' else 'not versions._is_derived' }}
        and versions._op <> 'delete'
        and versions._fate in ('accepted', 'quarantined')
        and read_later.landed_file is null
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

loads as (
    select
        landed_file,
        count(*) as money_rows,
        count(amount) as known_rows,
        sum(case when is_set_aside then 1 else 0 end) as set_aside_rows,
        sum(case when is_set_aside and amount is null then 1 else 0 end) as set_aside_unknown_rows,
        coalesce(sum(amount), 0) as amount,
        coalesce(sum(case when is_set_aside then amount end), 0) as set_aside_amount
    from judged
    group by landed_file
)

select
    receipts.source,
    receipts.table_name,
    receipts."interval",
    receipts.generation,
    receipts.landed_file,
    loads.money_rows + receipts.unreadable as money_rows,
    loads.known_rows,
    cast(loads.set_aside_rows + receipts.unreadable as bigint) as set_aside_rows,
    cast(loads.set_aside_unknown_rows + receipts.unreadable as bigint) as set_aside_unknown_rows,
    cast(loads.amount as {{ contract_type('total') }}) as amount,
    cast(loads.set_aside_amount as {{ contract_type('total') }}) as set_aside_amount
from loads
inner join {{ ref('load_receipts') }} as receipts on loads.landed_file = receipts.landed_file
