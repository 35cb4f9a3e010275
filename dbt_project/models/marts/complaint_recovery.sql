-- Grain: one row per case_id: a complaint of a known customer, how it was handled, and what was bought in the 90 days
-- after. effect: of all complaints handled in the same way, beside customers with the same past who got in touch about
-- something else (mining/recovery), so the same in their rows: never sum it. Not randomised: weaker evidence.
with complaints as (
    select * from {{ ref('complaint_customers') }}
    where handled is distinct from 'none'
),

effects as (
    select * from {{ scores('recovery') }}
    where measure = 'margin'
),

final as (
    select
        complaints.moment_id as case_id,
        complaints.customer_id,
        complaints.as_of_date,
        effects.run_id,
        cases.reason,
        complaints.handled,
        case
            when cases.reopened_count > 0 then 'opened again'
            when {{ days_between('cases.opened_date', 'cases.resolved_date') }} > 7
                then 'resolved after more than 7 days'
            when complaints.handled = 'well' then 'resolved within 7 days, and not opened again'
            when complaints.handled = 'badly' then 'not resolved within 7 days'
            else 'open for at most 7 days'
        end as handled_reason,
        case when complaints.is_over then null else 'its 90 days are not over' end as outcome_reason,
        coalesce(
            effects.unavailable_reason,
            case when complaints.handled is null then 'whether it is handled well is not known yet' end
        ) as effect_reason,
        cases.compensation_amount,
        case when complaints.is_over then complaints.outcome_purchases end as purchases_90d,
        case when complaints.is_over then complaints.outcome_net_sales end as net_sales_90d,
        case when complaints.is_over then complaints.outcome_margin end as margin_90d,
        effects.effect,
        effects.effect_low,
        effects.effect_high,
        effects.matched_complaints,
        complaints.start_date as opened_date,
        cases.resolved_date
    from complaints
    inner join {{ ref('fct_case') }} as cases on complaints.moment_id = cases.case_id
    left join effects on complaints.handled = effects.handled
)

select * from final
