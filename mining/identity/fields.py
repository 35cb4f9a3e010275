"""What is compared of a record: forms of its name, and its values without those that too many records hold.

SQL of DuckDB over the table `records` (`int_party_records`). `basis` has what a record is compared by, of all records;
`fields` adds the forms of names, for the records that are compared. Names are worked on once each.
"""

import duckdb

READ = (
    *("source_record_key", "party", "email", "phone", "incomplete_phone", "loyalty_id"),
    *("name_words", "given_words"),
    *("street_number", "street", "postcode", "birth_date"),
)
"""Columns of `int_party_records`."""
MACROS = """
create or replace temp macro letters_of(word) as array_to_string(list_sort(string_split(word, '')), '');
-- A letter left out, doubled or swapped with its neighbour. A wrong letter is none: Mei and Wei are two names.
create or replace temp macro is_slip(one, other, least) as
    least(length(one), length(other)) >= least
    and abs(length(one) - length(other)) <= 1
    and (length(one) < 9 or left(one, 4) = left(other, 4) or right(one, 4) = right(other, 4))
    and damerau_levenshtein(one, other) = 1
    and (length(one) <> length(other) or letters_of(one) = letters_of(other));
-- Each of two or more words of a shorter name has a fellow in the longer one: Tan Wei, Tan Wei Ming; not Tan Mei Mei.
create or replace temp macro covers(forms, parts, other_forms, other_parts) as
    len(forms) >= 2
    and len(list_filter(forms, lambda word: list_has_any(word, other_parts))) = len(forms)
    and len(list_filter(other_forms, lambda word: list_has_any(word, parts))) >= len(forms);
-- The word, and each of it without one letter: two that are a slip apart have one in common.
create or replace temp macro without_a_letter(word) as list_distinct(
    [word] || list_transform(range(1, length(word) + 1), lambda i: left(word, i - 1) || substr(word, i + 1))
);
-- The words of a name that another name does not have, as one.
create or replace temp macro others_of(words, forms, parts) as array_to_string(list_transform(
    list_filter(range(1, len(words) + 1), lambda i: not list_has_any(forms[i], parts)), lambda i: words[i]
), '');
create or replace temp macro is_near(one, other) as
    least(length(one), length(other)) >= 3
    and damerau_levenshtein(one, other) <= if(least(length(one), length(other)) >= 6, 2, 1);
create or replace temp macro is_like(one, other, least) as
    least(length(one), length(other)) >= least
    and (damerau_levenshtein(one, other) <= 2 or starts_with(one, other) or starts_with(other, one));
create or replace temp macro digits_of(word) as regexp_replace(word, '[^0-9]+', '', 'g');
create or replace temp macro words_of(email) as regexp_split_to_array(lower(split_part(email, '@', 1)), '[^\\p{L}]+');
-- The words of a name, in their forms, that are written in one of their spellings in an e-mail address.
create or replace temp macro names_of(forms, written, written_too, email_words) as list_transform(
    list_filter(
        range(1, len(forms) + 1),
        lambda i: list_has_any(written[i], email_words)
            and (written_too[i] is null or list_has_any(written_too[i], email_words))
    ),
    lambda i: forms[i]
);
-- An e-mail address has all that one name has and another, of some parts, has not.
create or replace temp macro is_named_alone(names_in_email, names, parts) as case when len(names_in_email) > 0 then
    len(list_filter(names_in_email, lambda forms: not list_has_any(forms, parts)))
    = greatest(len(list_filter(names, lambda forms: not list_has_any(forms, parts))), 1)
end;
-- Every combination of a form of each word, joined; the first sixteen.
create or replace temp macro combined(forms) as case when len(forms) = 0 then [] else list_reduce(
    forms,
    lambda done, next: flatten(list_transform(done, lambda one: list_transform(next, lambda two: one || two)))[:16]
) end;
-- A name begun at another letter is the same name: Tan Wei Ming, Wei Ming Tan.
create or replace temp macro least_turn(name) as list_min(
    list_transform(range(1, length(name) + 1), lambda i: name[i:] || name[:i - 1])
);
"""

