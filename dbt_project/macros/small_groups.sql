{#
  Whether the figures of a group are withheld: it has fewer members than may be published, or it is one of the smallest of
  a family with such a group, which are withheld until together they have enough. So the sum of the family, less the
  groups that are shown, is never that of a few. Nobody is shown.

  counted  the members of a group
  family   columns of the groups whose sum is known
  order    columns that break ties within the family
#}
{% macro is_withheld(counted, family, order) -%}
{%- set fewest = of_build('smallest_group') -%}
(
    {{ counted }} > 0
    and min(case when {{ counted }} > 0 then {{ counted }} end) over (partition by {{ family }}) < {{ fewest }}
    and (
        {{ counted }} < {{ fewest }}
        or coalesce(sum({{ counted }}) over (
            partition by {{ family }} order by {{ counted }} asc, {{ order }}
            rows between unbounded preceding and 1 preceding
        ), 0) < {{ fewest }}
    )
)
{%- endmacro %}
