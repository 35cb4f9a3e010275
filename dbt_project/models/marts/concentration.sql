-- Grain: one row per (member, measure): how unequally customers, and products, bring what the company lives on; of
-- the 365 days to the as-of date, and for clv_future of the time to come. gini is over all pairs of members, and has
-- no upper bound where values are negative. gini_normalised is divided by the most that gains and losses of these
-- sums could differ, one member having all gains and another all losses (Raffinetti, Siletti and Vernizzi 2015,
-- Statistical Methods & Applications 24), so that it is 0 to 1 in any case. The tail holds the last twentieth of net
-- revenue. Parts of fewer customers than may be shown are null, and so is what is left beside them
-- (docs/decisions.md).
{% set total = contract_type('total') %}
{% set has_products = 'true' if var('providers').get('products') else 'false' %}
{% set has_costs = 'true' if var('providers').get('costs') else 'false' %}

with listed (member, measure) as (
    values
    ('customer', 'net_revenue'),
    ('customer', 'contribution_margin'),
    ('customer', 'clv_future'),
    ('product', 'net_revenue'),
    ('product', 'gross_margin')
),

sums as (
    select
        member,
        measure,
        max(fewest) as fewest,
        count(*) as members,
        max(case when has_unknown then 1 else 0 end) = 1 as has_unknown,
        sum(value) as total,
        sum(abs(value)) as absolute_total,
        sum(cast(2 * place - members - 1 as decimal(12, 0)) * value) as differences,
        count(case when value < 0 then 1 end) as negative_members,
        count(case when is_tail then 1 end) as tail_members,
        count(case when is_tail and value > 0 then 1 end) as tail_profitable_members,
        sum(case when is_tail then value else 0 end) as tail_value,
        sum(case when is_tail and value > 0 then value else 0 end) as tail_profit
    from {{ ref('part_concentration_member') }}
    group by member, measure
),

curve as (
    select
        *,
        lag(cumulative_members, 1, 0) over (partition by member, measure order by point) as members_before,
        lag(cumulative_value, 1, 0) over (partition by member, measure order by point) as value_before
    from {{ ref('concentration_curve') }}
),

tops (top_percent) as (
    values (1), (10), (20)
),

-- What the best hold is read from the curve, between two points on the straight line.
top_shares as (
    select
        curve.member,
        curve.measure,
        tops.top_percent,
        max(
            case
                when
                    curve.members_before * 100 < sums.members * (100 - tops.top_percent)
                    and sums.members * (100 - tops.top_percent) <= curve.cumulative_members * 100
                    then
                        cast(
                            sums.total - curve.value_before
                            - cast(
                                {{ rounded(
                                    'cast(curve.cumulative_value - curve.value_before as double)
                                    * (sums.members * (100 - tops.top_percent) / 100e0 - curve.members_before)
                                    / (curve.cumulative_members - curve.members_before)', 4
                                ) }} as {{ total }}
                            ) as {{ total }}
                        )
            end
        ) as top_value
    from curve
    cross join tops
    inner join sums on curve.member = sums.member and curve.measure = sums.measure
    where sums.total > 0 and sums.members * tops.top_percent >= sums.fewest * 100
    group by curve.member, curve.measure, tops.top_percent
),

tops_of_measures as (
    select
        member,
        measure,
        max(case when top_percent = 1 then top_value end) as top_1_value,
        max(case when top_percent = 10 then top_value end) as top_10_value,
        max(case when top_percent = 20 then top_value end) as top_20_value
    from top_shares
    group by member, measure
),

joined as (
    select
        listed.member,
        listed.measure,
        tops_of_measures.top_1_value,
        tops_of_measures.top_10_value,
        tops_of_measures.top_20_value,
        sums.fewest,
        sums.members,
        sums.total,
        sums.absolute_total,
        sums.differences,
        sums.negative_members,
        sums.tail_members,
        sums.tail_profitable_members,
        sums.tail_value,
        sums.tail_profit,
        case
            when listed.member = 'product' and not {{ has_products }} then 'no active source provides products'
            when sums.members is null and listed.member = 'product' then 'no product was sold in the year'
            when sums.members is null then 'no customer has a value'
            when listed.measure = 'contribution_margin' and not {{ has_costs }} then 'no active source provides costs'
            when sums.has_unknown then 'the cost of a part of the goods is not known'
            when sums.members < sums.fewest then 'of too few customers'
        end as unavailable_reason
    from listed
    left join sums on listed.member = sums.member and listed.measure = sums.measure
    left join tops_of_measures on listed.member = tops_of_measures.member and listed.measure = tops_of_measures.measure
),

-- A part is shown where it, and what is left of the whole beside it, are nobody or enough.
judged as (
    select
        *,
        unavailable_reason is null as is_shown,
        unavailable_reason is null
        and (
            negative_members in (0, members)
            or least(negative_members, members - negative_members) >= fewest
        ) as shows_negatives,
        unavailable_reason is null
        and (tail_members in (0, members) or least(tail_members, members - tail_members) >= fewest) as shows_tail,
        tail_profitable_members in (0, tail_members)
        or least(tail_profitable_members, tail_members - tail_profitable_members) >= fewest as has_enough_profitable
    from joined
),

final as (
    select
        member,
        measure,
        {{ as_of_date() }} as as_of_date,
        unavailable_reason,
        cast(case when is_shown then members end as bigint) as members,
        cast(case when is_shown then total end as {{ total }}) as total,
        case when is_shown and total > 0 then {{ quotient('differences', '(members * total)', 6) }} end as gini,
        case
            when is_shown and members > 1
                then {{ quotient('differences', '((members - 1) * absolute_total)', 6) }}
        end as gini_normalised,
        cast(case when shows_negatives then negative_members end as bigint) as negative_members,
        case when is_shown then {{ quotient('top_1_value', 'total', 6) }} end as top_1_share,
        case when is_shown then {{ quotient('top_10_value', 'total', 6) }} end as top_10_share,
        case when is_shown then {{ quotient('top_20_value', 'total', 6) }} end as top_20_share,
        cast(case when shows_tail then tail_members end as bigint) as tail_members,
        cast(case when shows_tail then tail_value end as {{ total }}) as tail_value,
        cast(case when shows_tail and has_enough_profitable then tail_profitable_members end as bigint)
            as tail_profitable_members,
        cast(case when shows_tail and has_enough_profitable then tail_profit end as {{ total }}) as tail_profit
    from judged
)

select * from final
