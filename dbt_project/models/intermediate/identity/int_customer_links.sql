-- Grain: one row per (pair of records, rule) that are one customer by that rule; source_record_key is the smaller one.
-- The rules are identity.rules of dbt_project.yml. Where they compare names, and a value is shared by people who contradict
-- each other, a record that fits more than one of them is linked to nobody by it. A shorter name and a longer one are
-- linked by an e-mail address that has more words of the longer one. Where the value alone decides, each record is linked
-- to the smallest one that holds it.
{% set rules = var('identity').rules %}
{% set numbers = rules.items() | rejectattr('1.names') | map('first') | list %}
with judged as (
    select
        pairs.kind,
        pairs.identifier_value,
        pairs.source_record_key,
        pairs.other_record_key,
        names.verdict = 'missing' as has_no_name,
        names.verdict = 'same' as is_same_name,
        names.verdict = 'shorter' and names.is_longer as is_longer,
        names.verdict = 'shorter' and not names.is_longer as is_shorter,
        names.verdict = 'shorter' and pairs.kind = 'email' as must_be_named,
        {%- for rule, says in rules.items() if says.names %}
        {{ 'or ' if not loop.first }}(
            pairs.kind = '{{ rule }}' and names.verdict in ({{ text_list(says.names) }})
            {{- ' and names.has_full_names' if says.full_names }}
        )
        {%- else %}
        1 = 0
        {%- endfor %} as is_agreeing
    from {{ ref('int_customer_pairs') }} as pairs
    inner join {{ ref('int_customer_name_pairs') }} as names
        on
            pairs.source_record_key = names.source_record_key
            and pairs.other_record_key = names.other_record_key
),

-- Words of a name, and those of them that are in its record's e-mail address, in any spelling.
doubtful as (
    select
        identifier_value,
        source_record_key
    from judged
    where is_agreeing and must_be_named
    union
    select
        identifier_value,
        other_record_key
    from judged
    where is_agreeing and must_be_named
),

named as (
    select
        doubtful.identifier_value,
        doubtful.source_record_key,
        count(distinct words.position) as words,
        count(
            distinct case
                when position(words.text in split_part(doubtful.identifier_value, '@', 1)) > 0 then words.position
                when position(spellings.spelling in split_part(doubtful.identifier_value, '@', 1)) > 0
                    then words.position
            end
        ) as words_in_email
    from doubtful
    inner join {{ ref('int_customer_name_words') }} as words
        on doubtful.source_record_key = words.source_record_key
    left join {{ ref('name_spellings') }} as spellings on words.plain_text = spellings.name
    where words.is_word
    group by doubtful.identifier_value, doubtful.source_record_key
),

named_pairs as (
    select
        judged.kind,
        judged.identifier_value,
        judged.source_record_key,
        judged.other_record_key
    from judged
    inner join named as one
        on
            judged.source_record_key = one.source_record_key
            and judged.identifier_value = one.identifier_value
    inner join named as other
        on
            judged.other_record_key = other.source_record_key
            and judged.identifier_value = other.identifier_value
    where
        judged.is_agreeing and judged.must_be_named
        and (
            (one.words > other.words and one.words_in_email > other.words_in_email)
            or (one.words < other.words and one.words_in_email < other.words_in_email)
        )
),

pairs as (
    select
        judged.kind,
        judged.identifier_value,
        judged.source_record_key,
        judged.other_record_key,
        judged.has_no_name,
        judged.is_same_name,
        judged.is_longer,
        judged.is_shorter,
        judged.is_agreeing,
        judged.is_agreeing and (not judged.must_be_named or named_pairs.kind is not null) as is_link
    from judged
    left join named_pairs
        on
            judged.kind = named_pairs.kind
            and judged.identifier_value = named_pairs.identifier_value
            and judged.source_record_key = named_pairs.source_record_key
            and judged.other_record_key = named_pairs.other_record_key
),

-- Few values are shared by records that do not fit each other.
contradicted as (
    select distinct
        kind,
        identifier_value
    from pairs
    where not is_link
),

in_doubt as (
    select pairs.*
    from pairs
    inner join contradicted
        on pairs.kind = contradicted.kind and pairs.identifier_value = contradicted.identifier_value
    where pairs.is_agreeing
),

fitting as (
    select
        kind,
        identifier_value,
        source_record_key,
        other_record_key,
        has_no_name,
        is_same_name,
        is_longer,
        is_link
    from in_doubt
    union all
    select
        kind,
        identifier_value,
        other_record_key,
        source_record_key,
        has_no_name,
        is_same_name,
        is_shorter as is_longer,
        is_link
    from in_doubt
),

-- Records that fit two which do not fit each other; a record without a name, two which are not linked. A shorter form of
-- a name does not contradict another spelling of the whole name (Ho Kai, He Kaijun).
ambiguous as (
    select distinct
        one.kind,
        one.identifier_value,
        one.source_record_key
    from fitting as one
    inner join fitting as other
        on
            one.kind = other.kind
            and one.identifier_value = other.identifier_value
            and one.source_record_key = other.source_record_key
            and one.other_record_key < other.other_record_key
    left join fitting as closing
        on
            one.kind = closing.kind
            and one.identifier_value = closing.identifier_value
            and one.other_record_key = closing.source_record_key
            and other.other_record_key = closing.other_record_key
            and (closing.is_link or not (one.has_no_name or other.has_no_name))
    where
        one.is_link and other.is_link and closing.kind is null
        and not (one.is_same_name and other.is_longer)
        and not (one.is_longer and other.is_same_name)
),

unambiguous as (
    select distinct
        pairs.source_record_key,
        pairs.other_record_key,
        pairs.kind as match_rule
    from pairs
    left join ambiguous as one
        on
            pairs.kind = one.kind
            and pairs.identifier_value = one.identifier_value
            and pairs.source_record_key = one.source_record_key
    left join ambiguous as other
        on
            pairs.kind = other.kind
            and pairs.identifier_value = other.identifier_value
            and pairs.other_record_key = other.source_record_key
    where pairs.is_link and one.kind is null and other.kind is null
),

numbers as (
    select
        source_record_key,
        kind,
        min(source_record_key) over (
            partition by kind, identifier_value, case when kind <> 'account' then party end
        ) as first_record_key
    from {{ ref('int_customer_identifiers') }}
    where kind in ({{ text_list(numbers) or 'null' }}) and verdict = 'identifies'
),

final as (
    select
        source_record_key,
        other_record_key,
        match_rule
    from unambiguous
    union all
    select
        first_record_key,
        source_record_key,
        kind
    from numbers
    where source_record_key <> first_record_key
)

select * from final
