-- Grain: one row per customer with a purchase by the as-of date: how content, how loyal, and what shows it.
-- Satisfied by the last answer, loyal by behaviour (Jones and Sasser 1995). A middling answer (passive, neutral) says
-- neither, and one purchase shows no loyalty yet: such customers have no class, and the reason.
-- A purchase is at a discount from a twentieth of its list value on: less is what shops round off.
{% set first_day = add_days(as_of_date(), -89) %}
{% set has = var('providers') %}

with orders as (
    select
        customer_id,
        count(
            case
                when
                    discount_amount + coupon_discount_amount > 0
                    and 20 * (discount_amount + coupon_discount_amount) >= list_amount
                    then 1
            end
        ) as discounted_purchases
    from {{ ref('fct_order') }}
    where is_purchase and {{ by_as_of('order_date') }}
    group by customer_id
),

category_lines as (
    select
        lines.customer_id,
        products.category,
        count(*) as lines
    from {{ ref('fct_order_line') }} as lines
    inner join {{ ref('dim_product') }} as products on lines.product_id = products.product_id
    where lines.is_goods and products.category is not null and {{ by_as_of('lines.order_date') }}
    group by lines.customer_id, products.category
),

-- Shannon's entropy: ln of the number of categories where all are bought alike, 0 where one is.
goods as (
    select
        customer_id,
        count(*) as categories,
        {{ rounded('abs(ln(sum(lines)) - sum(lines * ln(lines)) / sum(lines))', 6) }} as category_entropy
    from category_lines
    group by customer_id
),

switches as (
    select
        customer_id,
        count(category_before) as followed_days,
        count(case when category <> category_before then 1 end) as category_switches
    from {{ ref('part_category_day') }}
    group by customer_id
),

-- Who sent others: related_id is the one who recommended the company to customer_id.
referrals as (
    select
        related_id as customer_id,
        count(*) as referrals
    from {{ ref('bridge_customer_relationship') }}
    where kind = 'referral' and not is_self
    group by related_id
),

desk as (
    select
        customer_id,
        count(*) as desk_contacts_90d
    from {{ ref('fct_contact') }}
    where direction = 'out' and contact_date >= {{ first_day }} and {{ by_as_of('contact_date') }}
    group by customer_id
),

campaigns as (
    select
        customer_id,
        count(*) as campaign_contacts_90d
    from {{ ref('fct_campaign_contact') }}
    where arm <> 'control' and contact_date >= {{ first_day }} and {{ by_as_of('contact_date') }}
    group by customer_id
),

joined as (
    select
        customers.*,
        orders.discounted_purchases,
        goods.categories,
        goods.category_entropy,
        switches.category_switches,
        switches.followed_days,
        preferred.channel as preferred_channel,
        coalesce(referrals.referrals, 0) as referrals,
        coalesce(campaigns.campaign_contacts_90d, 0) as campaign_contacts_90d,
        coalesce(desk.desk_contacts_90d, 0) as desk_contacts_90d,
        case
            when customers.satisfaction in ('promoter', 'satisfied') then true
            when customers.satisfaction in ('detractor', 'dissatisfied') then false
        end as is_satisfied,
        case
            when customers.purchases < 2 or customers.lifecycle_stage is null then null
            else customers.lifecycle_stage not in ('declining', 'dormant', 'lost')
        end as is_loyal
    from {{ ref('customer_360') }} as customers
    inner join orders on customers.customer_id = orders.customer_id
    left join goods on customers.customer_id = goods.customer_id
    left join switches on customers.customer_id = switches.customer_id
    left join referrals on customers.customer_id = referrals.customer_id
    left join campaigns on customers.customer_id = campaigns.customer_id
    left join desk on customers.customer_id = desk.customer_id
    left join {{ ref('part_preferred_channel') }} as preferred on customers.customer_id = preferred.customer_id
),

final as (
    select
        customer_id,
        as_of_date,
        satisfaction,
        case
            when is_satisfied and is_loyal then 'loyalist'
            when is_satisfied and not is_loyal then 'mercenary'
            when not is_satisfied and is_loyal then 'hostage'
            when not is_satisfied and not is_loyal then 'defector'
        end as loyalty_class,
        case
            when satisfaction is null then satisfaction_reason
            when is_satisfied is null then 'the last answer is neither good nor bad'
            when purchases < 2 then 'has bought once: too early to say'
            when is_loyal is null then 'has no lifecycle stage'
        end as loyalty_class_reason,
        preferred_channel,
        purchases,
        cast({{ days_between('first_order_date', as_of_date()) }} as bigint) as tenure_days,
        cast({{ 'coalesce(categories, 0)' if has.get('products') else 'null' }} as bigint) as categories,
        category_entropy,
        {{ quotient('category_switches', 'followed_days', 6) }} as category_switch_share,
        discounted_purchases,
        {{ quotient('discounted_purchases', 'purchases', 6) }} as discount_share,
        cast({{ 'referrals' if has.get('customers') else 'null' }} as bigint) as referrals,
        cast({{ 'campaign_contacts_90d' if has.get('campaign_contacts') else 'null' }} as bigint)
            as campaign_contacts_90d,
        cast({{ 'desk_contacts_90d' if has.get('contacts') else 'null' }} as bigint) as desk_contacts_90d,
        is_satisfied,
        is_loyal,
        is_left_truncated
    from joined
)

select * from final
