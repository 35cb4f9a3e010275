-- Grain: one row: what winning back costs and changes, measured where campaigns of the objective win_back show it, else
-- as the seed winback_terms assumes. A contact multiplies the odds of a return.
with terms as (
    select
        max(case when term = 'odds_ratio' then value end) as odds_ratio,
        max(case when term = 'contact_cost' then value end) as contact_cost,
        max(case when term = 'deadline_share' then value end) as deadline_share
    from {{ ref('winback_terms') }}
),

-- Effects are purchases per treated customer: of customers who are away, nearly the share who buy at all.
campaigns as (
    select
        treated_customers,
        control_customers,
        control_purchases,
        incremental_purchases_per_customer as effect,
        (incremental_purchases_per_customer_high - incremental_purchases_per_customer_low) / 3.92 as standard_error
    from {{ ref('campaign_performance') }}
    where objective = 'win_back' and incremental_purchases_per_customer is not null
),

pooled as (
    select
        count(*) as campaigns,
        cast(sum(control_purchases) as double) / sum(control_customers) as control_share,
        {{ exact_sum('treated_customers * effect') }} / sum(treated_customers) as effect,
        sqrt({{ exact_sum('power(treated_customers * standard_error, 2)') }}) / sum(treated_customers) as standard_error
    from campaigns
),

measured as (
    select
        campaigns,
        control_share,
        control_share + effect as treated_share,
        control_share > 0 and control_share + effect < 1 and effect > 1.96 * standard_error as is_certain
    from pooled
),

costs as (
    select {{ quotient('sum(cost_amount)', 'sum(contacts)', currency_digits()) }} as cost_per_contact
    from {{ ref('campaign_performance') }}
    where objective = 'win_back' and cost_amount is not null and contacts > 0
)

select
    case
        when measured.is_certain
            then
                round(
                    measured.treated_share / (1 - measured.treated_share)
                    / (measured.control_share / (1 - measured.control_share)), 4
                )
        else terms.odds_ratio
    end as odds_ratio,
    coalesce(measured.is_certain, false) as is_measured,
    case
        when measured.is_certain
            then 'measured in ' || {{ counted('measured.campaigns', 'campaign') }} || ' of the objective win_back'
        when measured.campaigns > 0
            then 'assumed (winback_terms), as no certain effect of a campaign of the objective win_back is measured'
        else 'assumed (winback_terms), as no campaign of the objective win_back has been judged'
    end as response_basis,
    coalesce(cast(costs.cost_per_contact as double), terms.contact_cost) as contact_cost,
    case
        when costs.cost_per_contact is not null then 'measured, what a contact of the objective win_back has cost'
        else 'assumed (winback_terms)'
    end as cost_basis,
    terms.deadline_share
from terms
cross join measured
cross join costs
