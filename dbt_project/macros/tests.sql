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
