{# Statistics that SQL lacks, as expressions over doubles; tests/warehouse/test_statistics.py compares them with scipy. #}

{# P(N > z) of a standard normal, z >= 0; relative error below 2e-7 (Press et al., Numerical Recipes, erfcc). #}
{% macro normal_tail(z) -%}
    {%- set t = '(1.0 / (1.0 + 0.35355339059327376 * ' ~ z ~ '))' -%}
    {%- set terms = [
        0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807, -0.18628806, 0.09678418, 0.37409196, 1.00002368,
        -1.26551223,
    ] -%}
    {%- set sum = namespace(sql=terms[0] | string) -%}
    {%- for term in terms[1:] -%}
        {%- set sum.sql = '(' ~ term ~ ' + ' ~ t ~ ' * ' ~ sum.sql ~ ')' -%}
    {%- endfor -%}
    (0.5 * {{ t }} * exp({{ sum.sql }} - {{ z }} * {{ z }} / 2))
{%- endmacro %}

{# The z >= 0 that is as far out as |t| of Student's t with df degrees of freedom (Wallace 1959). #}
{% macro normal_of_t(t, df) -%}
    ((8 * {{ df }} + 1) / (8 * {{ df }} + 3) * sqrt({{ df }} * ln(1 + {{ t }} * {{ t }} / {{ df }})))
{%- endmacro %}

{# The 97.5 % quantile of Student's t, by its expansion around the normal's (Abramowitz & Stegun 26.7.5). #}
{% macro t_quantile_975(df) -%}
    (
        1.959963984540054 + 2.3722712303 / {{ df }} + 2.8224986157 / ({{ df }} * {{ df }})
        + 2.5558496795 / ({{ df }} * {{ df }} * {{ df }}) + 1.5895340534 / ({{ df }} * {{ df }} * {{ df }} * {{ df }})
    )
{%- endmacro %}

{# A number as text with so many decimals. #}
{% macro number_text(value, digits) -%}
    cast(cast(round({{ value }}, {{ digits }}) as decimal(18, {{ digits }})) as {{ contract_type('text') }})
{%- endmacro %}

{# An interval as text: '<name>_low to <name>_high'. #}
{% macro range_text(name, digits) -%}
    {{ number_text(name ~ '_low', digits) }} || ' to ' || {{ number_text(name ~ '_high', digits) }}
{%- endmacro %}
