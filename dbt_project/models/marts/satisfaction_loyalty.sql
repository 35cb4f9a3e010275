-- Grain: one row per (dimension, dimension_value, measure): what customers say, and how they behave, by group.
-- Of a survey each customer counts once, with the last answer of the last 365 days. The interval (95 %) knows of
-- chance, not of who chose to answer: response_share, and what those who answered and the others bought, stand beside.
-- Shares: Wilson (1927). NPS: Wald with three answers added (Rocks 2016, The American Statistician 70). Means: Student.
-- Small groups are withheld (docs/decisions.md).
{% set first_day = add_days(as_of_date(), -364) %}
{% set has = var('providers') %}
{% set has_surveys = 'true' if has.get('survey_responses') else 'false' %}
{% set z = 1.959964 %}

with bought as (
    select
        customer_id,
        count(*) as purchases
    from {{ ref('fct_order') }}
    where is_purchase and order_date >= {{ first_day }} and {{ by_as_of('order_date') }}
    group by customer_id
),

customers as (
    select
        loyalty.*,
        bought.purchases as purchases_365d,
        coalesce(profile.segment_name, 'unknown') as segment,
        coalesce(profile.tier, 'unknown') as tier,
        coalesce(profile.acquisition_channel, 'unknown') as acquisition_channel
    from {{ ref('customer_loyalty') }} as loyalty
    inner join {{ ref('customer_360') }} as profile on loyalty.customer_id = profile.customer_id
    left join bought on loyalty.customer_id = bought.customer_id
),

answers as (
    select
        customer_id,
        kind,
        score,
        row_number() over (partition by customer_id, kind order by responded_at desc, response_id asc) as recency
    from {{ ref('fct_survey_response') }}
    where response_date >= {{ first_day }} and {{ by_as_of('response_date') }}
),

facts as (
    select
        customer_id,
        kind as measure,
        cast(
            case
                when kind = 'nps' and score >= 9 then 1
                when kind = 'nps' and score <= 6 then -1
                when kind = 'nps' then 0
                when kind = 'csat' and score >= 4 then 1
                when kind = 'csat' then 0
                else score
            end as decimal(18, 6)
        ) as fact
    from answers
    where recency = 1
    union all
    select
        customer_id,
        measure,
        fact
    from (
        select
            customer_id,
            cast(case when purchases >= 2 then 1 else 0 end as decimal(18, 6)) as repeat_rate,
            cast(tenure_days as decimal(18, 6)) as tenure_days,
            cast(categories as decimal(18, 6)) as categories,
            cast(discount_share as decimal(18, 6)) as discount_share,
            cast(case when referrals > 0 then 1 when referrals = 0 then 0 end as decimal(18, 6)) as referring,
            cast(campaign_contacts_90d + coalesce(desk_contacts_90d, 0) as decimal(18, 6)) as contact_pressure,
            cast(case when loyalty_class = 'loyalist' then 1 when loyalty_class <> '' then 0 end as decimal(18, 6))
                as loyalists,
            cast(case when loyalty_class = 'mercenary' then 1 when loyalty_class <> '' then 0 end as decimal(18, 6))
                as mercenaries,
            cast(case when loyalty_class = 'hostage' then 1 when loyalty_class <> '' then 0 end as decimal(18, 6))
                as hostages,
            cast(case when loyalty_class = 'defector' then 1 when loyalty_class <> '' then 0 end as decimal(18, 6))
                as defectors
        from customers
    ) as behaviour
    unpivot (
        fact for measure in (
            repeat_rate, tenure_days, categories, discount_share, referring, contact_pressure,
            loyalists, mercenaries, hostages, defectors
        )
    )
),

listed (measure, unit, is_asked, scale, least, most, entity, is_provided) as (
    values
    ('nps', 'points', true, 100, -1, 1, 'survey responses', {{ has_surveys }}),
    ('csat', 'ratio', true, 1, 0, 1, 'survey responses', {{ has_surveys }}),
    ('ces', 'score', true, 1, -1e9, 1e9, 'survey responses', {{ has_surveys }}),
    ('loyalists', 'ratio', true, 1, 0, 1, 'survey responses', {{ has_surveys }}),
    ('mercenaries', 'ratio', true, 1, 0, 1, 'survey responses', {{ has_surveys }}),
    ('hostages', 'ratio', true, 1, 0, 1, 'survey responses', {{ has_surveys }}),
    ('defectors', 'ratio', true, 1, 0, 1, 'survey responses', {{ has_surveys }}),
    ('repeat_rate', 'ratio', false, 1, 0, 1, 'orders', true),
    ('tenure_days', 'days', false, 1, 0, 1e9, 'orders', true),
    ('discount_share', 'ratio', false, 1, 0, 1, 'orders', true),
    ('categories', 'count', false, 1, 0, 1e9, 'products', {{ 'true' if has.get('products') else 'false' }}),
    ('referring', 'ratio', false, 1, 0, 1, 'customers', {{ 'true' if has.get('customers') else 'false' }}),
    (
        'contact_pressure', 'count', false, 1, 0, 1e9, 'campaign contacts',
        {{ 'true' if has.get('campaign_contacts') else 'false' }}
    )
),

