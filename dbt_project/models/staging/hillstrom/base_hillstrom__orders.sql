-- Grain: one row per order. What a customer spent in the year before is one order, recency months (of 30 days) before
-- the e-mail; what was spent in the two weeks after it is one on the day of the e-mail. The file has no other dates.
with drawn as (
    select * from {{ ref('base_hillstrom__customers') }}
    where mailing_number = 1
),

orders as (
    select
        'before ' || customer_number as order_id,
        customer_number,
        channel,
        history as amount,
        {{ add_days('cast(sent_on as date)', '-30 * cast(recency as int)') }} as order_date,
        _cursor,
        {{ lineage_columns() }}
    from drawn
    union all
    select
        'after ' || customer_number as order_id,
        customer_number,
        channel,
        spend as amount,
        cast(sent_on as date) as order_date,
        _cursor,
        {{ lineage_columns() }}
    from drawn
    where conversion = '1'
)

select * from orders