NAMES = """
create or replace temp table names as
with distinct_names as (
    select
        row_number() over (order by name_words, given_words) as name_no,
        name_words as words,
        given_words
    from (
        select distinct name_words, given_words from basis
        where len(name_words) > 0 and record_no in (select record_no from wanted)
    )
),

words as (
    select
        name_no,
        unnest(words) as word,
        generate_subscripts(words, 1) as position
    from distinct_names
),

chinese as (
    select distinct name from spellings where regexp_matches(spelling, '\\p{Han}')
),

-- A word that is no spelling of a name may be one with a slip. Without a letter of each, the two have a word in common.
unknown as (
    select distinct word from words anti join spellings on words.word = spellings.spelling where length(word) >= 2
),

slips as (
    select
        one.word,
        list(distinct other.name) as names
    from (select word, unnest(without_a_letter(word)) as key from unknown) as one
    inner join (select spelling, name, unnest(without_a_letter(spelling)) as key from spellings) as other
        on one.key = other.key
    where is_slip(one.word, other.spelling, 2)
    group by one.word
),

-- Every spelling of the names that a word may stand for.
alike as (
    select meant.word, list(distinct spellings.spelling) as spellings
    from (
        select words.word, spellings.name from words inner join spellings on words.word = spellings.spelling
        union
        select word, unnest(names) as name from slips
    ) as meant
    inner join spellings on meant.name = spellings.name
    group by meant.word
),

-- Two syllables that are written as one: Weiming.
halves as (
    select word, left(word, i) as first, substr(word, i + 1) as second
    from (select word, unnest(range(2, length(word) - 1)) as i from unknown)
),

syllables as (
    select
        halves.word,
        list(distinct one_spelling.spelling) as firsts,
        list(distinct other_spelling.spelling) as seconds
    from halves
    inner join spellings as one on halves.first = one.spelling
    inner join spellings as other on halves.second = other.spelling
    inner join spellings as one_spelling on one.name = one_spelling.name
    inner join spellings as other_spelling on other.name = other_spelling.name
    group by halves.word
),

spelled as (
    select
        words.name_no,
        words.position,
        list_sort(list_distinct(list_concat(list(spellings.name), [any_value(words.word)]))) as forms,
        list_sort(coalesce(any_value(slips.names), [])) as meant,
        list_concat([any_value(words.word)], any_value(alike.spellings), any_value(syllables.firsts)) as written,
        any_value(syllables.seconds) as written_too,
        bool_or(spellings.name is null and regexp_matches(words.word, '\\p{Han}')) as is_unread,
        count(spellings.name) > 0 and count(chinese.name) = 0 as is_english,
        count(chinese.name) > 0 as is_chinese,
        -- Samuel and Samantha are called Sam.
        count(chinese.name) = 0 and count(distinct case when spellings.name <> words.word then spellings.name end) >= 2
            as is_of_several
    from words
    left join spellings on words.word = spellings.spelling
    left join slips on words.word = slips.word
    left join alike on words.word = alike.word
    left join syllables on words.word = syllables.word
    left join chinese on spellings.name = chinese.name
    group by words.name_no, words.position
),

forms as (
    select
        name_no,
        list(forms order by position) as forms,
        list(forms || meant order by position) as meant_forms,
        list(written order by position) as written,
        list(written_too order by position) as written_too,
        bool_or(is_unread) as is_unread,
        bool_or(is_english) as has_english,
        bool_or(is_chinese) as has_chinese,
        -- Of Chinese given names, which have two syllables, one may be left out.
        bool_or(is_of_several) or (bool_and(is_chinese) and count(*) = 2) as is_short
    from spelled
    group by name_no
)

select
    words,
    given_words,
    is_unread,
    has_english,
    has_chinese,
    is_short,
    forms,
    written,
    written_too,
    len(words) as word_count,
    array_to_string(words, '') as letters,
    least_turn(array_to_string(words, '')) as name_key,
    list_sort(list_distinct(list_transform(combined(forms), lambda name: least_turn(name)))) as name_keys,
    list_sort(list_distinct(list_transform(combined(meant_forms), lambda name: least_turn(name)))) as meant_keys,
    case when given_words > 0 then array_to_string(words[:given_words], '') end as given,
    case when given_words > 0 then list_sort(list_distinct(combined(forms[:given_words]))) else [] end as given_keys,
    case when given_words > 0 then list_sort(list_distinct(combined(meant_forms[:given_words]))) else [] end
        as meant_given_keys,
    list_sort(list_distinct(
        flatten(forms)
        || flatten(list_transform(range(1, len(words)), lambda i: combined(forms[i:i + 1])))
    )) as parts,
    list_filter(words, lambda word: length(word) = 1 and not regexp_matches(word, '\\p{Han}')) as initials,
    list_sort(list_distinct(list_transform(words, lambda word: left(word, 1)))) as first_letters
from distinct_names
inner join forms using (name_no)
"""

