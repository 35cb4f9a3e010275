-- Grain: one row per record that shares a value with another: the words of its name, the first of which are the given
-- name where a record says so (given_words), and all its letters. No row without a name. Personal.
with paired as (
    select source_record_key from {{ ref('int_customer_pairs') }}
    union
    select other_record_key from {{ ref('int_customer_pairs') }}
),

named as (
    select
        known.source_record_key,
        {{ name_words("coalesce(known.full_name, concat_ws(' ', known.given_name, known.family_name))") }} as words,
        case
            when known.full_name is null and known.family_name is not null
                then {{ length_of(name_words('known.given_name')) }}
        end as given_words
    from {{ ref('int_customers__known') }} as known
    inner join paired on known.source_record_key = paired.source_record_key
)

select
    source_record_key,
    words,
    coalesce(given_words, 0) as given_words,
    {{ length_of('words') }} as all_words,
    {{ joined('words') }} as letters
from named
where {{ length_of('words') }} > 0
