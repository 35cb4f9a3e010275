{# The node of the model that a generic test is of. Within a test `model` is its relation. #}
{% macro tested_node() -%}
    {{ return(graph.nodes[model.attached_node]) }}
{%- endmacro %}

{# The sum of an expression, which may end in `where` and a condition. #}
{% macro sum_of(expression, table, condition='true') -%}
    {%- set parts = expression.rpartition(' where ') -%}
    {%- set summed = parts[0] or parts[2] -%}
    {%- set own = parts[2] if parts[0] else 'true' -%}
    (select coalesce(sum({{ summed }}), 0) from {{ table }} where ({{ own }}) and {{ condition }})
{%- endmacro %}
