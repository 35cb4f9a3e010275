-- Grain: one row per campaign that has begun by the as-of date. What it changed, against its randomised control group.
-- Effects are by intention to treat, per treated customer, with 95 % intervals (part_campaign_effect); totals are
-- these times treated customers. marts.campaign_arm has the arms themselves.
-- The verdict is about purchases in the outcome window. is_effect_certain is after Benjamini and Hochberg's correction
-- over all campaigns with a verdict: of twenty campaigns without effect one would look like a success by chance.
-- Before the outcome windows of all customers are over there is no verdict, and the intervals are wider: they hold
-- however often somebody looks.
-- Profit and return on spend are of the capped margin, in which no customer counts for more than margin_cap. The plain
-- margin is beside it where its interval can be trusted.
{% set money = contract_type('decimal') %}
{% set text = contract_type('text') %}

with campaigns as (
    select * from {{ ref('dim_campaign') }}
    where campaign_id <> 'unknown' and start_date <= {{ as_of_date() }}
),

customers as (
    select
        campaign_id,
        count(case when arm = 'treated' then 1 end) as treated_customers,
        count(case when arm = 'control' then 1 end) as control_customers,
        count(case when arm = 'both' then 1 end) as both_arms_customers,
        count(case when arm <> 'control' then 1 end) as reached_customers,
        sum(case when arm <> 'control' then contacts else 0 end) as contacts,
        count(case when arm <> 'control' and is_delivered then 1 end) as delivered_customers,
        count(case when arm <> 'control' and has_opened then 1 end) as opened_customers,
        count(case when arm <> 'control' and has_clicked then 1 end) as clicked_customers,
        count(case when arm <> 'control' and has_responded then 1 end) as responded_customers,
        count(case when arm <> 'control' and has_bounced then 1 end) as bounced_customers,
        count(case when arm <> 'control' and has_unsubscribed then 1 end) as unsubscribed_customers,
        count(case when arm = 'treated' and purchases > 0 then 1 end) as treated_converted,
        sum(case when arm = 'treated' then purchases else 0 end) as treated_purchases,
        sum(case when arm = 'treated' then net_sales else 0 end) as treated_net_sales,
        count(case when arm = 'control' and purchases > 0 then 1 end) as control_converted,
        sum(case when arm = 'control' then purchases else 0 end) as control_purchases,
        sum(case when arm = 'control' then net_sales else 0 end) as control_net_sales,
        max(outcome_days) as outcome_days,
        max(window_end_date) as window_end_date
    from {{ ref('campaign_outcome') }}
    group by campaign_id
),

costs as (
    select
        campaign_id,
        sum(amount) as cost_amount
    from {{ ref('fct_cost_allocation') }}
    where {{ by_as_of('cost_date') }}
    group by campaign_id
),

caps as (
    select
        campaign_id,
        max(cap_amount) as margin_cap
    from {{ ref('campaign_arms') }}
    group by campaign_id
),

effects as (
    select
        campaign_id,
        max(case when measure = 'converted' then effect end) as conversion,
        max(case when measure = 'converted' then effect_low end) as conversion_low,
        max(case when measure = 'converted' then effect_high end) as conversion_high,
        max(case when measure = 'purchases' then effect end) as purchases_effect,
        max(case when measure = 'purchases' then effect_low end) as purchases_effect_low,
        max(case when measure = 'purchases' then effect_high end) as purchases_effect_high,
        max(case when measure = 'purchases' then shrunk_effect end) as shrunk_purchases,
        max(case when measure = 'purchases' then shrunk_effect_low end) as shrunk_purchases_low,
        max(case when measure = 'purchases' then shrunk_effect_high end) as shrunk_purchases_high,
        max(case when measure = 'purchases' then p_value end) as p_value,
        max(case when measure = 'purchases' then adjusted_p_value end) as adjusted_p_value,
        max(case when measure = 'net_sales' then effect end) as net_sales_effect,
        max(case when measure = 'net_sales' then effect_low end) as net_sales_effect_low,
        max(case when measure = 'net_sales' then effect_high end) as net_sales_effect_high,
        max(case when measure = 'margin' then effect end) as margin_effect,
        max(case when measure = 'margin' then effect_low end) as margin_effect_low,
        max(case when measure = 'margin' then effect_high end) as margin_effect_high,
        max(case when measure = 'capped_margin' then effect end) as capped_margin_effect,
        max(case when measure = 'capped_margin' then effect_low end) as capped_margin_effect_low,
        max(case when measure = 'capped_margin' then effect_high end) as capped_margin_effect_high,
        max(case when measure = 'net_sales_per_purchase' then effect end) as per_purchase,
        max(case when measure = 'net_sales_per_purchase' then effect_low end) as per_purchase_low,
        max(case when measure = 'net_sales_per_purchase' then effect_high end) as per_purchase_high,
        max(case when measure = 'purchases' then unavailable_reason end) as purchases_reason,
        max(case when measure = 'margin' then unavailable_reason end) as margin_reason,
        max(case when measure = 'capped_margin' then unavailable_reason end) as capped_margin_reason,
        max(sample_ratio_p_value) as sample_ratio_p_value
    from {{ ref('part_campaign_effect') }}
    where segment = 'everybody'
    group by campaign_id
),

