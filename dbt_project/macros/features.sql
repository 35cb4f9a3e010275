{#
  A feature of everybody who has bought: `without` where a customer has nothing of the entity that it is about, and null
  where no active source provides that entity, since nothing is known then.
#}
{% macro feature(column, entity, type='integer', without='0') -%}
    {%- set value = 'coalesce(' ~ column ~ ', ' ~ without ~ ')' if without != 'null' else column -%}
    cast({{ value if var('providers').get(entity) else 'null' }} as {{ contract_type(type) }}) as {{ column }}
{%- endmacro %}