CROWDED = """
create or replace temp table crowded as
{parts}
"""
CROWDED_PART = """
select '{column}' as kind, {value} as value from records
where {value} is not null group by {value}, party having count(*) > {most}
"""
ADDRESS = "case when street is not null and street_number is not null then street_number || ' ' || street end"
VALUES = {
    "email": "email",
    "phone": "phone",
    "loyalty_id": "loyalty_id",
    "address": ADDRESS + " || coalesce(postcode, '')",
}
"""What identifies somebody as long as few records hold it."""

# E-mail addresses that are given with a phone number: more than one where a family or an office has it. Two that begin
# or end alike are one person's, with a slip or at another provider.
PHONES = """
create or replace temp table phones as
select
    phone as number,
    least(count(distinct left(email, 4)), count(distinct right(split_part(email, '@', 1), 4))) as emails
from records
where phone is not null
group by phone
"""
NUMBERED = """
create or replace temp table numbered as
select source_record_key, row_number() over (order by source_record_key) as record_no from records
"""
BASIS = """
create or replace temp table basis as
with valued as (
    select
        records.source_record_key,
        coalesce(records.party, 'person') as party,
        case when crowded_email.value is null then records.email end as email,
        case when crowded_phone.value is null then records.phone end as phone,
        coalesce(case when crowded_phone.value is null then records.phone end, records.incomplete_phone) as any_phone,
        case when crowded_loyalty_id.value is null then records.loyalty_id end as loyalty_id,
        case when crowded_address.value is null then {address} end as address,
        phones.emails as emails_of_phone,
        records.street_number,
        records.street,
        records.postcode,
        cast(records.birth_date as varchar) as birth_date,
        records.email as any_email,
        records.name_words,
        records.given_words
    from records
    left join phones on records.phone = phones.number
    {joins}
)

select
    numbered.record_no,
    valued.*,
    hash(valued) as print
from valued inner join numbered on valued.source_record_key = numbered.source_record_key
"""
FIELDS = """
select
    basis.* exclude (any_email, name_words, given_words, print),
    names_of(names.forms, names.written, names.written_too, words_of(basis.any_email)) as names_in_email,
    case when not names.is_unread then names.name_key end as name_key,
    case when not names.is_unread then names.name_keys end as name_keys,
    case when not names.is_unread then names.meant_keys end as meant_keys,
    names.letters,
    names.words,
    coalesce(names.word_count, 0) as word_count,
    names.given,
    names.has_english,
    names.has_chinese,
    names.is_short,
    names.given_keys,
    names.meant_given_keys,
    names.parts,
    names.forms,
    names.initials,
    names.first_letters
from basis
left join names
    on basis.name_words = names.words and basis.given_words is not distinct from names.given_words
where basis.record_no in (select record_no from wanted)
"""


def prepare(connection: duckdb.DuckDBPyConnection, held_by_at_most: int) -> None:
    """Make the table `basis` from `records`; `print` is a hash of a record's row."""
    connection.execute(MACROS)
    parts = [CROWDED_PART.format(column=column, value=value, most=held_by_at_most) for column, value in VALUES.items()]
    connection.execute(CROWDED.format(parts=" union ".join(parts)))
    connection.execute(PHONES)
    connection.execute(NUMBERED)
    joins = "".join(
        f" left join crowded as crowded_{column}"
        f" on crowded_{column}.kind = '{column}' and crowded_{column}.value = {_of_records(column)}"
        for column in VALUES
    )
    connection.execute(BASIS.format(address=ADDRESS, joins=joins))
    connection.execute("drop table numbered; drop table phones; drop table crowded")


def fill(connection: duckdb.DuckDBPyConnection, wanted: str, *, is_first: bool = True) -> None:
    """Make the table `fields` from `basis` and `spellings` (spelling, name), or add records to it.

    `wanted` is a query for the record_no of the records.
    """
    those = f"create or replace temp table wanted as select distinct record_no from ({wanted}) as those"
    connection.execute(those if is_first else f"{those} anti join fields using (record_no)")
    connection.execute(NAMES)
    connection.execute(f"{'create or replace temp table fields as' if is_first else 'insert into fields'} {FIELDS}")
    connection.execute("drop table names; drop table wanted")


def _of_records(column: str) -> str:
    return f"({VALUES[column]})"
