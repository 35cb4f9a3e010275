-- Grain: one row per landed line, sold or cancelled. The other staging models of this source read it.
-- The file has no line number: exact repeats are kept, numbered within their invoice and flagged.
{% set content = [
    '"Invoice"', '"StockCode"', '"Description"', '"Quantity"', '"InvoiceDate"', '"Price"', '"Customer ID"', '"Country"',
] %}

with landed as (
    select * from {{ landed('invoice_lines') }}
),

named as (
    select
        "Invoice" as invoice,
        left("Invoice", 1) = 'C' as is_cancellation,
        upper(trim("StockCode")) as stock_code,
        trim("Description") as description,
        -- The column is a double: 13085.0 is customer 13085.
        coalesce(
            cast(try_cast("Customer ID" as bigint) as varchar), cast("Customer ID" as varchar)
        ) as source_customer_id,
        "Country" as country,
        "InvoiceDate" as invoiced_at,
        "Quantity" as quantity,
        try_cast("Price" as decimal(18, 4)) as price,
        {{ occurrence(content) }} > 1 as is_exact_repeat,
        row_number() over (
            partition by "Invoice"
            order by {{ content | join(', ') }}, _position
        ) as line_number,
        _table,
        _file,
        _interval,
        _generation,
        _position,
        _op,
        _cursor
    from landed
)

select
    *,
    quantity * price as amount,
    case
        when stock_code in ('POST', 'DOT', 'C2', 'C3') then 'shipping'
        when stock_code = 'D' then 'discount'
        when stock_code = 'B' then 'bad_debt'
        when stock_code in ('BANK CHARGES', 'AMAZONFEE') then 'fee'
        when stock_code in ('M', 'S', 'ADJUST', 'ADJUST2') or stock_code like 'TEST%' then 'adjustment'
        when stock_code like 'GIFT%' then 'gift_card'
        -- Stock written off by hand: quantity taken out at no price, outside any sale.
        when not is_cancellation and quantity < 0 and price = 0 then 'adjustment'
        else 'product'
    end as line_type
from named
