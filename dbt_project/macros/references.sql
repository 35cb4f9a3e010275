{#
  What a row names may stand in another system: an order that the service desk talks about, a campaign that the shop
  books an order for. A key means the row of its own source system; where that has none, the row of the only other
  system that has one. With two others it means nothing: which one is not known.

  One row per (source system, key) that any entity names, with the id that core has for it.

  entity    the entity that is named
  key       its key column, which is also the name of the column in the entities that name it
#}
{% macro references_to(entity, key) -%}
{%- set naming = [] -%}
{%- for other, spec in contract().items() if key in spec.columns and other != entity and entity not in spec.get('parents', {}) -%}
    {%- do naming.append(other) -%}
{%- endfor -%}
with named as (
    {%- for other in naming %}
    select
        source_system,
        {{ key }}
    from {{ ref('int_' ~ other) }}
    where {{ key }} is not null
    {{ 'union' if not loop.last }}
    {%- endfor %}
),

known as (
    select
        source_system,
        {{ key }}
    from {{ ref('int_' ~ entity) }}
    where {{ key }} in (select {{ key }} from named)
),

known_once as (
    select
        {{ key }},
        min(source_system) as source_system
    from known
    group by {{ key }}
    having count(*) = 1
),

resolved as (
    select
        named.source_system,
        named.{{ key }},
        coalesce(own.source_system, elsewhere.source_system) as system_of_row
    from named
    left join known as own on named.source_system = own.source_system and named.{{ key }} = own.{{ key }}
    left join known_once as elsewhere on named.{{ key }} = elsewhere.{{ key }}
)

select
    source_system,
    {{ key }} as source_{{ key }},
    system_of_row || ':' || {{ key }} as {{ key }}
from resolved
where system_of_row is not null
{%- endmacro %}
