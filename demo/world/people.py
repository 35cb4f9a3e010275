"""The persons: names, households, e-mail addresses, phones, homes, and when these change.

Nothing here is wrong yet: demo.records adds the errors of each system.
"""

from demo.world.company import FOREVER, SECONDS_A_DAY, Company, texts
from demo.world.names import (
    CHINESE_FAMILIES,
    CHINESE_SYLLABLES,
    MAIL_DOMAINS,
    STREETS,
    WESTERN_FAMILIES,
    WESTERN_MEN,
    WESTERN_WOMEN,
)

CHINESE_SHARE = 0.62
COUPLE_SHARE = 0.16
TWIN_SHARE = 0.12  # of couples: the two are twins, and share a birth date and, of a Chinese name, a syllable
LOYALTY_SHARE = 0.55
MARRIAGE_SHARE = 0.06  # of Western women who are not in a couple
MOVE_SHARE = 0.12
NEW_EMAIL_SHARE = 0.05
NEW_PHONE_SHARE = 0.05
WINDOW = 1_096 * SECONDS_A_DAY


def _first(pairs: tuple[tuple[str, ...], ...], part: int) -> str:
    return texts([pair[part] for pair in pairs])


def _phone(digit: int, key: str) -> str:
    """Numbers of Singapore's form that begin with 4, 5 or 7, which are not assigned there."""
    number = f"lpad(cast(({key} * 7654321 + 1234567) % 10000000 as varchar), 7, '0')"
    return f"'+65 {digit}' || substr({number}, 1, 3) || ' ' || substr({number}, 4, 4)"


def make_people(company: Company) -> None:
    """Make the table `people`, one row per person.

    A couple is two neighbours in number: same household, home and family name; some couples are twins. Each person has
    an e-mail and a phone of their own; a shared one in a system is an error of that system. An e-mail or phone that
    changes is wrong in older records, so it changes only in a world with errors.
    """
    errors = company.options.errors
    company.table("people_drawn", _drawn())
    company.table("people_named", _named())
    company.table(
        "people",
        f"""
        select
            person_id, latent_class, arrived_s, left_s, is_business, household_id, is_couple, is_chinese, is_woman,
            given_name, nickname, family_name, other_given, other_family, characters,
            case when is_woman and not is_chinese and not is_couple and u('marries', person_id) < {MARRIAGE_SHARE}
                then cast(u('marries when', person_id) * {WINDOW} as bigint) else {FOREVER} end as married_s,
            pick({texts(WESTERN_FAMILIES)}, u('new family', person_id)) as married_name,
            case when u('moves', household_id) < {MOVE_SHARE}
                then cast(u('moves when', household_id) * {WINDOW} as bigint) else {FOREVER} end as moved_s,
            {_home("home", 1)},
            {_home("new home", 2)},
            {_email("given_name", "family_name", "mail")} as email_1,
            {_email("given_name", "''", "new mail")} as email_2,
            case when u('new email', person_id) < {NEW_EMAIL_SHARE * errors}
                then cast(u('new email when', person_id) * {WINDOW} as bigint) else {FOREVER} end as new_email_s,
            {_phone(5, "person_id")} as phone_1,
            {_phone(4, "person_id")} as phone_2,
            case when u('new phone', person_id) < {NEW_PHONE_SHARE * errors}
                then cast(u('new phone when', person_id) * {WINDOW} as bigint) else {FOREVER} end as new_phone_s,
            case when not is_business and u('loyalty', person_id) < {LOYALTY_SHARE}
                then 'KR-' || lpad(cast((person_id * 48271 + 100003) % 100000000 as varchar), 8, '0') end as loyalty_no,
            cast(date '1942-01-01' + cast(11250 * (u('born', born_key) + u('born too', born_key)) as int) as varchar)
                as birth_date,
            is_twin, is_chinese and has_western_name as has_two_names,
            case when u('signup', person_id) < 0.34 then 'search' when u('signup', person_id) < 0.58 then 'social'
                when u('signup', person_id) < 0.80 then 'store' when u('signup', person_id) < 0.90 then 'referral'
                else 'affiliate' end as signup_channel,
            case when is_business then code('A', person_id) end as account_no,
            replace(lower(family_name), ' ', '') || '.family.' || lower(to_base(household_id + 1000, 36))
                || '@mail.example' as family_email,
            {_phone(7, "household_id")} as family_phone
        from people_named
        """,
    )
    company.drop("people_drawn", "people_named")


