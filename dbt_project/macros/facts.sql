{# Keeps the facts that had happened, and were known, on the as-of date. #}
{% macro by_as_of(date_column) -%}
    {{ date_column }} <= {{ as_of_date() }} and known_date <= {{ as_of_date() }}
{%- endmacro %}

{# An amount in the reporting currency, four decimals; `rates` is joined by `exchange_rates_on` (no rate: same currency). #}
{% macro converted(amount, rates='rates') -%}
    cast(round({{ amount }} * coalesce({{ rates }}.rate, 1), 4) as {{ contract_type('decimal') }})
{%- endmacro %}

{# The join that finds the rate of a row's currency on its day. #}
{% macro exchange_rates_on(currency, date, rates='rates') -%}
    left join {{ ref('int_exchange_rates') }} as {{ rates }}
        on
            {{ currency }} = {{ rates }}.from_currency
            and {{ date }} >= {{ rates }}.valid_from_date
            and {{ date }} < {{ rates }}.valid_to_date
{%- endmacro %}

{#
  One row: has_<kind> for each kind of cost. A kind is known when a source books costs or when contacts or campaigns have
  brought some of that kind; otherwise it is unknown, not zero. `condition` restricts fct_cost_allocation.
#}
{% macro known_cost_kinds(condition='1 = 1') -%}
    select
        {%- for kind in ['acquisition', 'selling', 'service', 'retention'] %}
        {{ 'count(*) >= 0' if var('providers').get('costs') else "count(case when kind = '" ~ kind ~ "' then 1 end) > 0" }}
            as has_{{ kind }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ ref('fct_cost_allocation') }}
    where {{ condition }}
{%- endmacro %}