measures as (
    select
        *,
        case when not is_provided then 'no active source provides ' || entity end as entity_reason,
        case when is_asked then 'nobody has answered' else 'nobody has bought' end as nobody
    from listed
),

sizes as (
    select
        segment,
        tier,
        acquisition_channel,
        count(*) as customers,
        count(purchases_365d) as buyers,
        sum(purchases_365d) as purchases
    from customers
    group by grouping sets ((), (segment), (tier), (acquisition_channel))
),

sums as (
    select
        facts.measure,
        customers.segment,
        customers.tier,
        customers.acquisition_channel,
        count(*) as counted,
        cast(sum(facts.fact) as double) as total,
        cast(sum(cast(facts.fact as double) * facts.fact) as double) as squares,
        count(customers.purchases_365d) as counted_buyers,
        sum(customers.purchases_365d) as counted_purchases
    from facts
    inner join customers on facts.customer_id = customers.customer_id
    group by grouping sets (
        (facts.measure), (facts.measure, segment), (facts.measure, tier), (facts.measure, acquisition_channel)
    )
),

cells as (
    select
        case
            when sizes.segment is not null then 'segment'
            when sizes.tier is not null then 'tier'
            when sizes.acquisition_channel is not null then 'acquisition_channel'
            else 'all'
        end as dimension,
        coalesce(sizes.segment, sizes.tier, sizes.acquisition_channel, 'all') as dimension_value,
        measures.*,
        sizes.customers,
        sizes.buyers,
        sizes.purchases,
        coalesce(sums.counted, 0) as counted,
        sums.total,
        sums.squares,
        coalesce(sums.counted_buyers, 0) as counted_buyers,
        coalesce(sums.counted_purchases, 0) as counted_purchases
    from sizes
    cross join measures
    left join sums
        on
            measures.measure = sums.measure
            and sizes.segment is not distinct from sums.segment
            and sizes.tier is not distinct from sums.tier
            and sizes.acquisition_channel is not distinct from sums.acquisition_channel
),

judged as (
    select
        *,
        case
            when entity_reason is not null then entity_reason
            when counted = 0 then nobody
            when {{ is_withheld('counted', 'dimension, measure', 'dimension_value') }} then 'of too few customers'
        end as unavailable_reason,
        {{ is_withheld('counted_buyers', 'dimension, measure', 'dimension_value') }} as withholds_answering,
        {{ is_withheld('(buyers - counted_buyers)', 'dimension, measure', 'dimension_value') }} as withholds_others,
        total / counted as mean,
        greatest(squares / counted - (total / counted) * (total / counted), 0) as variance,
        counted + 3 as added,
        total / (counted + 3) as added_mean,
        (squares + 1.5) / (counted + 3) - (total / (counted + 3)) * (total / (counted + 3)) as added_variance
    from cells
),

spread as (
    select
        *,
        case
            when unit = 'ratio' then (mean + {{ z * z / 2 }} / counted) / (1 + {{ z * z }} / counted)
            when measure = 'nps' then added_mean
            else mean
        end as centre,
        case
            when unit = 'ratio'
                then
                    {{ z }} * sqrt(greatest(mean * (1 - mean), 0) / counted + {{ z * z / 4 }} / counted / counted)
                    / (1 + {{ z * z }} / counted)
            when measure = 'nps' then {{ z }} * sqrt(added_variance / added)
            when counted > 1
                then
                    (
                        {{ z }} + {{ (z ** 3 + z) / 4 }} / (counted - 1)
                        + {{ (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96 }} / (counted - 1) / (counted - 1)
                    )
                    * sqrt(variance / (counted - 1))
        end as half
    from judged
    where unavailable_reason is null
),

final as (
    select
        judged.dimension,
        judged.dimension_value,
        judged.measure,
        {{ as_of_date() }} as as_of_date,
        judged.unit,
        judged.unavailable_reason,
        judged.customers,
        case when judged.unavailable_reason is null then judged.counted end as counted_customers,
        {{ rounded('spread.mean * judged.scale', 6) }} as value,
        case
            when judged.is_asked and spread.half is not null
                then {{ rounded('greatest(spread.centre - spread.half, judged.least) * judged.scale', 6) }}
        end as value_low,
        case
            when judged.is_asked and spread.half is not null
                then {{ rounded('least(spread.centre + spread.half, judged.most) * judged.scale', 6) }}
        end as value_high,
        case
            when judged.is_asked and judged.unavailable_reason is null
                then {{ quotient('judged.counted_buyers', 'judged.buyers', 6) }}
        end as response_share,
        case
            when judged.is_asked and judged.unavailable_reason is null and not judged.withholds_answering
                then {{ quotient('judged.counted_purchases', 'judged.counted_buyers', 4) }}
        end as purchases_of_answering,
        case
            when judged.is_asked and judged.unavailable_reason is null and not judged.withholds_others
                then
                    {{ quotient(
                        '(judged.purchases - judged.counted_purchases)', '(judged.buyers - judged.counted_buyers)', 4
                    ) }}
        end as purchases_of_others
    from judged
    left join spread
        on
            judged.dimension = spread.dimension
            and judged.dimension_value = spread.dimension_value
            and judged.measure = spread.measure
)

select * from final
