{# Keeps the facts that had happened, and were known, on the as-of date. #}
{% macro by_as_of(date_column) -%}
    {{ date_column }} <= {{ as_of_date() }} and known_date <= {{ as_of_date() }}
{%- endmacro %}
