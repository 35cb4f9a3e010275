-- Grain: one row per (run_id, name): an input of a model beside the customers that it learned from last, or a score of
-- this release beside the same score of the release before.
-- psi is sum((q - p) * ln(q / p)) over bins, with the shares p before and q now; half a customer is added to each bin.
-- Of inputs, mining has computed it (mining/reports/drift.py). The bins of a score are tenths of the customers of the
-- release before, and what is below and above all of them.
{% set measures = [
    ('churn', 'churn_probability'), ('clv', 'p_alive'), ('clv', 'expected_purchases'),
    ('clv', 'clv_future_before_returns'),
] %}

with inputs as (
    select
        run_id,
        job,
        model_version,
        as_of_date,
        'input' as kind,
        input as name,
        meaning,
        reference_date,
        reference_customers,
        customers,
        reference_missing_share,
        missing_share,
        psi,
        psi_by_chance
    from {{ scores('input_drift') }}
),

history as (
    {% for job, score in measures -%}
    select
        job,
        run_id,
        model_version,
        as_of_date,
        customer_id,
        '{{ score }}' as name,
        cast({{ score }} as double) as score
    from {{ ref('customer_score_history') }}
    where job = '{{ job }}'
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

days as (
    select
        name,
        max(case when as_of_date = {{ as_of_date() }} then run_id end) as run_id,
        max(case when as_of_date = {{ as_of_date() }} then model_version end) as model_version,
        max(case when as_of_date < {{ as_of_date() }} then as_of_date end) as reference_date
    from history
    group by name
),

said as (
    select
        history.name,
        history.customer_id,
        history.score,
        history.as_of_date = days.reference_date as is_before
    from history
    inner join days on history.name = days.name
    where history.as_of_date in (days.reference_date, {{ as_of_date() }})
),

tenths as (
    select
        name,
        score,
        ntile(10) over (partition by name order by score, customer_id) as tenth
    from said
    where is_before
),

cuts as (
    select
        name,
        max(score) as cut
    from tenths
    group by name, tenth
    union
    select
        name,
        min(score) - 1e-9 as cut
    from tenths
    group by name
),

bins as (
    select
        name,
        cut as upto,
        lag(cut) over (partition by name order by cut) as above
    from cuts
    union all
    select
        name,
        null as upto,
        max(cut) as above
    from cuts
    group by name
),

counted as (
    select
        bins.name,
        bins.above,
        cast(sum(case when said.is_before then 1 else 0 end) as double) as before,
        cast(sum(case when said.is_before then 0 else 1 end) as double) as now
    from bins
    inner join said
        on
            bins.name = said.name
            and (bins.above is null or bins.above < said.score)
            and (bins.upto is null or bins.upto >= said.score)
    group by bins.name, bins.above
),

shares as (
    select
        name,
        before,
        now,
        count(*) over (partition by name) - 1 as freedom,
        (before + 0.5) / sum(before + 0.5) over (partition by name) as share_before,
        (now + 0.5) / sum(now + 0.5) over (partition by name) as share_now
    from counted
),

-- The largest psi that chance brings once in a thousand: chi-square's quantile by Wilson and Hilferty (1931).
scored as (
    select
        name,
        cast(sum(before) as bigint) as reference_customers,
        cast(sum(now) as bigint) as customers,
        {{ exact_sum('(share_now - share_before) * ln(share_now / share_before)') }} as psi,
        max(
            case
                when freedom > 0
                    then freedom * power(1 - 2 / (9.0 * freedom) + 3.090232 * sqrt(2 / (9.0 * freedom)), 3)
                else 0
            end
        ) * (1 / sum(before) + 1 / sum(now)) as psi_by_chance
    from shares
    group by name
    having sum(before) > 0 and sum(now) > 0
),

drifts as (
    select * from inputs
    union all
    select
        days.run_id,
        case days.name when 'churn_probability' then 'churn' else 'clv' end as job,
        days.model_version,
        {{ as_of_date() }} as as_of_date,
        'score' as kind,
        scored.name,
        'marts.customer_score_history.' || scored.name as meaning,
        days.reference_date,
        scored.reference_customers,
        scored.customers,
        0.0 as reference_missing_share,
        0.0 as missing_share,
        scored.psi,
        scored.psi_by_chance
    from scored
    inner join days on scored.name = days.name
),

-- The limits of .1 and .25 are those of Siddiqi (2006, Credit Risk Scorecards).
judged as (
    select
        *,
        case
            when psi > psi_by_chance and psi >= 0.25 then 'drifted'
            when psi > psi_by_chance and psi >= 0.1 then 'moved'
            when psi_by_chance >= 0.25 then 'too few to tell'
            else 'stable'
        end as verdict
    from drifts
),

final as (
    select
        run_id,
        name,
        kind,
        job,
        model_version,
        cast(as_of_date as date) as as_of_date,
        cast(reference_date as date) as reference_date,
        reference_customers,
        customers,
        {{ rounded('reference_missing_share', 6) }} as reference_missing_share,
        {{ rounded('missing_share', 6) }} as missing_share,
        {{ rounded('psi', 6) }} as psi,
        {{ rounded('psi_by_chance', 6) }} as psi_by_chance,
        verdict,
        meaning,
        case
            when verdict = 'drifted' and kind = 'input' and missing_share > reference_missing_share + 0.1
                then
                    job || ': its input ' || name || ' (' || meaning || ') is missing for '
                    || cast(cast({{ rounded('100 * missing_share') }} as int) as {{ contract_type('text') }})
                    || ' % of customers, '
                    || cast(cast({{ rounded('100 * reference_missing_share') }} as int) as {{ contract_type('text') }})
                    || ' % on '
                    || cast(reference_date as {{ contract_type('text') }})
                    || ': look whether the source of it still delivers'
            when verdict = 'drifted' and kind = 'input'
                then
                    job || ': its input ' || name || ' (' || meaning || ') differs from that of '
                    || cast(reference_date as {{ contract_type('text') }})
                    || ': look at the source of it; if the change is real, train again (train_models)'
            when verdict = 'drifted'
                then
                    job || ': the score ' || name || ' differs from that of the release of '
                    || cast(reference_date as {{ contract_type('text') }})
                    || ': look at the inputs here, and in marts.model_runs whether another model scores'
        end as finding
    from judged
)

select * from final
