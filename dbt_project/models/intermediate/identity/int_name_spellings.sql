-- Grain: one row per (spelling, name that it may stand for). A name is a spelling of itself.
select distinct
    spelling,
    name
from (
    values
    {%- for name, spellings in name_spellings().items() %}
    {%- set last = loop.last %}
    {%- for spelling in [name] + spellings.split(' ') %}
    ('{{ spelling }}', '{{ name }}'){{ ',' if not (last and loop.last) }}
    {%- endfor %}
    {%- endfor %}
) as listed (spelling, name) -- noqa: AL05
