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
