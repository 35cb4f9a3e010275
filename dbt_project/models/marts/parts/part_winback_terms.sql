-- Grain: one row: what a contact changes and costs where customers are won back. Measured in campaigns of the objective
-- win_back where these are certain to have an effect, else as the seed winback_terms assumes.
with terms as (
    select
        max(case when term = 'odds_ratio' then value end) as odds_ratio,
        max(case when term = 'contact_cost' then value end) as contact_cost,
        max(case when term = 'deadline_share' then value end) as deadline_share
    from {{ ref('winback_terms') }}
),

campaigns as (
    select
        treated_customers,
        incremental_purchases_per_customer as effect,
        incremental_purchases_per_customer - incremental_purchases_per_customer_low as half_width
    from {{ ref('campaign_performance') }}
    where objective = 'win_back' and incremental_purchases_per_customer is not null and unavailable_reason is null
),

-- Purchases per treated customer. Of the 95 % interval of all campaigns together, the lower end is taken: chance shall
-- not decide what is spent, and some would have come back later without the campaign.
measured as (
    select
        count(*) as campaigns,
        {{ rounded(
            exact_sum('treated_customers * effect') ~ ' / sum(treated_customers)
            - sqrt(' ~ exact_sum('power(treated_customers * half_width, 2)') ~ ') / sum(treated_customers)', 6
        ) }} as effect_low
    from campaigns
),

costs as (
    select {{ quotient('sum(unit_cost)', 'count(unit_cost)', currency_digits()) }} as unit_cost
    from {{ ref('dim_campaign') }}
    where objective = 'win_back' and start_date <= {{ as_of_date() }}
)

select
    terms.odds_ratio,
    case when measured.effect_low > 0 then measured.effect_low end as measured_effect,
    case
        when measured.effect_low > 0
            then
                'measured in ' || {{ counted('measured.campaigns', 'campaign') }}
                || ' of the objective win_back (the lower end of the interval)'
        when measured.campaigns > 0
            then 'assumed (winback_terms), as no certain effect of the objective win_back is measured'
        else 'assumed (winback_terms), as no campaign of the objective win_back has been judged'
    end as response_basis,
    coalesce(cast(costs.unit_cost as double), terms.contact_cost) as contact_cost,
    case
        when costs.unit_cost is not null then 'that of campaigns of the objective win_back'
        else 'assumed (winback_terms)'
    end as cost_basis,
    terms.deadline_share
from terms
cross join measured
cross join costs
