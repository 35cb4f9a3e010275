"""What SQL must know of the world's telephone numbers, from the tables of the library phonenumbers.

The library itself reads one number at a time, which takes a minute for a million.
"""

from functools import cache
from importlib.resources import files
from typing import Any

from phonenumbers import SUPPORTED_REGIONS, PhoneMetadata

KINDS = (
    "fixed_line", "mobile", "toll_free", "premium_rate", "shared_cost", "personal_number", "voip", "pager", "uan",
    "voicemail",
)  # fmt: skip


@cache
def phone_variables(time_zone: str) -> dict[str, Any]:
    """Return the variable `phones` of dbt, for a company whose days are those of a time zone.

    Returns
    -------
    dict
        `home`: the region of the time zone, such as SG; None where the zone is of no country. `regions`: of each
        region, its calling code, the digits that a number of its own begins with at home, and the number of digits
        above which a number that begins with the calling code has it. `trunk_0`: calling codes after which a 0 is that
        digit. `plans`: of each calling code, a pattern of the numbers without it: of the home region's, those that are
        given out; of others, those of the right form. To read the patterns of all numbers that are given out would
        take each build a fifth of a second.
    """
    metadata = {region: PhoneMetadata.metadata_for_region(region) for region in sorted(SUPPORTED_REGIONS)}
    regions = {region: _own(known) for region, known in metadata.items()}
    home = home_region(time_zone)
    home_code = regions[home][0] if home in regions else ""
    patterns: dict[str, dict[str, None]] = {}
    trunks: dict[str, set[str]] = {}
    for region, known in metadata.items():
        code, trunk, _ = regions[region]
        kinds = KINDS if code == home_code else ("general_desc",)
        described = [getattr(known, kind) for kind in kinds]
        own = [each.national_number_pattern for each in described if each and each.national_number_pattern]
        patterns.setdefault(code, {}).update(dict.fromkeys(own))
        trunks.setdefault(code, set()).add(trunk)
    return {
        "home": home if home in regions else None,
        "regions": regions,
        "trunk_0": sorted(code for code, used in trunks.items() if used == {"0"}),
        "plans": {code: "|".join(patterns[code]) for code in sorted(patterns)},
    }


def _own(known: Any) -> list[Any]:
    """Where a digit is dialled before a number, one that begins with the calling code instead has it."""
    code, trunk = str(known.country_code), known.national_prefix or ""
    lengths = (known.mobile.possible_length if known.mobile else ()) or (7,)
    return [code, trunk, len(code) + min(lengths) - 1 if trunk else max(lengths)]


def home_region(time_zone: str) -> str | None:
    """Return the country of a time zone, as two letters; None for one of no country, such as UTC."""
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines() if not line.startswith("#"))
    return next((row[0] for row in rows if row[2] == time_zone), None)