def _drawn() -> str:
    """Couples are persons 2k and 2k+1: draws by pair decide whether they are one, and their common name.

    The second twin's name follows from the first's: the same syllable or list, and never the same name.
    """
    couple = f"u('couple', person_id // 2) < {COUPLE_SHARE}"
    second_twin = "is_twin and person_id % 2 = 1"
    return f"""
        select
            lives.*,
            person_id // 2 as pair,
            {couple} as is_couple,
            {couple} and u('twins', person_id // 2) < {TWIN_SHARE} as is_twin,
            case when {couple} then person_id // 2 * 2 else person_id end as household_id,
            case when is_twin then household_id else person_id end as born_key,
            u('chinese', household_id) < {CHINESE_SHARE} as is_chinese,
            case when is_twin then u('woman', household_id) < 0.58 when {couple} then person_id % 2 = 0
                else u('woman', person_id) < 0.58 end as is_woman,
            1 + cast(floor(u('family', household_id) * {len(CHINESE_FAMILIES)}) as int) as chinese_family,
            1 + cast(floor(u('first syllable', born_key) * {len(CHINESE_SYLLABLES)}) as int) as first,
            {_index("second syllable", len(CHINESE_SYLLABLES), second_twin)} as second,
            {_index("western", len(WESTERN_WOMEN), second_twin)} as western,
            u('christian name', person_id) < 0.35 as has_western_name
        from lives
    """


def _index(purpose: str, size: int, second_twin: str) -> str:
    """A place in a list, by a draw; of the second twin another place than the first's."""
    return f"""1 + (cast(floor(u('{purpose}', born_key) * {size}) as int) + case when {second_twin}
                then 1 + cast(floor(u('{purpose} of twin', person_id) * {size - 1}) as int) else 0 end) % {size}"""


def _named() -> str:
    """Chinese persons have two spellings and characters; a third of them also goes by a Western name."""
    women, men = _first(WESTERN_WOMEN, 0), _first(WESTERN_MEN, 0)
    short_women, short_men = _first(WESTERN_WOMEN, 1), _first(WESTERN_MEN, 1)
    usual, pinyin = _first(CHINESE_SYLLABLES, 0), _first(CHINESE_SYLLABLES, 1)
    western = f"case when is_woman then {women}[western] else {men}[western] end"
    nickname = f"case when is_woman then {short_women}[western] else {short_men}[western] end"
    return f"""
        select
            *,
            case when is_chinese then {usual}[first] || ' ' || {usual}[second] else {western} end as given_name,
            case when is_chinese and not has_western_name then {usual}[first]
                when is_chinese then {western} else {nickname} end as nickname,
            case when is_chinese then {_first(CHINESE_FAMILIES, 0)}[chinese_family]
                else pick({texts(WESTERN_FAMILIES)}, u('family', household_id)) end as family_name,
            case when is_chinese then {pinyin}[first] || lower({pinyin}[second]) else {nickname} end as other_given,
            case when is_chinese then {_first(CHINESE_FAMILIES, 1)}[chinese_family]
                else pick({texts(WESTERN_FAMILIES)}, u('family', household_id)) end as other_family,
            case when is_chinese then {_first(CHINESE_FAMILIES, 2)}[chinese_family]
                || {_first(CHINESE_SYLLABLES, 2)}[first] || {_first(CHINESE_SYLLABLES, 2)}[second] end as characters
        from people_drawn
    """


def _home(purpose: str, number: int) -> str:
    """Street and house, and a postcode of six digits that begins with 0 (Singapore gives out none below 01)."""
    return f"""
            cast(1 + floor(u('{purpose} house', household_id) * 899) as int) || ' '
                || pick({texts(STREETS)}, u('{purpose}', household_id)) as street_{number},
            '00' || lpad(cast(cast(floor(u('{purpose} postcode', household_id) * 10000) as int) as varchar), 4, '0')
                as postcode_{number}"""


def _email(given: str, family: str, purpose: str) -> str:
    """E-mail addresses end in the person's number, so that none is another's."""
    words = f"lower({given} || '.' || {family})"
    plain = f"regexp_replace(replace({words}, ' ', '.'), '[^a-z.]', '', 'g')"
    return f"""trim({plain}, '.') || '.' || lower(to_base(person_id + 1000, 36))
                || '@' || pick({texts(MAIL_DOMAINS)}, u('{purpose}', person_id))"""
