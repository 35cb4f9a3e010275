-- Grain: one row per (landed row of consents, channel, purpose) that says something about marketing or profiling.
-- A row for all channels, or all purposes, is a statement for each of them. A row that cannot be read is a statement,
-- too: it grants nothing, in any channel where its channel cannot be read; unless a later load has the row of the same
-- key, readable. An unknown purpose says nothing, but that a consent to it is withdrawn. All purposes of one
-- channel are no word about profiling, which has no channel.
-- What came back of a campaign is a statement, too: a hard bounce blocks its channel, and whoever unsubscribes or calls
-- it spam withdraws it; all channels where that of the campaign cannot be read. A later consent lifts both.
with delivered as (
    select
        *,
        case when _reason = 'changed_at: {{ later_than_read() }}' then null else changed_at end as possible_at,
        _fate = 'accepted' or _reason = 'changed_at: {{ before_first_interval() }}' as is_readable
    from {{ ref('int_consents__rows') }}
    where _op <> 'delete' and source_customer_id is not null and (_is_current or _fate = 'quarantined')
),

accepted as (
    select
        source_system,
        source_customer_id,
        channel,
        purpose,
        changed_at,
        _interval,
        _generation
    from {{ ref('int_consents__rows') }}
    where _fate = 'accepted'
),

standing as (
    select *
    from delivered
    where
        is_readable
        or not exists (
            select 1
            from accepted
            where
                delivered.source_system = accepted.source_system
                and delivered.source_customer_id = accepted.source_customer_id
                and delivered.channel = accepted.channel
                and delivered.purpose = accepted.purpose
                and delivered.changed_at = accepted.changed_at
                and (
                    accepted._interval > delivered._interval
                    or (accepted._interval = delivered._interval and accepted._generation > delivered._generation)
                )
        )
),

-- The channels that a consent is given for. A row may also speak of all of them, or of another one, which lists do not
-- use.
channels (channel) as (
    values ('email'), ('phone'), ('sms'), ('mail')
),

known_purposes as ( -- noqa: ST03
    select distinct word
    from {{ ref('consent_words') }}
    where column_name = 'purpose'
),

by_channel as (
    select
        standing.*,
        channels.channel as stated_channel
    from standing
    inner join channels
        on
            standing.channel = channels.channel
            or standing.channel is null
            or standing.channel not in ({{ text_list(contract('consents').allowed.channel) }})
            or standing.channel = 'all'
),

stated as (
    select
        *,
        'marketing' as stated_purpose
    from by_channel
    where
        purpose is null
        or purpose in ('marketing', 'all')
        or (purpose not in (select word from known_purposes) and (not is_readable or status <> 'granted'))
    union all
    select
        *,
        'profiling' as stated_purpose
    from by_channel
    where purpose = 'profiling' or (purpose = 'all' and channel = 'all')
),

answers as (
    select
        *,
        {{ without(lower_case('kind'), '[^\\p{L}]') }} as word
    from {{ ref('int_campaign_responses__rows') }}
    where _fate = 'accepted' and _op <> 'delete' and _is_current
),

answered as (
    select
        *,
        case
            when word in ('bounce', 'bounced', 'hardbounce', 'hardbounced') then 'bounced'
            when word in ('unsubscribe', 'unsubscribed', 'optout', 'spam', 'spamcomplaint') then 'withdrawn'
        end as status
    from answers
),

campaign_channels as (
    select
        campaigns.source_system,
        campaigns.campaign_id,
        words.word as channel
    from {{ ref('int_campaigns__rows') }} as campaigns
    inner join {{ ref('consent_words') }} as words
        on
            words.column_name = 'channel'
            and {{ without(lower_case('campaigns.channel'), '[^\\p{L}*]') }} = words.spelling
    where campaigns._fate = 'accepted' and campaigns._op <> 'delete' and campaigns._is_current
),

all_stated as (
    select
        source_system,
        source_customer_id,
        stated_channel as channel,
        stated_purpose as purpose,
        is_readable,
        _fate = 'accepted' and status = 'granted' as is_granted,
        status,
        _known_from,
        possible_at
    from stated
    union all
    select
        answered.source_system,
        answered.source_customer_id,
        channels.channel,
        'marketing' as purpose,
        true as is_readable,
        false as is_granted,
        answered.status,
        answered._known_from,
        answered.responded_at as possible_at
    from answered
    left join campaign_channels
        on
            answered.source_system = campaign_channels.source_system
            and answered.campaign_id = campaign_channels.campaign_id
    inner join channels
        on coalesce(campaign_channels.channel, 'all') in (channels.channel, 'all')
    where answered.status is not null
)

select
    source_system,
    source_customer_id,
    channel,
    purpose,
    is_readable,
    is_granted,
    status,
    {{ local_date('possible_at') }} as changed_date,
    {{ local_date('coalesce(_known_from, possible_at)') }} as known_date,
    possible_at as changed_at
from all_stated
