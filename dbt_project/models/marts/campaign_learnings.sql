-- Grain: one row per finding: (campaign_id, segment, measure). What campaigns have taught, and of whom, for whoever
-- plans the next one. Segments are those of the seed campaign_segments, fixed beforehand.
-- Effects of randomised campaigns with a verdict are drawn towards the mean of all of them, and those of segments
-- towards the mean of all segments, where there are four or more: the largest of many effects is large partly by
-- chance. A matched effect (campaign_matched_effect) is weaker evidence: it is of customers who were not drawn, and is
-- neither shrunk nor called certain. A response rate describes, and says nothing of cause. A finding is valid for two
-- years after the last outcome: customers, offers and competitors change.
{% set text = contract_type('text') %}

with performance as (
    select * from {{ ref('campaign_performance') }}
    where window_end_date <= {{ as_of_date() }}
),

effects as (
    select * from {{ ref('part_campaign_effect') }}
    where measure in ('purchases', 'converted', 'capped_margin') and p_value is not null
),

compared as (
    select
        campaign_id,
        segment,
        measure,
        sum(customers) as customers
    from {{ ref('campaign_arms') }}
    group by campaign_id, segment, measure
),

found as (
    select
        effects.campaign_id,
        effects.segment,
        case effects.measure
            when 'converted' then 'conversion' when 'capped_margin' then 'margin' else effects.measure
        end as measure,
        'randomised' as evidence,
        cast(compared.customers as bigint) as customers,
        coalesce(effects.shrunk_effect, effects.effect) as effect,
        coalesce(effects.shrunk_effect_low, effects.effect_low) as effect_low,
        coalesce(effects.shrunk_effect_high, effects.effect_high) as effect_high,
        effects.adjusted_p_value
    from effects
    inner join compared
        on
            effects.campaign_id = compared.campaign_id
            and effects.segment = compared.segment
            and effects.measure = compared.measure
    union all
    select
        campaign_id,
        'everybody' as segment,
        measure,
        evidence,
        matched_customers as customers,
        effect,
        effect_low,
        effect_high,
        cast(null as double) as adjusted_p_value
    from {{ ref('campaign_matched_effect') }}
    where no_verdict_reason is null
    union all
    select
        campaign_id,
        'everybody' as segment,
        'response' as measure,
        'description' as evidence,
        reached_customers as customers,
        {{ rounded('cast(responded_customers as double) / reached_customers', 6) }} as effect,
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
        case when segment = 'everybody' then '' else ' with ' || segment end as of_whom,
        cast(cast({{ rounded('100 * effect', 1) }} as decimal(18, 1)) as {{ text }}) as percent,
        cast(cast({{ rounded('100 * effect_low', 1) }} as decimal(18, 1)) as {{ text }}) || ' to '
        || cast(cast({{ rounded('100 * effect_high', 1) }} as decimal(18, 1)) as {{ text }}) as percent_range,
        cast(cast({{ rounded('effect_low', 2) }} as decimal(18, 2)) as {{ text }}) || ' to '
        || cast(cast({{ rounded('effect_high', 2) }} as decimal(18, 2)) as {{ text }}) as range_of_2,
        cast(cast({{ rounded('effect_low', 3) }} as decimal(18, 3)) as {{ text }}) || ' to '
        || cast(cast({{ rounded('effect_high', 3) }} as decimal(18, 3)) as {{ text }}) as range_of_3
    from worded
),

final as (
    select
        campaign_id,
        segment,
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
        case
            when measure = 'response' then 'Of those who were reached ' || percent || ' % responded.'
            when evidence = 'matched'
                then
                    'Those it contacted brought ' || range_of_2
                    || case measure when 'purchases' then ' purchases' else ' {{ var("currency") }} of net sales' end
                    || ' more each than customers with the same past. Not randomised: weaker evidence.'
            when measure = 'conversion'
                then 'Of 100 customers' || of_whom || ' ' || percent_range || ' more bought because of it.'
            when measure = 'purchases'
                then 'Customers' || of_whom || ' made ' || range_of_3 || ' more purchases each because of it.'
            else
                'A customer' || of_whom || ' brought ' || range_of_2
                || ' {{ var("currency") }} more margin because of it.'
        end as finding,
        window_end_date as learned_date,
        {{ add_days('window_end_date', 730) }} as valid_until
    from numbered
)

select * from final