joined as (
    select
        *,
        coalesce(treated_customers > 0 and control_customers > 0, false) as is_randomised,
        coalesce(window_end_date <= {{ as_of_date() }}, false) as is_window_over
    from campaigns
    left join customers using (campaign_id)
    left join effects using (campaign_id)
    left join caps using (campaign_id)
    left join costs using (campaign_id)
),

totals as (
    select
        *,
        {{ rounded_amount('net_sales_effect * treated_customers') }} as total_net_sales,
        {{ rounded_amount('net_sales_effect_low * treated_customers') }} as total_net_sales_low,
        {{ rounded_amount('net_sales_effect_high * treated_customers') }} as total_net_sales_high,
        {{ rounded_amount('margin_effect * treated_customers') }} as total_margin,
        {{ rounded_amount('margin_effect_low * treated_customers') }} as total_margin_low,
        {{ rounded_amount('margin_effect_high * treated_customers') }} as total_margin_high,
        {{ rounded_amount('capped_margin_effect * treated_customers') }} as total_capped_margin,
        {{ rounded_amount('capped_margin_effect_low * treated_customers') }} as total_capped_margin_low,
        {{ rounded_amount('capped_margin_effect_high * treated_customers') }} as total_capped_margin_high,
        case
            when coalesce(reached_customers, 0) = 0 then 'nobody has been written to yet'
            when treated_customers = 0 and control_customers > 0
                then 'nobody who was written to is in the treated arm alone'
            when not is_randomised
                then 'no control group, so nothing tells what would have been bought without the campaign'
            when treated_customers < 30 or control_customers < 30 then 'an arm has fewer than 30 customers'
            when not is_window_over
                then 'its outcome window ends on ' || cast(window_end_date as {{ text }}) || ', after the as-of date'
            when purchases_reason is not null then purchases_reason
            when purchases_effect is null then 'the effects could not be computed'
        end as unavailable_reason
    from joined
),

profits as (
    select
        *,
        total_capped_margin - cost_amount as profit,
        total_capped_margin_low - cost_amount as profit_low,
        total_capped_margin_high - cost_amount as profit_high,
        cast(cast({{ rounded('purchases_effect_low', 3) }} as decimal(18, 3)) as {{ text }}) || ' to '
        || cast(cast({{ rounded('purchases_effect_high', 3) }} as decimal(18, 3)) as {{ text }})
        || ' per treated customer' as purchases_range,
        cast(cast({{ rounded('total_capped_margin_low - cost_amount') }} as decimal(18, 0)) as {{ text }}) || ' to '
        || cast(cast({{ rounded('total_capped_margin_high - cost_amount') }} as decimal(18, 0)) as {{ text }})
        || ' {{ var("currency") }}' as profit_range,
        case
            when unavailable_reason is null and adjusted_p_value < 0.05
                then case when purchases_effect < 0 then 'bought less' else 'bought more' end
            when unavailable_reason is null or (is_window_over and conversion is not null) then 'cannot tell'
            when is_randomised and not is_window_over then 'too early'
            else 'not judged'
        end as verdict
    from totals
),

