{# How campaigns choose customers. A campaign is what pipeline/campaigns/variables.py writes of its file. #}

{# Whether a keyed hash puts an id into a control group (pipeline/campaigns/arms.py). #}
{% macro is_drawn(control, id) -%}
    substr(md5({{ control.prefix }} || {{ id }}), 1, 8) < {{ control.below }}
{%- endmacro %}

{# Month and day of a date as one number: 1231 for 31 December. #}
{% macro day_of_year(date) -%}(extract(month from {{ date }}) * 100 + extract(day from {{ date }})){%- endmacro %}

{# Why a customer in the audience of a campaign may not be contacted by it; null where nothing keeps it. #}
{% macro campaign_bar(campaign) -%}
    case
        when withheld_because is not null then 'out: ' || withheld_because
        when {{ campaign.permission }} = false then 'out: no consent'
        when not has_contact_details then 'out: no contact details'
        when is_minor then 'out: minor'
        when has_open_complaint then 'out: open complaint'
        when {{ 'household_days_since_campaign' if campaign.household else 'days_since_campaign' }} < {{ campaign.pause_days }}
            then 'out: contacted in the last {{ campaign.pause_days }} days'
        when is_universal_control then 'out: universal control group'
    end
{%- endmacro %}

{# What a campaign says of a customer before it chooses: the first rule that holds, then what keeps the customer. #}
{% macro campaign_reason(campaign) -%}
    case
        {%- for rule in campaign.rules %}
        when {{ rule.when }}
            then {% if rule.is_in %}coalesce({{ campaign_bar(campaign) }}, {{ rule.reason }}){% else %}{{ rule.reason }}{% endif %}
        {%- endfor %}
    end
{%- endmacro %}

{#
  CTEs of a campaign's choice, of those whom nothing keeps:
    eligible_n  their place in the campaign's order
    free_n      those whom no campaign with priority has chosen, and no one of whose household it has chosen
    counted_n   the first of each household, arms, and contacts up to each place
    decided_n   null where contacted, else the reason
    taken_n     whom this campaign and those before it have chosen; a control group is chosen, too: it is not contacted, and
                no other campaign may contact it, so that the difference between the arms is this campaign
  A person is contacted once, and a household once where one of the two campaigns is for households.
#}
{% macro campaign_choice(campaign, n) -%}
eligible_{{ n }} as (
    select
        customer_id,
        household_id,
        {{ 'coalesce(household_id, customer_id)' if campaign.household else 'customer_id' }} as unit_id,
        row_number() over (order by {{ campaign.order | join(', ') }}, customer_id asc) as place
    from customers
    where {{ campaign_reason(campaign) }} like 'in:%'
),

free_{{ n }} as (
    select eligible_{{ n }}.*
    from eligible_{{ n }}
    {%- if n > 1 %}
    left join (select distinct customer_id from taken_{{ n - 1 }}) as persons
        on eligible_{{ n }}.customer_id = persons.customer_id
    left join (
        select distinct household_id
        from taken_{{ n - 1 }}
        where household_id is not null{{ '' if campaign.household else ' and is_household' }}
    ) as households
        on eligible_{{ n }}.household_id = households.household_id
    where persons.customer_id is null and households.household_id is null
    {%- endif %}
),

drawn_{{ n }} as (
    select
        *,
        row_number() over (partition by unit_id order by place asc) as member_number,
        {{ is_drawn(campaign.control, 'unit_id') }} as is_control
    from free_{{ n }}
),

counted_{{ n }} as (
    select
        *,
        sum(case when member_number = 1 and not is_control then 1 else 0 end) over (
            order by place asc rows between unbounded preceding and current row
        ) as contacts
    from drawn_{{ n }}
),

limited_{{ n }} as (
    select
        *,
        min(contacts) over (partition by unit_id) as contacts_of_unit
    from counted_{{ n }}
),

decided_{{ n }} as (
    select
        customer_id,
        household_id,
        contacts,
        case
            {%- if campaign.limit is not none %}
            when contacts_of_unit > {{ campaign.limit }} or (is_control and contacts_of_unit = {{ campaign.limit }})
                then 'out: over budget or capacity'
            {%- endif %}
            when member_number > 1 then 'out: household already chosen'
            when is_control then 'out: control group'
        end as reason
    from limited_{{ n }}
),

taken_{{ n }} as (
    {%- if n > 1 %}
    select * from taken_{{ n - 1 }}
    union all
    {%- endif %}
    select
        customer_id,
        household_id,
        {{ campaign.household | lower }} as is_household
    from decided_{{ n }}
    where reason is null or reason = 'out: control group'
)
{%- endmacro %}
