{# Rows whose key is null or not unique. #}
{% test unique_key(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1 {% for column in columns %} or {{ column }} is null {% endfor %}
{% endtest %}

{# Rows for which an expression does not hold. A null counts as a failure. #}
{% test holds(model, expression) %}
select *
from {{ model }}
where not coalesce({{ expression }}, false)
{% endtest %}

{# The sum of a column here and the sum of an expression elsewhere, when they differ. #}
{% test same_total(model, column, to, expression) %}
with here as (select coalesce(sum({{ column }}), 0) as total from {{ model }}),
there as (select coalesce(sum({{ expression }}), 0) as total from {{ to }})
select
    here.total as total_here,
    there.total as total_there
from here
cross join there
where here.total <> there.total
{% endtest %}

{# Days up to the end of the as-of year that are missing from dim_date. Later ones are no business of the calendar. #}
{% test in_calendar(model, column_name) %}
select {{ column_name }}
from {{ model }}
where
    {{ column_name }} <= {{ end_of_year(as_of_date()) }}
    and {{ column_name }} not in (select date_day from {{ ref('dim_date') }})
{% endtest %}

{# As same_total, for a mart: elsewhere only what had happened, and was known, on the as-of date. #}
{% test same_total_as_of(model, column, to, expression, date_column) %}
with here as (select coalesce(sum({{ column }}), 0) as total from {{ model }}),
there as (select coalesce(sum({{ expression }}), 0) as total from {{ to }} where {{ by_as_of(date_column) }})
select
    here.total as total_here,
    there.total as total_there
from here
cross join there
where here.total <> there.total
{% endtest %}

{# Versions that do not follow each other day by day, from the beginning of time to its end. #}
{% test unbroken_history(model, key) %}
with versions as (
    select
        {{ key }},
        valid_from,
        valid_to,
        is_current,
        lag(valid_to) over (partition by {{ key }} order by valid_from) as previous_to,
        lead(valid_from) over (partition by {{ key }} order by valid_from) as next_from
    from {{ model }}
)

select *
from versions
where
    valid_from >= valid_to
    or valid_from <> coalesce(previous_to, {{ beginning_of_time() }})
    or valid_to <> coalesce(next_from, {{ end_of_time() }})
    or is_current <> (next_from is null)
{% endtest %}

{#
  Things whose current version differs from the dimension's row, or that stand in one of the two alone. A version for which
  `ended` holds may have left the dimension.
#}
{% test same_as_current(model, to, key, columns, ended=none) %}
select
    versions.{{ key }} as version_of,
    dimension.{{ key }}
from (select * from {{ model }} where is_current) as versions
full outer join {{ to }} as dimension on versions.{{ key }} = dimension.{{ key }}
where
    (dimension.{{ key }} is null{{ ' and not versions.' ~ ended if ended }})
    or versions.{{ key }} is null
    {%- for column in columns %}
    or (dimension.{{ key }} is not null and versions.{{ column }} is distinct from dimension.{{ column }})
    {%- endfor %}
{% endtest %}

{#
  Rows of which two columns contradict each other. `pairs` has one entry per contradiction: two columns, and of each the
  values that never stand beside one of the other's.
#}
{% test no_contradiction(model, pairs) %}
select *
from {{ model }}
where
    {%- for pair in pairs %}
    (
        {%- for column, values in pair.items() %}
        {{ column }} in ({{ text_list(values) }}){{ ' and' if not loop.last }}
        {%- endfor %}
    ){{ ' or' if not loop.last }}
    {%- endfor %}
{% endtest %}
