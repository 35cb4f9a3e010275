-- Grain: one row per (campaign_id, measure) of campaigns without a control group that have contacted somebody.
-- Not randomised: customers whom the campaign contacted beside others with the same past (mining/matching). What made
-- the company choose them, and is not in their past purchases, is in the effect. The placebo is the same comparison a
-- window earlier, when the campaign can have changed nothing. If its interval excludes zero, there is no verdict.
with effects as (
    select * from {{ scores('matching') }}
),

campaigns as (
    select
        campaign_id,
        count(*) as reached_customers,
        count(case when has_responded then 1 end) as responded_customers,
        max(window_end_date) as window_end_date,
        {{ days_between('min(contact_date)', 'max(contact_date)') }} as contact_days
    from {{ ref('campaign_outcome') }}
    group by campaign_id
    having max(case when arm = 'not_randomised' then 0 else 1 end) = 0
),

measures as (
    select 'purchases' as measure, ' purchases' as unit
    union all
    select 'net_sales' as measure, ' {{ var("currency") }} of net sales' as unit
),

described as (
    select
        campaigns.campaign_id,
        campaigns.reached_customers,
        campaigns.responded_customers,
        measures.measure,
        measures.unit,
        effects.run_id,
        effects.contacted_customers,
        effects.matched_customers,
        effects.other_customers,
        effects.effect,
        effects.effect_low,
        effects.effect_high,
        effects.placebo_effect,
        effects.placebo_effect_low,
        effects.placebo_effect_high,
        effects.placebo_effect_low <= 0 and effects.placebo_effect_high >= 0 as is_comparable,
        case
            when effects.campaign_id is not null then effects.unavailable_reason
            when campaigns.window_end_date > {{ as_of_date() }}
                then
                    'its outcome window ends on ' || cast(campaigns.window_end_date as {{ contract_type('text') }})
                    || ', after the as-of date'
            when campaigns.window_end_date <= {{ add_days(as_of_date(), -730) }}
                then 'it ended more than two years ago'
            when campaigns.contact_days >= 7
                then 'it did not begin for everybody within a week, so that others have no day to be compared from'
            else 'none of those it contacted had bought before it began'
        end as unavailable_reason
    from campaigns
    cross join measures
    left join effects on campaigns.campaign_id = effects.campaign_id and measures.measure = effects.measure
),

told as (
    select
        *,
        case
            when unavailable_reason is not null then unavailable_reason
            when is_comparable is null
                then 'too few of them had bought long enough before the campaign, so nothing tells whether they compare'
            when not is_comparable
                then
                    'those it contacted and the others differed by '
                    || cast(cast({{ rounded('placebo_effect', 2) }} as decimal(18, 2)) as {{ contract_type('text') }})
                    || unit || ' per customer before it began'
        end as no_verdict_reason,
        cast(cast({{ rounded('effect_low', 2) }} as decimal(18, 2)) as {{ contract_type('text') }}) || ' to '
        || cast(cast({{ rounded('effect_high', 2) }} as decimal(18, 2)) as {{ contract_type('text') }}) || unit
        || ' per customer' as effect_range
    from described
),

final as (
    select
        campaign_id,
        measure,
        {{ as_of_date() }} as as_of_date,
        run_id,
        'matched' as evidence,
        reached_customers,
        responded_customers,
        contacted_customers,
        matched_customers,
        other_customers,
        effect,
        effect_low,
        effect_high,
        placebo_effect,
        placebo_effect_low,
        placebo_effect_high,
        is_comparable,
        case
            when unavailable_reason is not null or is_comparable is null then 'No verdict: ' || no_verdict_reason || '.'
            when not is_comparable then 'Not comparable: ' || no_verdict_reason || '. No verdict.'
            when effect_low > 0
                then
                    'Those it contacted bought more than customers with the same past (' || effect_range
                    || '). Not randomised: weaker evidence, hold a control group back next time.'
            when effect_high < 0
                then
                    'Those it contacted bought less than customers with the same past (' || effect_range
                    || '). Not randomised: weaker evidence, hold a control group back next time.'
            else
                'No certain difference from customers with the same past (' || effect_range
                || '). Not randomised: weaker evidence.'
        end as decision,
        no_verdict_reason
    from told
)

select * from final
