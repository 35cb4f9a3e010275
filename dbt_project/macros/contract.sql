{#
  The input contract (vars.contract of dbt_project.yml, which says what each word means): of one entity, or of all, by name.
#}
{% macro contract(entity=none) -%}
    {%- set entities = var('contract') -%}
    {%- if entity is none -%}
        {{ return(entities) }}
    {%- elif entity not in entities -%}
        {{ exceptions.raise_compiler_error("Unknown entity '" ~ entity ~ "'. The contract has: " ~ entities.keys() | sort | join(', ')) }}
    {%- endif -%}
    {{ return(entities[entity]) }}
{%- endmacro %}

{# Lines of an order that count as sales; fees and bad debt are booked beside them. #}
{% macro sale_line_types() -%}
    {{ return(goods_line_types() + ['shipping', 'discount', 'adjustment']) }}
{%- endmacro %}

{# Lines that make an order a purchase. #}
{% macro goods_line_types() -%}
    {{ return(['product', 'gift_card']) }}
{%- endmacro %}

{# 'a', 'b' for an `in` list. #}
{% macro text_list(values) -%}{{ return(adapter.dispatch('text_list')(values)) }}{%- endmacro %}
{% macro default__text_list(values) -%}
    {%- for value in values -%}'{{ value | replace("'", "''") }}'{{ ', ' if not loop.last }}{%- endfor -%}
{%- endmacro %}
{% macro spark__text_list(values) -%}
    {%- for value in values -%}{{ text_literal(value) }}{{ ', ' if not loop.last }}{%- endfor -%}
{%- endmacro %}

{# SQL type of a contract type. #}
{% macro contract_type(name) -%}
    {{ return({
        'text': api.Column.translate_type('string'),
        'decimal': var('amount'),
        'total': var('total_amount'),
        'rate': 'decimal(18, 8)',
        'integer': 'bigint',
        'boolean': 'boolean',
        'double': 'double',
        'date': 'date',
        'timestamp': 'timestamp',
    }[name]) }}
{%- endmacro %}
