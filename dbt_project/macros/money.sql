{# How amounts are rounded, divided and shared out. They are stored with four digits after the point (var('amount')), as many
   as any currency has; what is computed of them is in whole units of the reporting currency's smallest coin. #}

{# Digits after the point of the reporting currency: pipeline/base/numbers.py has those of each. #}
{% macro currency_digits() -%}{{ return(var('currency_digits')) }}{%- endmacro %}

{# Digits after the point of an amount as it is stored. #}
{% macro stored_digits() -%}{{ return(var('amount').rstrip(')').split(',')[1] | int) }}{%- endmacro %}

{# A computed amount, as a double, in whole units of the smallest coin. #}
{% macro rounded_amount(amount) -%}
    cast({{ rounded(amount, currency_digits()) }} as {{ var('amount') }})
{%- endmacro %}

{# A double, rounded: Spark would round its shortest text, and DuckDB rounds what it is in binary. #}
{% macro rounded(number, digits=0) -%}{{ return(adapter.dispatch('rounded')(number, digits)) }}{%- endmacro %}
{% macro default__rounded(number, digits) -%}round({{ number }}{{ ', ' ~ digits if digits }}){%- endmacro %}
{% macro spark__rounded(number, digits) -%}
    (round(cast({{ number }} as double) * 1e{{ digits }}) / 1e{{ digits }})
{%- endmacro %}

{# An amount times a factor, exactly: DuckDB multiplies decimals of up to 18 digits with 64 bits, and a million times a rate
   of eight digits does not fit. #}
{% macro product(amount, factor) -%}cast({{ amount }} as decimal(19, {{ stored_digits() }})) * {{ factor }}{%- endmacro %}
{% macro rounded_product(amount, factor) -%}round({{ product(amount, factor) }}, {{ stored_digits() }}){%- endmacro %}

{# An amount as text, with the digits of its currency. #}
{% macro amount_text(amount) -%}
    cast(cast(round({{ amount }}, {{ currency_digits() }}) as decimal(18, {{ currency_digits() }})) as {{ contract_type('text') }})
{%- endmacro %}

{#
  numerator / denominator, of amounts, sums of them or whole numbers, as decimal(28, 6); null where the denominator is 0. Exact,
  and ties are rounded away from zero: DuckDB divides decimals as doubles, which makes 20.115 to two digits 20.11.
  `digits` is a whole number from 0 to 6, or a column that has one.
#}
{% macro quotient(numerator, denominator, digits) -%}
    {{ return(adapter.dispatch('quotient')(numerator, denominator, digits)) }}
{%- endmacro %}

{% macro default__quotient(numerator, denominator, digits) -%}
    {%- set whole = namespace(numerator=as_whole_number(numerator), denominator=as_whole_number(denominator)) -%}
    cast(
        sign({{ numerator }}) * sign({{ denominator }})
        * cast(
            (2 * abs({{ whole.numerator }}) * cast(power(10, {{ digits }}) as hugeint) + abs({{ whole.denominator }}))
            // nullif(2 * abs({{ whole.denominator }}), 0) as decimal(28, 0)
        )
        * cast(power(10, 6 - {{ digits }}) as decimal(7, 0)) * 0.000001 as decimal(28, 6)
    )
{%- endmacro %}

{% macro spark__quotient(numerator, denominator, digits) -%}
    {%- set whole = namespace(numerator=as_whole_number(numerator), denominator=as_whole_number(denominator)) -%}
    cast(
        case when ({{ numerator }} < 0) <> ({{ denominator }} < 0) then -1 else 1 end
        * {{ whole_quotient(
            '(2 * abs(' ~ whole.numerator ~ ') * cast(power(10, ' ~ digits ~ ') as decimal(7, 0)) + abs(' ~ whole.denominator ~ '))',
            'nullif(2 * abs(' ~ whole.denominator ~ '), 0)'
        ) }}
        * cast(power(10, 6 - {{ digits }}) as decimal(7, 0)) * 0.000001 as decimal(28, 6)
    )
{%- endmacro %}

{# For Spark: one whole number divided by another, without the remainder. Its div makes a bigint, and overflows unsaid. #}
{% macro whole_quotient(numerator, denominator) -%}
    cast(({{ numerator }} - {{ numerator }} % {{ denominator }}) / {{ denominator }} as decimal(28, 0))
{%- endmacro %}

{# amount * part / whole, of three amounts, as an amount; null where the whole is 0. #}
{% macro proportion(amount, part, whole) -%}
    {{ return(adapter.dispatch('proportion')(amount, part, whole)) }}
{%- endmacro %}

{% macro default__proportion(amount, part, whole) -%}
    {%- set amounts = namespace(product=as_whole_number(amount) ~ ' * ' ~ as_whole_number(part), whole=as_whole_number(whole)) -%}
    cast(
        sign({{ amount }}) * sign({{ part }}) * sign({{ whole }})
        * cast(
            (2 * abs({{ amounts.product }}) + abs({{ amounts.whole }})) // nullif(2 * abs({{ amounts.whole }}), 0)
            as decimal(18, 0)
        )
        * {{ smallest_unit(stored_digits()) }} as {{ var('amount') }}
    )
{%- endmacro %}

{% macro spark__proportion(amount, part, whole) -%}
    {%- set amounts = namespace(product=as_whole_number(amount) ~ ' * ' ~ as_whole_number(part), whole=as_whole_number(whole)) -%}
    cast(
        case when ({{ amount }} < 0) <> ({{ part }} < 0) <> ({{ whole }} < 0) then -1 else 1 end
        * {{ whole_quotient(
            '(2 * abs(' ~ amounts.product ~ ') + abs(' ~ amounts.whole ~ '))', 'nullif(2 * abs(' ~ amounts.whole ~ '), 0)'
        ) }}
        * {{ smallest_unit(stored_digits()) }} as {{ var('amount') }}
    )
{%- endmacro %}

{# An amount in its last stored digit, as a whole number of any size. #}
{% macro as_whole_number(amount) -%}{{ return(adapter.dispatch('as_whole_number')(amount)) }}{%- endmacro %}
{% macro default__as_whole_number(amount) -%}
    cast(cast({{ amount }} as {{ var('total_amount') }}) * {{ 10 ** stored_digits() }} as hugeint)
{%- endmacro %}
{% macro spark__as_whole_number(amount) -%}
    cast(cast({{ amount }} as {{ var('total_amount') }}) * {{ 10 ** stored_digits() }} as decimal(19, 0))
{%- endmacro %}

{# 0.01 of two digits, 1 of none. #}
{% macro smallest_unit(digits) -%}{{ '0.' ~ '0' * (digits - 1) ~ '1' if digits else '1' }}{%- endmacro %}

{#
  Shares of an amount in whole units of the smallest coin (cents of EUR, yen of JPY), by the largest remainder: every share
  is rounded down, and the units that are left go, one each, to the largest remainders. Parts of a unit go to the first.

  relation  one row per (columns of `shared`, columns of `sharer`), with `amount`, equal in all rows of what is shared, and
            `weight`, a whole number of zero or more, not zero for all
#}
{% macro largest_remainder(relation, shared, sharer) -%}
{%- set partition = shared | join(', ') -%}
{%- set columns = partition ~ ', ' ~ sharer | join(', ') -%}
{%- set unit = smallest_unit(currency_digits()) -%}
select
    {{ columns }},
    cast(
        case when amount < 0 then -{{ unit }} else {{ unit }} end
        * (floor_units + case when rank_of_remainder <= units_left then 1 else 0 end)
        + case when rank_of_remainder = 1 then amount % {{ unit }} else 0 end
        as {{ var('amount') }}
    ) as share_amount
from (
    select
        *,
        units - sum(floor_units) over (partition by {{ partition }}) as units_left,
        row_number() over (
            partition by {{ partition }}
            order by remainder desc, md5(concat({{ columns }})) asc, {{ sharer | join(', ') }}
        ) as rank_of_remainder
    from (
        select
            *,
            units * weight % total_weight as remainder,
            cast((units * weight - units * weight % total_weight) / total_weight as bigint) as floor_units
        from (
            select
                {{ columns }},
                amount,
                cast(weight as decimal(19, 0)) as weight,
                cast(floor(abs(amount) * {{ 10 ** currency_digits() }}) as decimal(18, 0)) as units,
                cast(sum(weight) over (partition by {{ partition }}) as decimal(19, 0)) as total_weight
            from {{ relation }}
        ) as weighed
    ) as floored
) as ranked
{%- endmacro %}