final as (
    select
        campaign_id,
        {{ as_of_date() }} as as_of_date,
        source_system,
        objective,
        channel,
        offer,
        cast(coalesce(contacts, 0) as bigint) as contacts,
        coalesce(reached_customers, 0) as reached_customers,
        coalesce(delivered_customers, 0) as delivered_customers,
        coalesce(opened_customers, 0) as opened_customers,
        coalesce(clicked_customers, 0) as clicked_customers,
        coalesce(responded_customers, 0) as responded_customers,
        coalesce(bounced_customers, 0) as bounced_customers,
        coalesce(unsubscribed_customers, 0) as unsubscribed_customers,
        coalesce(treated_customers, 0) as treated_customers,
        coalesce(control_customers, 0) as control_customers,
        coalesce(both_arms_customers, 0) as both_arms_customers,
        outcome_days,
        case when unavailable_reason is null then treated_converted end as treated_converted,
        case when unavailable_reason is null then cast(treated_purchases as bigint) end as treated_purchases,
        case when unavailable_reason is null then cast(treated_net_sales as {{ money }}) end as treated_net_sales,
        case when unavailable_reason is null then control_converted end as control_converted,
        case when unavailable_reason is null then cast(control_purchases as bigint) end as control_purchases,
        case when unavailable_reason is null then cast(control_net_sales as {{ money }}) end as control_net_sales,
        conversion as incremental_conversion,
        conversion_low as incremental_conversion_low,
        conversion_high as incremental_conversion_high,
        purchases_effect as incremental_purchases_per_customer,
        purchases_effect_low as incremental_purchases_per_customer_low,
        purchases_effect_high as incremental_purchases_per_customer_high,
        shrunk_purchases as shrunk_purchases_per_customer,
        shrunk_purchases_low as shrunk_purchases_per_customer_low,
        shrunk_purchases_high as shrunk_purchases_per_customer_high,
        net_sales_effect as incremental_net_sales_per_customer,
        net_sales_effect_low as incremental_net_sales_per_customer_low,
        net_sales_effect_high as incremental_net_sales_per_customer_high,
        per_purchase as incremental_net_sales_per_purchase,
        per_purchase_low as incremental_net_sales_per_purchase_low,
        per_purchase_high as incremental_net_sales_per_purchase_high,
        total_net_sales as incremental_net_sales,
        total_net_sales_low as incremental_net_sales_low,
        total_net_sales_high as incremental_net_sales_high,
        total_margin as incremental_margin,
        total_margin_low as incremental_margin_low,
        total_margin_high as incremental_margin_high,
        total_capped_margin as incremental_capped_margin,
        total_capped_margin_low as incremental_capped_margin_low,
        total_capped_margin_high as incremental_capped_margin_high,
        cast(margin_cap as {{ money }}) as margin_cap,
        cast(cost_amount as {{ money }}) as cost_amount,
        cast(profit as {{ money }}) as incremental_profit,
        cast(profit_low as {{ money }}) as incremental_profit_low,
        cast(profit_high as {{ money }}) as incremental_profit_high,
        {{ rounded('cast(total_capped_margin as double) / nullif(cast(cost_amount as double), 0)', 4) }}
            as return_on_spend,
        {{ rounded('cast(total_capped_margin_low as double) / nullif(cast(cost_amount as double), 0)', 4) }}
            as return_on_spend_low,
        {{ rounded('cast(total_capped_margin_high as double) / nullif(cast(cost_amount as double), 0)', 4) }}
            as return_on_spend_high,
        p_value,
        adjusted_p_value,
        sample_ratio_p_value,
        is_randomised,
        case when unavailable_reason is null then adjusted_p_value < 0.05 end as is_effect_certain,
        verdict,
        case
            when verdict = 'too early'
                then
                    'Too early: ' || unavailable_reason || '.' || coalesce(
                        ' So far ' || purchases_range || ', which may be looked at every day.', ''
                    )
            when verdict = 'not judged' then 'Not judged: ' || unavailable_reason || '.'
            when unavailable_reason is not null then 'Cannot tell: ' || unavailable_reason || '.'
            when verdict = 'cannot tell'
                then
                    'No certain effect on purchases (' || purchases_range
                    || '): do not count what they bought as won by the campaign.'
                    || case
                        when profit_high < 0
                            then
                                ' It cost more than it can have brought (' || profit_range
                                || '): make it cheaper, or stop.'
                        else ''
                    end
            when verdict = 'bought less' then 'Customers bought less for it (' || purchases_range || '): stop.'
            else
                'Customers bought more for it (' || purchases_range || '). '
                || case
                    when profit is null then 'Whether that pays is unknown.'
                    when profit_low > 0 then 'It earned ' || profit_range || ' after its cost: repeat it.'
                    when profit_high < 0
                        then 'It lost money all the same (' || profit_range || '): make it cheaper, or stop.'
                    else 'Whether that pays is open (' || profit_range || ' after its cost).'
                end
        end as decision,
        unavailable_reason,
        case when margin_effect is null then coalesce(margin_reason, unavailable_reason) end as margin_reason,
        case
            when total_capped_margin is null then coalesce(capped_margin_reason, unavailable_reason)
            when cost_amount is null then 'no active source says what the campaign cost'
        end as profit_reason,
        start_date,
        end_date,
        window_end_date
    from profits
)

select * from final
