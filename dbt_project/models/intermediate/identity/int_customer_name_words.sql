-- Grain: one row per (record, position, text, plain_text, is_word) of the names to compare: the words, and each two
-- neighbours as one word at both positions. plain_text: as spelled, and each name that the spelling may stand for. Personal.
-- Only records that share a value with another have rows. is_given: a word of the given name, where a record says it.
with paired as (
    select source_record_key from {{ ref('int_customer_pairs') }}
    union
    select other_record_key from {{ ref('int_customer_pairs') }}
),

records as (
    select known.*
    from {{ ref('int_customers__known') }} as known
    inner join paired on known.source_record_key = paired.source_record_key
),

whole_names as (
    select
        source_record_key,
        {{ name_words("coalesce(full_name, concat_ws(' ', given_name, family_name))") }} as words
    from records
),

given_names as (
    select
        source_record_key,
        {{ name_words('given_name') }} as words
    from records
    where full_name is null and given_name is not null and family_name is not null
),

words as (
    {{ numbered_words('whole_names') }}
),

-- A given name stands at the beginning of the whole.
given_counts as (
    select
        source_record_key,
        count(*) as given_words
    from ({{ numbered_words('given_names') }}) as given
    group by source_record_key
),

spelled as (
    select
        words.source_record_key,
        words.position,
        words.word,
        coalesce(spellings.name, words.word) as plain_word,
        words.position <= coalesce(given_counts.given_words, 0) as is_given
    from words
    left join given_counts on words.source_record_key = given_counts.source_record_key
    left join {{ ref('int_name_spellings') }} as spellings on words.word = spellings.spelling
),

neighbours as (
    select
        one.source_record_key,
        one.position,
        other.position as next_position,
        one.word || other.word as joined_text,
        one.plain_word || other.plain_word as plain_text
    from spelled as one
    inner join spelled as other
        on one.source_record_key = other.source_record_key and one.position + 1 = other.position
)

select
    source_record_key,
    position,
    word as text,
    plain_word as plain_text,
    true as is_word,
    is_given
from spelled
union
select
    source_record_key,
    position,
    joined_text,
    plain_text,
    false,
    false
from neighbours
union
select
    source_record_key,
    next_position,
    joined_text,
    plain_text,
    false,
    false
from neighbours
