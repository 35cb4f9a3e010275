-- Grain: one row per (metric, month, dimension, dimension_value, second_value). Generated from vars.metrics of
-- dbt_project.yml. second_value is 'all' unless the dimension is two ('category by segment').
-- dimension 'all' has every month; other dimensions the months in which something was there. Do not add up a dimension
-- of a metric that counts customers, or is a quotient. value = scale * numerator / denominator, or the numerator alone.
with terms as (
    {%- for name, metric in var('metrics').items() %}
    {%- set last_metric = loop.last %}
    {%- for term in metric_terms(metric) %}
    select
        '{{ name }}' as metric,
        '{{ term.part }}' as part,
        '{{ term.measure }}' as measure,
        {{ term.sign }} as sign,
        {{ 'true' if loop.first else 'false' }} as is_first
    {{ 'union all' if not (last_metric and loop.last) }}
    {%- endfor %}
    {%- endfor %}
),

measures as (
    select * from {{ ref('part_metric_measure') }}
),

catalogue as (
    select
        *,
        denominator_formula is not null as is_quotient
    from {{ ref('metric_catalogue') }}
),

starts as (
    select
        terms.metric,
        min(measures.first_date) as first_date
    from terms
    inner join measures on terms.measure = measures.measure and measures.dimension = 'all'
    where terms.is_first
    group by terms.metric
),

months as (
    select distinct month_start_date from measures
),

parts as (
    select
        terms.metric,
        measures.month_start_date,
        measures.dimension,
        measures.dimension_value,
        measures.second_value,
        sum(case when terms.part = 'numerator' then terms.sign * measures.value end) as numerator,
        sum(case when terms.part = 'denominator' then terms.sign * measures.value end) as denominator,
        count(*) > count(measures.value) as has_unknown
    from terms
    inner join measures on terms.measure = measures.measure
    inner join catalogue
        on
            terms.metric = catalogue.metric
            and position(', ' || measures.dimension || ', ' in ', ' || catalogue.dimensions || ', ') > 0
    group by
        terms.metric, measures.month_start_date, measures.dimension, measures.dimension_value, measures.second_value
),

-- Every metric has every month, also those in which nothing was there.
cells as (
    select * from parts
    union all
    select
        catalogue.metric,
        months.month_start_date,
        'all' as dimension,
        'all' as dimension_value,
        'all' as second_value,
        null as numerator,
        null as denominator,
        false as has_unknown
    from catalogue
    cross join months
    left join parts
        on
            catalogue.metric = parts.metric
            and months.month_start_date = parts.month_start_date
            and parts.dimension = 'all'
    where parts.metric is null
),

judged as (
    select
        cells.metric,
        cells.month_start_date,
        cells.dimension,
        cells.dimension_value,
        cells.second_value,
        catalogue.unit,
        catalogue.is_quotient,
        catalogue.digits,
        catalogue.scale,
        coalesce(cells.numerator, 0) as numerator,
        case when catalogue.is_quotient then coalesce(cells.denominator, 0) end as denominator,
        starts.first_date,
        case
            when catalogue.unavailable_reason is not null then catalogue.unavailable_reason
            when starts.first_date is null then 'there are no data'
            when
                {{ month_number('cells.month_start_date') }} < {{ month_number('starts.first_date') }}
                then 'before the first data'
            when
                {{ month_number('cells.month_start_date') }}
                < {{ month_number('starts.first_date') }} + catalogue.history_months
                then 'needs ' || catalogue.history_months || ' months of data before'
            when cells.has_unknown then 'a part of it is not known for every row'
            when catalogue.is_quotient and coalesce(cells.denominator, 0) = 0 then 'the denominator is zero'
        end as unavailable_reason
    from cells
    inner join catalogue on cells.metric = catalogue.metric
    left join starts on cells.metric = starts.metric
),

final as (
    select
        metric,
        month_start_date,
        dimension,
        dimension_value,
        second_value,
        unit,
        unavailable_reason,
        cast(
            case
                when unavailable_reason is not null then null
                when is_quotient then {{ quotient('scale * numerator', 'denominator', 'digits') }}
                else cast(numerator as decimal(28, 6))
            end as decimal(28, 6)
        ) as value,
        cast(case when unavailable_reason is null then numerator end as {{ contract_type('total') }}) as numerator,
        cast(case when unavailable_reason is null then denominator end as {{ contract_type('total') }}) as denominator,
        last_day(month_start_date) <= {{ as_of_date() }} and coalesce(first_date <= month_start_date, false)
            as is_complete_month
    from judged
)

select * from final
