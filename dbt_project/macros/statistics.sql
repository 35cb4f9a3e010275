{# Statistics that SQL lacks, as expressions over doubles; tests/warehouse/test_statistics.py compares them with scipy. #}

{#
  P(N > z) of a standard normal, z >= 0; relative error below 2e-7 (Press et al., Numerical Recipes, erfcc), which at
  z = 0 would lie above .5.
#}
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
    least(0.5, 0.5 * {{ t }} * exp({{ sum.sql }} - {{ z }} * {{ z }} / 2))
{%- endmacro %}

{#
  The z >= 0 that is as far out in the normal as |t| in Student's t with df degrees of freedom (Hill 1970, algorithm 395),
  in two steps: y = student_root(t, df), then normal_of_student_root(y, df).
#}
{% macro student_root(t, df) -%}
    sqrt(({{ df }} - 0.5) * ln(1 + {{ t }} * {{ t }} / {{ df }}))
{%- endmacro %}

{% macro normal_of_student_root(y, df) -%}
    {%- set b = '(48 * (' ~ df ~ ' - 0.5) * (' ~ df ~ ' - 0.5))' -%}
    {%- set first = '(power(' ~ y ~ ', 3) + 3 * ' ~ y ~ ') / ' ~ b -%}
    {%- set terms = '4 * power(' ~ y ~ ', 7) + 33 * power(' ~ y ~ ', 5) + 240 * power(' ~ y ~ ', 3) + 855 * ' ~ y -%}
    {%- set second = '(' ~ terms ~ ') / (10 * ' ~ b ~ ' * (' ~ b ~ ' + 0.8 * power(' ~ y ~ ', 4) + 100))' -%}
    ({{ y }} + {{ first }} - {{ second }})
{%- endmacro %}

{# The 97.5 % quantile of Student's t, by its expansion around the normal's (Abramowitz & Stegun 26.7.5). #}
{% macro t_quantile_975(df) -%}
    {%- set sum = namespace(sql='1.5895340534') -%}
    {%- for term in [2.5558496795, 2.8224986157, 2.3722712303, 1.959963984540054] -%}
        {%- set sum.sql = '(' ~ term ~ ' + ' ~ sum.sql ~ ' / ' ~ df ~ ')' -%}
    {%- endfor -%}
    {{ sum.sql }}
{%- endmacro %}

{# A number as text with so many decimals. #}
{% macro number_text(value, digits) -%}
    cast(cast(round({{ value }}, {{ digits }}) as decimal(18, {{ digits }})) as {{ contract_type('text') }})
{%- endmacro %}

{# An interval as text: '<name>_low to <name>_high'. #}
{% macro range_text(name, digits) -%}
    {{ number_text(name ~ '_low', digits) }} || ' to ' || {{ number_text(name ~ '_high', digits) }}
{%- endmacro %}
