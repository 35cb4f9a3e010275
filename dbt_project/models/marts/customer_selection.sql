-- Grain: one row per customer with a known purchase: whom to court, keep, nurture, reprice or let be, and why. value
-- and cost_to_serve are of the statement's future: value - cost_to_serve = clv_future. They part customers into
-- four, by what they bring and what serving them takes: duration alone makes nobody worth it (Reinartz and Kumar
-- 2003, Journal of Marketing 67; the quadrants are those of Shapiro, Rangan, Moriarty and Ross 1987, Harvard
-- Business Review 65). Lines are in vars.selection of dbt_project.yml, verdicts in the seed selection_verdicts.
{% set money = contract_type('decimal') %}
{% set text = contract_type('text') %}
{% set has = var('providers') %}
{% set line = var('selection') %}
{% set cost_percent = quotient('100 * judged.cost_to_serve', 'judged.value', 0) %}
{% set return_percent = 'cast(cast(' ~ rounded('100 * judged.return_rate') ~ ' as bigint) as ' ~ text ~ ')' %}

with expected as (
    select
        customer_id,
        sum(case when line in ('repeat', 'returns', 'cost_of_goods') then amount end) as value,
        -sum(case when line in ('selling', 'retention', 'service') then amount end) as cost_to_serve,
        sum(case when line = 'repeat' then amount end) as expected_sales,
        -sum(case when line = 'returns' then amount end) as expected_returns
    from {{ ref('clv_statement') }}
    where part = 'future' and customer_id <> 'unknown'
    group by customer_id
),

payments as (
    select
        customer_id,
        count(*) as payments,
        sum(case when is_failed then 1 else 0 end) as failed_payments
    from {{ ref('fct_payment') }}
    where {{ by_as_of('payment_date') }}
    group by customer_id
),

bad_debts as (
    select
        customer_id,
        -sum(amount) as bad_debt
    from {{ ref('clv_statement') }}
    where part = 'historic' and line = 'bad_debt'
    group by customer_id
),

customers as (
    select
        loyalty.customer_id,
        loyalty.purchases,
        loyalty.categories,
        loyalty.discount_share,
        loyalty.is_satisfied,
        loyalty.is_loyal,
        profile.complaints_365d,
        clv.unavailable_reason,
        expected.value,
        expected.cost_to_serve,
        {{ 'expected.expected_returns' if has.get('returns') else 'null' }}
        / nullif(cast(expected.expected_sales as double), 0) as return_rate,
        {{ 'coalesce(payments.failed_payments, 0)' if has.get('payments') else 'null' }} as failed_payments,
        payments.payments,
        coalesce(bad_debts.bad_debt, 0) as bad_debt
    from {{ ref('customer_loyalty') }} as loyalty
    inner join {{ ref('customer_360') }} as profile on loyalty.customer_id = profile.customer_id
    inner join {{ ref('customer_clv') }} as clv on loyalty.customer_id = clv.customer_id
    left join expected on loyalty.customer_id = expected.customer_id
    left join payments on loyalty.customer_id = payments.customer_id
    left join bad_debts on loyalty.customer_id = bad_debts.customer_id
),

ranked as (
    select
        *,
        sum(greatest(value, 0)) over () as value_of_all,
        sum(greatest(value, 0)) over (
            order by value desc nulls last, customer_id asc rows between unbounded preceding and current row
        ) - greatest(value, 0) as value_before
    from customers
),

judged as (
    select
        *,
        case
            when value is null then null
            when value > 0 and value_before < {{ line.high_value_share }} * value_of_all then 'high'
            else 'low'
        end as value_class,
        case
            when value is null then null
            when cost_to_serve is null then 'unknown'
            when cost_to_serve > 0 and cost_to_serve >= {{ line.high_cost_share }} * value then 'high'
            else 'low'
        end as cost_class,
        coalesce(return_rate >= {{ line.risky_return_rate }}, false) as returns_much,
        coalesce(
            bad_debt > 0
            or (failed_payments >= 2 and failed_payments >= {{ line.risky_failed_share }} * payments), false
        ) as pays_badly,
        case
            when not is_satisfied or complaints_365d >= {{ line.poor_fit_complaints }} then 'poor'
            when not is_loyal then 'unclear'
            when is_satisfied then 'good'
            when
                purchases >= {{ line.good_fit.purchases }}
                and coalesce(categories, {{ line.good_fit.categories }}) >= {{ line.good_fit.categories }}
                and discount_share <= {{ line.good_fit.discount_share }}
                then 'good'
            else 'unclear'
        end as fit
    from ranked
),

final as (
    select
        judged.customer_id,
        {{ as_of_date() }} as as_of_date,
        case when judged.returns_much or judged.pays_badly then verdicts.verdict_if_risky else verdicts.verdict end
            as verdict,
        judged.unavailable_reason,
        judged.value_class,
        judged.cost_class,
        judged.fit,
        case
            when judged.value_class is not null
                then
                    'of ' || judged.value_class || ' value'
                    || case judged.cost_class
                        when 'unknown' then '; no source has costs to serve'
                        else
                            '; ' || judged.cost_class || ' cost to serve'
                            || case
                                when judged.value > 0
                                    then ', ' || cast(cast({{ cost_percent }} as bigint) as {{ text }}) || ' % of value'
                                else ''
                            end
                    end
                    || case
                        when not judged.is_satisfied then '; is not satisfied'
                        when not judged.is_loyal then '; buys less than before, or no more'
                        when judged.is_satisfied then '; is satisfied'
                        when judged.fit = 'good' then '; comes back, mostly at list price'
                        else ''
                    end
                    || case
                        when judged.complaints_365d > 0
                            then '; ' || {{ counted('judged.complaints_365d', 'complaint') }} || ' in a year'
                        else ''
                    end
                    || case
                        when judged.returns_much
                            then '; ' || {{ return_percent }} || ' % of sales are expected back'
                        else ''
                    end
                    || case
                        when judged.bad_debt > 0 then '; has left debts'
                        when judged.pays_badly
                            then '; ' || {{ counted('judged.failed_payments', 'failed payment') }}
                        else ''
                    end
        end as reasons,
        cast(judged.value as {{ money }}) as value,
        cast(judged.cost_to_serve as {{ money }}) as cost_to_serve,
        {{ rounded('judged.return_rate', 6) }} as return_rate,
        cast(judged.failed_payments as bigint) as failed_payments,
        cast(judged.bad_debt as {{ money }}) as bad_debt,
        judged.returns_much or judged.pays_badly as is_risky
    from judged
    left join {{ ref('selection_verdicts') }} as verdicts
        on
            judged.value_class = verdicts.value_class
            and judged.cost_class = verdicts.cost_class
            and judged.fit = verdicts.fit
)

select * from final
