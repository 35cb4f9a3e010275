-- Grain: one row per customer_id: what campaigns know of a customer beside customer_360.
-- Nothing personal is here: what follows from a birth date is in part_customer_birthday.

with customers as (
    select * from {{ ref('customer_360') }}
),

consents as (
    select * from {{ ref('part_customer_consent') }}
),

described as (
    select
        customer_id,
        email is not null as has_email,
        street is not null as has_street,
        phone is not null as has_phone
    from {{ ref('dim_customer_contact') }}
),

complaints as (
    select
        customer_id,
        max(case when resolved_date is null or resolved_date > {{ as_of_date() }} then 1 else 0 end) = 1 as has_open,
        max(case when resolved_date <= {{ as_of_date() }} then resolved_date end) as last_resolved_date
    from {{ ref('fct_case') }}
    where kind = 'complaint' and opened_date <= {{ as_of_date() }}
    group by customer_id
),

behaviour as (
    select
        customer_id,
        gap_mean_days,
        categories
    from {{ ref('customer_features') }}
    where as_of_date = {{ as_of_date() }}
),

drivers as (
    select
        customer_id,
        reason_1
    from {{ ref('customer_churn') }}
),

contacted as (
    select
        customer_id,
        max(contact_date) as last_contact_date
    from {{ ref('fct_campaign_contact') }}
    where arm <> 'control' and {{ by_as_of('contact_date') }}
    group by customer_id
),

desk as (
    select
        customer_id,
        winback_class,
        p_return,
        maximum_spend,
        deadline_date
    from {{ ref('winback_list') }}
),

joined as (
    select
        customers.*,
        customers.household_key as household_id,
        consents.withheld_because,
        {{ permission(['consents.can_email']) }} as can_email,
        {{ permission(['consents.can_post']) }} as can_post,
        consents.email_reason,
        consents.post_reason,
        consents.call_reason,
        consents.text_reason,
        {{ 'described.customer_id is not null' if var('providers').get('customers') else 'true' }}
            as has_contact_details,
        {{ 'coalesce(described.has_email, false)' if var('providers').get('customers') else 'true' }} as has_email,
        {{ 'coalesce(described.has_street, false)' if var('providers').get('customers') else 'true' }} as has_street,
        {{ 'coalesce(described.has_phone, false)' if var('providers').get('customers') else 'true' }} as has_phone,
        coalesce(complaints.has_open, false) as has_open_complaint,
        complaints.last_resolved_date,
        contacted.last_contact_date as last_campaign_date,
        behaviour.gap_mean_days,
        behaviour.categories,
        drivers.reason_1,
        desk.winback_class,
        desk.p_return,
        desk.maximum_spend,
        desk.deadline_date
    from customers
    left join consents on customers.customer_id = consents.customer_id
    left join described on customers.customer_id = described.customer_id
    left join complaints on customers.customer_id = complaints.customer_id
    left join contacted on customers.customer_id = contacted.customer_id
    left join behaviour on customers.customer_id = behaviour.customer_id
    left join drivers on customers.customer_id = drivers.customer_id
    left join desk on customers.customer_id = desk.customer_id
),

final as (
    select
        customer_id,
        household_id,
        withheld_because,
        reason_1 as churn_driver,
        cast({{ days_between('first_order_date', as_of_date()) }} as bigint) as days_since_first_order,
        cast({{ days_between('last_order_date', as_of_date()) }} as bigint) as days_since_last_order,
        cast({{ days_between(as_of_date(), 'expected_next_order_date') }} as bigint) as days_to_expected_order,
        gap_mean_days as usual_gap_days,
        cast(categories as bigint) as categories,
        cast({{ days_between('last_resolved_date', as_of_date()) }} as bigint) as days_since_complaint_resolved,
        cast({{ days_between('last_campaign_date', as_of_date()) }} as bigint) as days_since_campaign,
        cast({{ days_between(
            'max(last_campaign_date) over (partition by coalesce(household_id, customer_id))', as_of_date()
        ) }} as bigint) as household_days_since_campaign,
        coalesce(tier in ('platinum', 'gold'), false) as is_upper_tier,
        lifecycle_stage in ('dormant', 'lost') as is_lapsed,
        -- Sums of decimals: the average itself would be a double.
        purchases > 1
        and net_revenue * sum(case when purchases > 0 then 1 else 0 end) over ()
        > sum(case when purchases > 0 then net_revenue else 0 end) over () as is_above_average,
        winback_class,
        p_return,
        maximum_spend,
        deadline_date as winback_deadline_date,
        can_email,
        can_post,
        {%- for channel, has_address in [
            ('email', 'has_email'), ('post', 'has_street'), ('call', 'has_phone'), ('text', 'has_phone')
        ] %}
        case
            when {{ channel }}_reason in ('suppressed', 'bounced') then {{ channel }}_reason
            when not can_{{ channel }} then 'no consent'
            when not {{ has_address }} then 'no contact details'
        end as can_{{ channel }}_block,
        {%- endfor %}
        has_contact_details,
        has_open_complaint,
        substr(md5({{ of_build('universal_control').prefix }} || coalesce(household_id, customer_id)), 1, 8)
        < {{ of_build('universal_control').below }} as is_universal_control
    from joined
)

select * from final
