-- Grain: one row per campaign that has begun by the as-of date. What it changed, against its randomised control group.
-- Effects are means per treated customer with 95 % intervals (part_campaign_effect); totals are these times treated
-- customers.
-- is_effect_certain is about purchases, after Holm's correction over all campaigns of the release that could be judged:
-- of twenty campaigns without effect one would look like a success by chance.
-- Nothing is judged before the outcome windows of all its customers are over.
{% set measures = ['purchases', 'net_sales', 'margin'] %}
{% set money = contract_type('decimal') %}
{% set text = contract_type('text') %}

with campaigns as (
    select * from {{ ref('dim_campaign') }}
    where campaign_id <> 'unknown' and start_date <= {{ as_of_date() }}
),

customers as (
    select
        campaign_id,
        {%- for arm in ['treated', 'control'] %}
        count(case when arm = '{{ arm }}' then 1 end) as {{ arm }}_customers,
        {%- endfor %}
        count(case when arm = 'both' then 1 end) as both_arms_customers,
        count(case when arm <> 'control' then 1 end) as reached_customers,
        sum(case when arm <> 'control' then contacts else 0 end) as contacts,
        {%- for event in ['opened', 'clicked', 'responded'] %}
        count(case when arm <> 'control' and has_{{ event }} then 1 end) as {{ event }}_customers,
        {%- endfor %}
        {%- for arm in ['treated', 'control'] %}
        sum(case when arm = '{{ arm }}' then purchases else 0 end) as {{ arm }}_purchases,
        sum(case when arm = '{{ arm }}' then net_sales else 0 end) as {{ arm }}_net_sales,
        {%- endfor %}
        max(outcome_days) as outcome_days,
        max(window_end_date) as window_end_date
    from {{ ref('part_campaign_outcome') }}
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

effects as (
    select
        campaign_id,
        {%- for measure in measures %}
        {%- for column in ['effect', 'effect_low', 'effect_high'] %}
        max(case when measure = '{{ measure }}' then {{ column }} end) as {{ measure }}_{{ column }},
        {%- endfor %}
        {%- endfor %}
        max(case when measure = 'purchases' then p_value end) as p_value
    from {{ ref('part_campaign_effect') }}
    group by campaign_id
),

-- Holm (1979): the k-th smallest of m p-values times m - k + 1, never below one before it.
ranked as (
    select
        campaign_id,
        p_value,
        count(*) over () - row_number() over (order by p_value, campaign_id) + 1 as factor
    from effects
    where p_value is not null
),

corrected as (
    select
        campaign_id,
        least(
            max(p_value * factor) over (
                order by p_value, campaign_id rows between unbounded preceding and current row
            ), 1
        ) as adjusted_p_value
    from ranked
),

joined as (
    select
        campaigns.campaign_id,
        campaigns.source_system,
        campaigns.objective,
        campaigns.channel,
        campaigns.offer,
        {%- for column in [
            'contacts', 'reached_customers', 'opened_customers', 'clicked_customers', 'responded_customers',
            'treated_customers', 'control_customers', 'both_arms_customers',
        ] %}
        coalesce(customers.{{ column }}, 0) as {{ column }},
        {%- endfor %}
        customers.outcome_days,
        coalesce(customers.treated_customers > 0 and customers.control_customers > 0, false) as is_randomised,
        coalesce(customers.window_end_date <= {{ as_of_date() }}, false) as is_window_over,
        {%- for arm in ['treated', 'control'] %}
        customers.{{ arm }}_purchases,
        customers.{{ arm }}_net_sales,
        {%- endfor %}
        {%- for measure in measures %}
        {%- for bound in ['', '_low', '_high'] %}
        effects.{{ measure }}_effect{{ bound }},
        {%- endfor %}
        {%- endfor %}
        effects.p_value,
        corrected.adjusted_p_value,
        costs.cost_amount,
        campaigns.start_date,
        campaigns.end_date,
        customers.window_end_date
    from campaigns
    left join customers on campaigns.campaign_id = customers.campaign_id
    left join effects on campaigns.campaign_id = effects.campaign_id
    left join corrected on campaigns.campaign_id = corrected.campaign_id
    left join costs on campaigns.campaign_id = costs.campaign_id
),

totals as (
    select
        *,
        {%- for measure in ['net_sales', 'margin'] %}
        {%- for bound in ['', '_low', '_high'] %}
        cast(round({{ measure }}_effect{{ bound }} * treated_customers, 2) as {{ money }})
            as total_{{ measure }}{{ bound }},
        {%- endfor %}
        {%- endfor %}
        {%- for bound in ['', '_low', '_high'] %}
        cast(round(margin_effect{{ bound }} * treated_customers, 2) - cost_amount as {{ money }}) as profit{{ bound }},
        {%- endfor %}
        case
            when reached_customers = 0 then 'nobody has been written to yet'
            when treated_customers = 0 and control_customers > 0
                then 'nobody who was written to is in the treated arm alone'
            when not is_randomised
                then 'no control group, so nothing tells what would have been bought without the campaign'
            when not is_window_over
                then 'its outcome window ends on ' || cast(window_end_date as {{ text }}) || ', after the as-of date'
            when treated_customers < 30 or control_customers < 30 then 'an arm has fewer than 30 customers'
            when purchases_effect is null
                then 'within each arm all customers bought equally often, so chance cannot be told from effect'
        end as unavailable_reason
    from joined
),

final as (
    select
        campaign_id,
        {{ as_of_date() }} as as_of_date,
        source_system,
        objective,
        channel,
        offer,
        cast(contacts as bigint) as contacts,
        reached_customers,
        opened_customers,
        clicked_customers,
        responded_customers,
        treated_customers,
        control_customers,
        both_arms_customers,
        outcome_days,
        {%- for arm in ['treated', 'control'] %}
        case when unavailable_reason is null then cast({{ arm }}_purchases as bigint) end as {{ arm }}_purchases,
        case when unavailable_reason is null then cast({{ arm }}_net_sales as {{ money }}) end as {{ arm }}_net_sales,
        {%- endfor %}
        {%- for measure in ['purchases', 'net_sales'] %}
        {%- for bound in ['', '_low', '_high'] %}
        {{ measure }}_effect{{ bound }} as incremental_{{ measure }}_per_customer{{ bound }},
        {%- endfor %}
        {%- endfor %}
        {%- for measure in ['net_sales', 'margin'] %}
        {%- for bound in ['', '_low', '_high'] %}
        total_{{ measure }}{{ bound }} as incremental_{{ measure }}{{ bound }},
        {%- endfor %}
        {%- endfor %}
        cast(cost_amount as {{ money }}) as cost_amount,
        {%- for bound in ['', '_low', '_high'] %}
        profit{{ bound }} as incremental_profit{{ bound }},
        {%- endfor %}
        p_value,
        adjusted_p_value,
        is_randomised,
        adjusted_p_value < 0.05 as is_effect_certain,
        case
            when unavailable_reason is not null then 'Not judged: ' || unavailable_reason || '.'
            when adjusted_p_value >= 0.05
                then
                    'No certain effect on purchases (' || {{ range_text('purchases_effect', 3) }}
                    || ' per treated customer): do not count what they bought as won by the campaign.'
                    || case
                        when profit_high < 0
                            then
                                ' It cost more than it can have brought (' || {{ range_text('profit', 0) }}
                                || ' {{ var("currency") }}): make it cheaper, or stop.'
                        else ''
                    end
            when purchases_effect < 0
                then
                    'Customers bought less for it (' || {{ range_text('purchases_effect', 3) }}
                    || ' purchases per treated customer): stop.'
            else
                'Customers bought more for it (' || {{ range_text('purchases_effect', 3) }}
                || ' purchases per treated customer). '
                || case
                    when profit is null then 'Whether that pays is unknown.'
                    when profit_low > 0
                        then
                            'It earned ' || {{ range_text('profit', 0) }}
                            || ' {{ var("currency") }} after its cost: repeat it.'
                    when profit_high < 0
                        then
                            'It lost money all the same (' || {{ range_text('profit', 0) }}
                            || ' {{ var("currency") }}): make it cheaper, or stop.'
                    else
                        'Whether that pays is open (' || {{ range_text('profit', 0) }}
                        || ' {{ var("currency") }} after its cost).'
                end
        end as decision,
        unavailable_reason,
        case
            when unavailable_reason is not null then unavailable_reason
            when total_margin is null then 'the cost of some of the goods is in no active source'
            when cost_amount is null then 'no active source says what the campaign cost'
        end as profit_reason,
        start_date,
        end_date,
        window_end_date
    from totals
)

select * from final
