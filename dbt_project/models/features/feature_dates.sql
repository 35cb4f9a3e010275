-- Grain: one row per date on which features are computed: the as-of date and the cut-offs that models learn from.
{%- for date in of_build('feature_dates') %}
select cast('{{ date }}' as date) as as_of_date
{{ 'union all' if not loop.last }}
{%- endfor %}
