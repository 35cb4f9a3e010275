{#
  Shares of an amount in whole cents, by the largest remainder: every share is rounded down, and the cents that are left go,
  one each, to the largest remainders. Parts of a cent go to the first. Shares sum to the amount, to the last digit, in any
  order of rows.

  relation  one row per (what is shared, who shares), with the columns `amount`, equal in all rows of what is shared, and
            `weight`, a whole number of zero or more, not zero for all
  shared    columns that say what is shared
  sharer    columns that say who shares it
#}
{% macro largest_remainder(relation, shared, sharer) -%}
{%- set partition = shared | join(', ') -%}
{%- set columns = partition ~ ', ' ~ sharer | join(', ') -%}
select
    {{ columns }},
    cast(
        case when amount < 0 then -0.01 else 0.01 end
        * (floor_cents + case when rank_of_remainder <= cents_left then 1 else 0 end)
        + case when rank_of_remainder = 1 then amount % 0.01 else 0 end
        as {{ contract_type('decimal') }}
    ) as share_amount
from (
    select
        *,
        cents - sum(floor_cents) over (partition by {{ partition }}) as cents_left,
        row_number() over (
            partition by {{ partition }}
            order by remainder desc, md5(concat({{ (shared + sharer) | join(', ') }})) asc, {{ sharer | join(', ') }}
        ) as rank_of_remainder
    from (
        select
            *,
            cents * weight % total_weight as remainder,
            cast(
                (cents * weight - cents * weight % total_weight) / total_weight as bigint
            ) as floor_cents
        from (
            select
                {{ columns }},
                amount,
                cast(weight as decimal(19, 0)) as weight,
                cast(floor(abs(amount) * 100) as decimal(18, 0)) as cents,
                cast(sum(weight) over (partition by {{ partition }}) as decimal(19, 0)) as total_weight
            from {{ relation }}
        ) as weighed
    ) as floored
) as ranked
{%- endmacro %}
