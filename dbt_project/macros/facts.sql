{# Keeps the facts that had happened, and were known, on the as-of date. #}
{% macro by_as_of(date_column) -%}{{ date_column }} <= {{ as_of_date() }} and known_date <= {{ as_of_date() }}{%- endmacro %}

{# An amount in the reporting currency, as it is stored; `rates` is joined by `exchange_rates_on` (no rate: same currency). #}
{% macro converted(amount, rates='rates') -%}
    cast({{ rounded_product(amount, 'coalesce(' ~ rates ~ '.rate, 1)') }} as {{ contract_type('decimal') }})
{%- endmacro %}

{# The join that finds the rate of a row's currency on its day. #}
{% macro exchange_rates_on(currency, date, rates='rates') -%}
    left join {{ ref('int_exchange_rates') }} as {{ rates }}
        on
            {{ currency }} = {{ rates }}.from_currency
            and {{ date }} >= {{ rates }}.valid_from_date
            and {{ date }} < {{ rates }}.valid_to_date
{%- endmacro %}

{# Which kinds of costs are known, and not zero: all where a source books costs, else those in fct_cost_allocation. #}
{% macro known_cost_kinds() -%}
    {%- for kind in contract('costs').allowed.kind -%}
    {{ 'true' if var('providers').get('costs') else 'false' }} or count(case when kind = '{{ kind }}' then 1 end) > 0 as has_{{ kind }}
        {{- ',\n        ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# Why a customer without a purchase has no score. It may have bought before the data begin, or what it bought was set aside. #}
{% macro no_known_purchase() -%}'no purchase known by the as-of date'{%- endmacro %}

{# A number with its noun, as text: 1 purchase, 2 purchases. #}
{% macro counted(number, noun) -%}
    (cast({{ number }} as {{ contract_type('text') }}) || case when {{ number }} = 1 then ' {{ noun }}' else ' {{ noun }}s' end)
{%- endmacro %}

{# A measure of a fact, of one row, by its name in the yml (config.meta.measures), which the build passes. #}
{% macro measure(fact, name) -%}
    {%- if name in var('measures').get(fact, {}) -%}
        {{ return(var('measures')[fact][name]) }}
    {%- elif execute -%}
        {{ exceptions.raise_compiler_error("The yml of " ~ fact ~ " has no measure '" ~ name ~ "' (config.meta.measures).") }}
    {%- endif -%}
    {{ return('0') }}
{%- endmacro %}

{# An expression over a fact in which its measures are named: '{recovered} - {refunds}'. #}
{% macro with_measures(expression, fact) -%}
    {%- set found = namespace(sql=expression) -%}
    {%- for name, sql in var('measures').get(fact, {}).items() -%}
        {%- set found.sql = found.sql | replace('{' ~ name ~ '}', sql) -%}
    {%- endfor -%}
    {{ return(found.sql) }}
{%- endmacro %}
