-- Grain: one row per (measure, month): the figures by which customer management is judged, each with its trend, and the
-- month from which its level is another one. The break: a regression on a line and a step (interrupted time series), of
-- complete months, with the step in the month that explains most, at least six months from both ends. It is certain
-- where its F, less what follows from one month being like the one before, is above 20: of made-up series without a
-- break at most 2 in 100 are, where neighbours correlate by .3. Of 36 months or more the season is taken off first.
-- Figures over 12 months, or of a forecast, glide: of them no break is looked for.
{% set ends = 6 %}
{% set certain = 20 %}

with joined as (
    select * from {{ ref('part_scorecard_value') }}
),

-- Complete months with a value; the level of their month of the year is taken off where there are three years.
lines as (
    select
        measure,
        month_start_date,
        month_number,
        cast(value as double) as y,
        count(*) over (partition by measure) as known_months,
        row_number() over (partition by measure order by month_number asc) as place,
        avg(cast(value as double)) over (partition by measure) as mean,
        regr_slope(cast(value as double), month_number) over (partition by measure) as slope,
        avg(month_number) over (partition by measure) as middle
    from joined
    where is_complete_month and value is not null and is_of_month
),

series as (
    select
        measure,
        month_start_date,
        month_number,
        known_months,
        place,
        y - case
            when known_months >= 36
                then
                    avg(y - mean - slope * (month_number - middle))
                        over (partition by measure, extract(month from month_start_date))
            else 0
        end as y
    from lines
),

-- Step s of month k, line t: c = (Cov(s,y) - Cov(s,t) Cov(t,y) / Var(t)) / (Var(s) - Cov(s,t)^2 / Var(t)).
candidates as (
    select
        series.measure,
        breaks.month_start_date as break_month,
        max(series.known_months) as known_months,
        avg(series.y) as mean_y,
        avg(series.month_number) as mean_t,
        avg(case when series.place >= breaks.place then 1 else 0 end) as mean_s,
        var_pop(series.y) as var_y,
        var_pop(series.month_number) as var_t,
        var_pop(case when series.place >= breaks.place then 1.0 else 0.0 end) as var_s,
        covar_pop(series.month_number, series.y) as cov_ty,
        covar_pop(case when series.place >= breaks.place then 1.0 else 0.0 end, series.y) as cov_sy,
        covar_pop(case when series.place >= breaks.place then 1.0 else 0.0 end, series.month_number) as cov_st
    from series
    inner join series as breaks
        on
            series.measure = breaks.measure
            and breaks.place > {{ ends }}
            and breaks.place <= breaks.known_months - {{ ends }} + 1
    group by series.measure, breaks.month_start_date
),

steps as (
    select
        *,
        (cov_sy - cov_st * cov_ty / var_t) / (var_s - cov_st * cov_st / var_t) as step,
        var_y - cov_ty * cov_ty / var_t as spread_before
    from candidates
    where var_y > 1e-12
),

best as (
    select
        *,
        (cov_ty - step * cov_st) / var_t as slope,
        spread_before - step * step * (var_s - cov_st * cov_st / var_t) as spread_after,
        row_number() over (
            partition by measure
            order by
                {{ rounded('step * step * (var_s - cov_st * cov_st / var_t) / spread_before', 9) }} desc,
                break_month asc
        ) as place
    from steps
),

residuals as (
    select
        series.measure,
        series.month_number,
        series.y - best.mean_y - best.slope * (series.month_number - best.mean_t)
        - best.step * (case when series.month_start_date >= best.break_month then 1 else 0 end - best.mean_s) as e
    from series
    inner join best on series.measure = best.measure and best.place = 1
),

neighbours as (
    select
        measure,
        e,
        lag(e) over (partition by measure order by month_number) as e_before
    from residuals
),

likeness as (
    select
        measure,
        least(greatest(sum(e * e_before) / nullif(sum(e * e), 0), 0), 0.9) as rho
    from neighbours
    group by measure
),

tested as (
    select
        best.measure,
        best.break_month,
        best.step,
        (best.known_months - case when best.known_months >= 36 then 14 else 3 end)
        * (best.spread_before - best.spread_after) / nullif(best.spread_after, 0)
        * (1 - likeness.rho) / (1 + likeness.rho) as f
    from best
    inner join likeness on best.measure = likeness.measure
    where best.place = 1
),

final as (
    select
        joined.measure,
        joined.month_start_date,
        {{ as_of_date() }} as as_of_date,
        joined.definition,
        joined.unit,
        joined.direction,
        case when joined.value is null then joined.reason_if_none end as unavailable_reason,
        joined.value,
        lag(joined.value, 12) over by_month as value_year_before,
        case
            when count(case when joined.is_complete_month then joined.value end) over of_year >= 3
                then
                    {{ rounded(
                        'regr_slope(
                            cast(case when joined.is_complete_month then joined.value end as double),
                            joined.month_number
                        ) over of_year', 6
                    ) }}
        end as trend_per_month,
        coalesce(tested.f > {{ certain }}, false) as is_break,
        case when tested.f > {{ certain }} then {{ rounded('tested.step', 6) }} end as break_change,
        joined.is_complete_month
    from joined
    left join tested on joined.measure = tested.measure and joined.month_start_date = tested.break_month
    window
        by_month as (partition by joined.measure order by joined.month_number),
        of_year as (
            partition by joined.measure order by joined.month_number rows between 11 preceding and current row
        )
)

select * from final
