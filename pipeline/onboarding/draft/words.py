"""Names in words: 'InvoiceDate', 'invoice_dt', 'Rechnungsdatum' and '订单日期' all say when an order was."""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from pipeline.base.catalog import read_models

CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")
NOT_A_WORD = re.compile(r"[^a-z0-9]+")
NOT_IN_A_NAME = re.compile(r"[^\w]+|_+")
WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
VOCABULARY = Path(__file__).with_name("words.yml")
# Letters between the parts of a compound: Rechnung-s-datum.
LINKS = ("", "s", "n", "en", "es", "e")
SHORT_PARTS = {"id", "nr", "no"}
SHORTEST_PART = 3
# Words that change nothing: 'the_total_amount_of_eur'.
_HARMLESS = (
    "the of in a local original dollar usd eur gbp cny jpy euro pound utc de du des la le les del el los da do der die"
)
_HARMLESS += " das von pro par por un une"
HARMLESS = {*_HARMLESS.split()}
# What exports put around the name of a table.
_AROUND = (
    "raw stg staging src export exports exported dataset data dump extract list report tbl table tables all full final"
)
_AROUND += " copy csv backup public dbo fact facts fct dim latest current new"
AROUND_TABLES = {*_AROUND.split()}
COMPOUNDS = {"e-mail": "email", "e mail": "email", "line item": "lineitem", "line_item": "lineitem", "opt-in": "optin"}
COMPOUNDS |= {"number of": "count", "number_of": "count", "num_of": "count"}
COMPOUNDS |= {"sous-total": "soustotal", "sous total": "soustotal", "sous_total": "soustotal"}
COMPOUNDS |= {"sub-total": "subtotal", "sub total": "subtotal", "sub_total": "subtotal", "e_mail": "email"}


@cache
def ideas() -> dict[str, str]:
    """The idea of each word of the vocabulary; a word in several lists has the first."""
    found: dict[str, str] = {}
    for idea, lists in read_models(VOCABULARY).items():
        for word in " ".join(lists).split():
            found.setdefault(_bare(word), idea)
        found.setdefault(idea, idea)
    return found


@cache
def _wide_words() -> list[str]:
    """Words of scripts without blanks, the longest first."""
    return sorted((word for word in ideas() if WIDE.fullmatch(word)), key=lambda word: (-len(word), word))


def plain(name: str) -> str:
    """A name in lower case, without accents, its words joined with _: 'Customer ID' is customer_id."""
    spaced = CAMEL.sub("_", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode())
    return NOT_A_WORD.sub("_", spaced.lower()).strip("_")


def _bare(text: str) -> str:
    """A text in lower case and without accents; letters of other scripts stay."""
    without = "".join(
        each
        for each in unicodedata.normalize("NFKD", text.replace("ß", "ss"))
        if not ("\u0300" <= each <= "\u036f" or each.isspace())
    )
    return unicodedata.normalize("NFC", without).lower()


def words_of(name: str) -> list[str]:
    """What a name says, in ideas: 'CustNo' and 'client_id' are ['customer', 'id']."""
    text = unicodedata.normalize("NFKC", name.replace("°", "o"))  # N° is Nº
    for compound, meaning in COMPOUNDS.items():
        text = re.sub(re.escape(compound), meaning, text, flags=re.IGNORECASE)
    words: list[str] = []
    for part in NOT_IN_A_NAME.split(text):
        whole = _bare(part)
        tokens = [whole] if whole in ideas() else map(_bare, CAMEL.sub("_", part).split("_"))  # MwSt is a word
        for token in tokens:
            if token and not token.isdigit():
                words += _wide(token) if WIDE.search(token) else _parts(token)
    return words


def _wide(token: str) -> list[str]:
    """Ideas of a token without blanks: the longest known words from the left; what is not known is one word."""
    found, unknown = [], ""
    while token:
        word = next((word for word in _wide_words() if token.startswith(word)), None)
        if word is None:
            unknown, token = unknown + token[0], token[1:]
            continue
        found += [unknown] if unknown else []
        found.append(ideas()[word])
        unknown, token = "", token[len(word) :]
    return [*found, unknown] if unknown else found


@cache
def _parts(token: str) -> list[str]:
    """Ideas of a token: of the whole, or of the known words that it is joined of."""
    known = ideas()
    for word in (token, token.removesuffix("s")):
        if word in known:
            return [known[word]]
    joined = _joined(token)
    return [known[word] for word in joined] if joined else [token]


def _joined(token: str) -> list[str] | None:
    """Known words that make a token, with letters that link them; None where there are none."""
    if not token:
        return []
    for end in range(len(token), SHORTEST_PART - 2, -1):
        word = token[:end]
        if word not in ideas() or (len(word) < SHORTEST_PART and word not in SHORT_PARTS):
            continue
        for link in LINKS:
            rest = token[end:]
            if rest.startswith(link) and (not link or len(rest) > len(link)):
                following = _joined(rest[len(link) :])
                if following is not None:
                    return [word, *following]
    return None


def words_of_table(name: str, others: Sequence[str] = ()) -> list[str]:
    """What the name of a table says, without what is around it: `raw_`, `_export`, or a word that all tables have."""
    known = set(ideas().values())
    tokens = [token for token in plain(name).split("_") if token not in AROUND_TABLES]
    words = words_of("_".join(tokens) if name.isascii() else name)
    shared = set.intersection(*(set(words_of(other)) for other in others)) if len(others) > 1 else set()
    kept = [word for word in words if word in known or word not in shared]
    return kept or words


def snake(name: str, beginning: str = "t") -> str:
    """A name that the yml accepts: lower-case letters, digits and single _, beginning with a letter."""
    text = re.sub(r"_+", "_", plain(name))
    return text if text[:1].isalpha() else f"{beginning}_{text}".rstrip("_")
