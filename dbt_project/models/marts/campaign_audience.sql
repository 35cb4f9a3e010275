-- Grain: one row per (list_name, customer_id): who is on the list of a campaign, who is not, and the one reason.
-- The campaigns are the files of campaigns/ whose dates hold (pipeline/campaigns/variables.py). They choose one after
-- another, by priority. Campaigns of one priority choose by the margin that a contact causes, less its cost, as earlier
-- campaigns of the objective have measured it; then those of which nothing was measured, by the margin expected of the
-- customers whom they may contact. Within a campaign the margin that it is expected to cause leads, where the newest
-- campaign of the objective with a certain uplift says it of each customer; else the order of its file.
-- A person is contacted once, and a household once where one of the two campaigns is for households. A control group is
-- chosen, too: it is not contacted, and no other campaign may contact it, so that the difference between the arms is
-- this campaign.
{% set no_campaign = {
    'name': '', 'objective': "''", 'priority': 1, 'rules': [{'when': 'true', 'reason': "''"}], 'block': "''",
    'household': false, 'pause_days': 0, 'horizon_days': 1, 'unit_cost': 0, 'limit': 0, 'order': [],
    'control': {'prefix': "''", 'below': "''"}
} %}
{% set campaigns = of_build('campaigns') or [no_campaign] %}
{% set reason_groups = [
    'deleted at the source', 'deceased', 'objects to profiling', 'no consent', 'suppressed', 'bounced',
    'no contact details', 'minor', 'open complaint', 'universal control group', 'chosen by a campaign with priority',
    'household already chosen', 'over budget or capacity', 'control group'
] %}

with customers as (
    select * from {{ ref('customer_360') }}
    inner join {{ ref('campaign_customer') }} using (customer_id)
    left join {{ ref('part_customer_birthday') }} using (customer_id)
    {{ read_once() }}
),

campaign_names as (
    select lists.list_name
    from (
        values
        {% for campaign in campaigns %}('{{ campaign.name }}'){{ ', ' if not loop.last }}{% endfor %}
    ) as lists (list_name)
),

-- The first rule of each campaign that holds, and the first thing that keeps the customer from being contacted by it.
ruled as (
    select
        campaign_names.list_name,
        customers.customer_id,
        case campaign_names.list_name
            {%- for campaign in campaigns %}
            when '{{ campaign.name }}'
                then
                    case
                        {%- for rule in campaign.rules %}
                        when {{ rule.when }} then {{ rule.reason }}
                        {%- endfor %}
                    end
            {%- endfor %}
        end as rule_reason,
        coalesce(
            withheld_because,
            case campaign_names.list_name
                {%- for campaign in campaigns %}
                when '{{ campaign.name }}' then {{ campaign.block }}
                {%- endfor %}
            end,
            case
                when is_minor then 'minor'
                when has_open_complaint then 'open complaint'
            end,
            case campaign_names.list_name
                {%- for campaign in campaigns %}
                when '{{ campaign.name }}'
                    then
                        case
                            when
                                {{ 'household_days_since_campaign' if campaign.household else 'days_since_campaign' }}
                                < {{ campaign.pause_days }}
                                then 'contacted in the last {{ campaign.pause_days }} days'
                        end
                {%- endfor %}
            end,
            case when is_universal_control then 'universal control group' end
        ) as kept_because
    from customers
    cross join campaign_names
),

reasoned as (
    select
        list_name,
        customer_id,
        case when rule_reason like 'in:%' then coalesce('out: ' || kept_because, rule_reason) else rule_reason end
            as own_reason
    from ruled
    {{ read_once() }}
),

with_uplift as (
    select distinct campaign_id
    from {{ ref('campaign_uplift') }}
),

uplifting as (
    select
        performance.objective,
        performance.campaign_id,
        row_number() over (
            partition by performance.objective order by performance.start_date desc, performance.campaign_id asc
        ) as campaign_number
    from {{ ref('campaign_performance') }} as performance
    inner join with_uplift on performance.campaign_id = with_uplift.campaign_id
),

