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
  Whether a kind of cost is known, as an aggregate over fct_cost_allocation: a source books costs, or contacts or campaigns
  have brought some of that kind. Otherwise it is unknown, not zero.
#}
{% macro is_cost_known(kind) -%}
    {{ 'count(*) >= 0' if var('providers').get('costs') else "count(case when kind = '" ~ kind ~ "' then 1 end) > 0" }}
{%- endmacro %}

{# What customer_month_activity counts and sums beside the orders of a customer's month, with the types. #}
{% macro month_activity() -%}
    {{ return({
        'return_lines': 'integer', 'refund_amount': 'decimal', 'other_refund_amount': 'decimal',
        'recovered_amount': 'decimal', 'campaign_contacts': 'integer', 'contacts': 'integer', 'cases': 'integer',
        'survey_responses': 'integer', 'web_sessions': 'integer', 'acquisition_cost': 'decimal',
        'selling_cost': 'decimal', 'service_cost': 'decimal', 'retention_cost': 'decimal',
    }) }}
{%- endmacro %}

{# Why a customer without a purchase has no score. It may have bought before the data begin, or what it bought was set aside. #}
{% macro no_known_purchase() -%}'no purchase known by the as-of date'{%- endmacro %}
