-- Grain: one row per (order_id, touch_number, model) of purchases with a touchpoint. Key: these.
-- A purchase is shared out among its touchpoints by the weights of a model: its net sales to the coin by the largest
-- remainder, itself to six digits, the rest to the first. Alone, a touchpoint has all of it.
with touches as (
    select
        touchpoint.*,
        orders.net_sales,
        effects.removal_effect,
        case when touchpoint.touch_number = 1 then 1 else 0 end as is_first,
        case when touchpoint.touch_number = touchpoint.touches then 1 else 0 end as is_last,
        {{ days_between('cast(touchpoint.touched_at as date)', 'cast(touchpoint.ordered_at as date)') }} as days_before
    from {{ ref('touchpoint') }} as touchpoint
    inner join {{ ref('fct_order') }} as orders on touchpoint.order_id = orders.order_id
    left join {{ scores('attribution') }} as effects on touchpoint.state = effects.state
),

models as (
    select known.model
    from (values ('first'), ('last'), ('linear'), ('position'), ('time_decay'), ('markov')) as known (model)
),

-- position: 40 % to the first and to the last, 20 % to those between: of n, the ends have 2 (n - 2) parts each.
weighed as (
    select
        touches.order_id,
        touches.touch_number,
        touches.touches,
        touches.net_sales,
        models.model,
        cast(
            case models.model
                when 'first' then touches.is_first
                when 'last' then touches.is_last
                when 'linear' then 1
                when 'position'
                    then 1 + greatest(touches.is_first, touches.is_last) * greatest(2 * touches.touches - 5, 0)
                when 'time_decay' then {{ rounded('1000000 * power(0.5, touches.days_before / 7e0)') }}
                when 'markov' then {{ rounded('1000000 * coalesce(touches.removal_effect, 0)') }} + 1
            end as bigint
        ) as weight
    from touches
    cross join models
),

shared as (
    select
        order_id,
        model,
        touch_number,
        net_sales as amount,
        weight
    from weighed
    where touches > 1
),

amounts as (
    {{ largest_remainder('shared', ['order_id', 'model'], ['touch_number']) }}
),

parts as (
    select
        *,
        cast(floor(1000000 * weight / sum(weight) over (partition by order_id, model)) as bigint) as millionths
    from shared
),

counted as (
    select
        order_id,
        model,
        touch_number,
        millionths + case
            when touch_number = 1 then 1000000 - sum(millionths) over (partition by order_id, model) else 0
        end as millionths
    from parts
)

select
    order_id,
    touch_number,
    model,
    cast(1 as decimal(18, 6)) as purchases,
    net_sales
from weighed
where touches = 1
union all
select
    counted.order_id,
    counted.touch_number,
    counted.model,
    cast(counted.millionths * 0.000001 as decimal(18, 6)) as purchases,
    amounts.share_amount as net_sales
from counted
inner join amounts
    on
        counted.order_id = amounts.order_id
        and counted.model = amounts.model
        and counted.touch_number = amounts.touch_number