uplifts as (
    select
        uplifting.objective as of_objective,
        uplift.customer_id as of_customer_id,
        uplift.expected_margin as caused_margin,
        uplift.expected_uplift
    from {{ ref('campaign_uplift') }} as uplift
    inner join uplifting on uplift.campaign_id = uplifting.campaign_id and uplifting.campaign_number = 1
),

-- Whom nothing keeps, with the place in the campaign's order, and the arm (pipeline/campaigns/arms.py).
listed as (
    {%- for campaign in campaigns %}
    {%- set unit_id = 'coalesce(household_id, customer_id)' if campaign.household else 'customer_id' %}
    select
        '{{ campaign.name }}' as list_name,
        {{ campaign.objective }} as objective,
        {{ campaign.priority }} as priority,
        {{ campaign.unit_cost }} as unit_cost,
        {{ campaign.horizon_days }} as horizon_days,
        {{ campaign.household | lower }} as is_household,
        cast({{ 'null' if campaign.limit is none else campaign.limit }} as bigint) as contact_limit,
        customer_id,
        household_id,
        {{ unit_id }} as unit_id,
        clv_future,
        caused_margin,
        row_number() over (
            order by
                caused_margin desc nulls last,
                expected_uplift desc nulls last,
                {{ (campaign.order + ['customer_id asc']) | join(', ') }}
        ) as place,
        substr(md5({{ campaign.control.prefix }} || {{ unit_id }}), 1, 8) < {{ campaign.control.below }} as is_control
    from customers
    inner join reasoned using (customer_id)
    left join uplifts on customer_id = of_customer_id and of_objective = {{ campaign.objective }}
    where list_name = '{{ campaign.name }}' and own_reason like 'in:%'
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

eligible as (
    select *
    from listed
    {{ read_once() }}
),

evidence as (
    select
        objective,
        sum(incremental_capped_margin) / sum(treated_customers) as margin_of_contact
    from {{ ref('campaign_performance') }}
    where incremental_capped_margin is not null and treated_customers > 0
    group by objective
),

competing as (
    select
        list_name,
        objective,
        priority,
        unit_cost,
        sum(caused_margin) / nullif(count(caused_margin), 0) as caused_margin,
        horizon_days * sum(clv_future) / nullif(count(clv_future), 0) as expected_margin
    from eligible
    group by list_name, objective, priority, unit_cost, horizon_days
),

turns as (
    select
        competing.list_name,
        row_number() over (
            order by
                competing.priority asc,
                coalesce(competing.caused_margin, evidence.margin_of_contact) - competing.unit_cost desc nulls last,
                competing.expected_margin desc nulls last,
                competing.list_name asc
        ) as turn
    from competing
    left join evidence on competing.objective = evidence.objective
),

-- All turns are taken on one relation, which each of them reads once, as a subquery: an engine that puts common table
-- expressions in the place of their readers would take minutes to analyse a chain of them.
unchosen as (
    select
        eligible.list_name,
        eligible.customer_id,
        eligible.household_id,
        eligible.unit_id,
        eligible.is_household,
        eligible.is_control,
        eligible.contact_limit,
        eligible.place,
        turns.turn,
        cast(null as bigint) as contacts,
        cast(null as {{ contract_type('text') }}) as reason,
        false as is_judged,
        false as is_taken
    from eligible
    inner join turns on eligible.list_name = turns.list_name
),

{#- Each turn's rows. Of the lines, the innermost come first. -#}
{%- set chosen = namespace(rows='unchosen') -%}
{%- for campaign in campaigns -%}
{%- set turn = loop.index -%}
{%- set taken %}(
    select
        list_name,
        customer_id,
        household_id,
        unit_id,
        is_household,
        is_control,
        contact_limit,
        place,
        turn,
        case when is_free then contacts_so_far else contacts end as contacts,
        case when is_free then reason_now else reason end as reason,
        is_free or is_judged as is_judged,
        case when is_free then coalesce(reason_now = 'out: control group', true) else is_taken end as is_taken
    from (
        -- and what becomes of them: no reason is a contact.
        select
            *,
            case
                when contacts_of_unit > contact_limit or (is_control and contacts_of_unit = contact_limit)
                    then 'out: over budget or capacity'
                when member_number > 1 then 'out: household already chosen'
                when is_control then 'out: control group'
            end as reason_now
        from (
            select
                *,
                min(contacts_so_far) over (partition by is_free, unit_id) as contacts_of_unit
            from (
                -- the contacts up to each place, of which the first of a household counts;
                select
                    *,
                    sum(case when is_free and member_number = 1 and not is_control then 1 else 0 end) over (
                        partition by is_free
                        order by turn asc, place asc rows between unbounded preceding and current row
                    ) as contacts_so_far
                from (
                    select
                        *,
                        row_number() over (partition by is_free, unit_id order by turn asc, place asc) as member_number
                    from (
                        -- Turn {{ turn }}: those whom no campaign before has chosen, and no one of whose household;
                        select
                            *,
                            turn = {{ turn }}
                            and max(case when is_taken then 1 else 0 end) over (partition by customer_id) = 0
                            and (
                                household_id is null
                                or max(case when is_taken and is_household then 1 else 0 end) over same_household = 0
                                and (
                                    not is_household
                                    or max(case when is_taken then 1 else 0 end) over same_household = 0
                                )
                            ) as is_free
                        from {{ chosen.rows }}
                        window same_household as (partition by household_id)
                    ) as free_{{ turn }}
                ) as members_{{ turn }}
            ) as counted_{{ turn }}
        ) as limited_{{ turn }}
    ) as decided_{{ turn }}
) as chosen_{{ turn }}
{%- endset -%}
{%- set chosen.rows = taken -%}
{%- endfor %}

chosen as (
    select *
    from {{ chosen.rows }}
),

judged as (
    select
        customers.*,
        reasoned.list_name,
        chosen.contacts,
        case
            when reasoned.own_reason like 'in:%' and chosen.customer_id is null
                then 'out: chosen by a campaign with priority'
            else coalesce(chosen.reason, reasoned.own_reason)
        end as reason
    from reasoned
    inner join customers on reasoned.customer_id = customers.customer_id
    left join chosen
        on
            reasoned.list_name = chosen.list_name
            and reasoned.customer_id = chosen.customer_id
            and chosen.is_judged
    where reasoned.list_name <> ''
),

final as (
    select
        *,
        reason like 'in:%' as is_included,
        case
            when reason like 'in:%' then 'on the list'
            when reason like 'out: contacted in the last %' then 'contacted a short time ago'
            when substr(reason, 6) in ({{ text_list(reason_groups) }}) then substr(reason, 6)
            else 'not in the audience'
        end as reason_group
    from judged
)

select
    list_name,
    customer_id,
    is_included,
    reason,
    reason_group,
    case when is_included then 'treated' when reason_group = 'control group' then 'control' end as arm,
    cast(case when is_included then contacts end as int) as list_rank,
    case
        when is_included
            then concat_ws(
                '. ',
                'Last purchase ' || {{ counted('days_since_last_order', 'day') }} || ' ago'
                || coalesce(
                    ', usually one every ' || {{ counted('cast(round(usual_gap_days) as bigint)', 'day') }}, ''
                ),
                {{ counted('purchases', 'purchase') }} || ', '
                || {{ amount_text('net_revenue') }} || ' {{ var("currency") }}'
                || ' after refunds',
                churn_driver
            )
    end as explanation,
    segment_name,
    tier,
    lifecycle_stage,
    churn_probability,
    risk_band,
    clv_future,
    expected_loss,
    winback_class,
    p_return,
    maximum_spend,
    winback_deadline_date,
    due_item,
    due_expected_margin,
    new_item,
    new_expected_margin,
    last_order_date,
    can_email_or_post,
    can_email,
    can_post,
    can_call,
    can_text
from final
