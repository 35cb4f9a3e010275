-- Grain: one row per finding: (campaign_id, measure). What campaigns have taught, for whoever plans the next one.
-- Effects of randomised campaigns with a verdict are drawn towards the mean of all of them, where there are four or
-- more: the largest of many effects is large partly by chance. A response rate describes, and says nothing of cause. A
-- finding is valid for two years after the last outcome: customers, offers and competitors change.
{% set text = contract_type('text') %}

with performance as (
    select * from {{ ref('campaign_performance') }}
    where window_end_date <= {{ as_of_date() }}
),

effects as (
    select * from {{ ref('part_campaign_effect') }}
    where measure in ('purchases', 'converted', 'capped_margin') and p_value is not null
),

found as (
    select
        performance.campaign_id,
        case effects.measure
            when 'converted' then 'conversion' when 'capped_margin' then 'margin' else effects.measure
        end as measure,
        'randomised' as evidence,
        performance.treated_customers + performance.control_customers as customers,
        coalesce(effects.shrunk_effect, effects.effect) as effect,
        coalesce(effects.shrunk_effect_low, effects.effect_low) as effect_low,
        coalesce(effects.shrunk_effect_high, effects.effect_high) as effect_high,
        effects.adjusted_p_value
    from performance
    inner join effects on performance.campaign_id = effects.campaign_id
    union all
    select
        campaign_id,
        'response' as measure,
        'description' as evidence,
        reached_customers as customers,
        round(cast(responded_customers as double) / reached_customers, 6) as effect,
        cast(null as double) as effect_low,
        cast(null as double) as effect_high,
        cast(null as double) as adjusted_p_value
    from performance
    where reached_customers > 0
),

worded as (
    select
        found.*,
        performance.objective,
        performance.channel,
        performance.offer,
        performance.window_end_date
    from found
    inner join performance on found.campaign_id = performance.campaign_id
),

-- Numbers as text, with as many digits as they are worth.
numbered as (
    select
        *,
        cast(cast(round(100 * effect, 1) as decimal(18, 1)) as {{ text }}) as percent,
        cast(cast(round(100 * effect_low, 1) as decimal(18, 1)) as {{ text }}) || ' to '
        || cast(cast(round(100 * effect_high, 1) as decimal(18, 1)) as {{ text }}) as percent_range,
        cast(cast(round(effect_low, 2) as decimal(18, 2)) as {{ text }}) || ' to '
        || cast(cast(round(effect_high, 2) as decimal(18, 2)) as {{ text }}) as range_of_2,
        cast(cast(round(effect_low, 3) as decimal(18, 3)) as {{ text }}) || ' to '
        || cast(cast(round(effect_high, 3) as decimal(18, 3)) as {{ text }}) as range_of_3
    from worded
),

final as (
    select
        campaign_id,
        measure,
        {{ as_of_date() }} as as_of_date,
        objective,
        channel,
        offer,
        evidence,
        customers,
        effect,
        effect_low,
        effect_high,
        adjusted_p_value,
        case when evidence = 'randomised' then adjusted_p_value < 0.05 end as is_certain,
        case measure
            when 'response' then 'Of those who were reached ' || percent || ' % responded.'
            when 'conversion' then 'Of 100 customers ' || percent_range || ' more bought because of it.'
            when 'purchases' then 'Customers made ' || range_of_3 || ' more purchases each because of it.'
            else 'A customer brought ' || range_of_2 || ' {{ var("currency") }} more margin because of it.'
        end as finding,
        window_end_date as learned_date,
        {{ add_days('window_end_date', 730) }} as valid_until
    from numbered
)

select * from final
