"""What the cells of a workbook say, as text: a date as ISO, a number as the shortest text of its double."""

import datetime as dt
import re
from xml.etree.ElementTree import Element

from openpyxl.styles.numbers import BUILTIN_FORMATS, STRIP_RE, TIMEDELTA_RE
from openpyxl.utils.datetime import from_excel

EXACT_DIGITS = 15  # of a whole number that Excel keeps; it makes the others 0
LAST_DAY = 2_958_465  # 9999-12-31
NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,3})?")
ESCAPED = re.compile("_x(0009|000A|000D|005F)_", re.IGNORECASE)
# Of 27 to 36 and 50 to 58 Excel's language gives the code; all are dates or times.
BUILTIN = {**BUILTIN_FORMATS, **dict.fromkeys([*range(27, 37), *range(50, 59)], "yyyy-mm-dd")}


def local_name(element: Element) -> str:
    """The name of an element without its namespace: a strict workbook has others."""
    return element.tag.rpartition("}")[2]


def joined_text(element: Element) -> str:
    """The text of an `si` or `is`: one piece, or several with formats of their own; not how it is pronounced."""
    pieces = [child for child in element if local_name(child) in ("t", "r")]
    return unescaped("".join(part.text or "" for piece in pieces for part in piece.iter() if local_name(part) == "t"))


def unescaped(text: str) -> str:
    """Text without the escapes of tabs and line ends, such as _x000D_."""
    return ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def shown_as(code: str) -> str:
    """What a number with this number format is shown as: 'day', 'time' (of a day), 'duration' or '', a number."""
    bare = re.sub(r"[\\_].", "", STRIP_RE.sub("", code.split(";", maxsplit=1)[0])).lower()
    if bare == "general" or not re.search("[dmyhs]", bare):
        return ""
    if TIMEDELTA_RE.search(bare):
        return "duration"
    return "day" if re.search("[dy]", bare) or not re.search("[hs]", bare) else "time"


def number_text(raw: str) -> str:
    """Text of a number. A whole one of more than 15 digits that ends in zeros is written as a rounded one."""
    if raw.isdigit() and len(raw) <= EXACT_DIGITS:
        return raw
    value = float(raw)
    if not value.is_integer():
        return repr(value)
    text = raw if re.fullmatch("-?[0-9]+", raw) else f"{value:.0f}"
    digits = text.lstrip("-0")
    return f"{value:.{EXACT_DIGITS - 1}E}" if len(digits.rstrip("0")) <= EXACT_DIGITS < len(digits) else text


def moment_text(value: float, shown: str, epoch: dt.datetime) -> str:
    """A number as the day, time or duration that it is shown as; '' where Excel cannot show it as one."""
    if shown == "duration":
        minutes, seconds = divmod(round(abs(value) * 86_400), 60)
        return f"{'-' * (value < 0)}{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    if not int(shown == "day") <= value < LAST_DAY + 1:
        return ""
    moment = from_excel(value, epoch)
    return moment.isoformat() if isinstance(moment, dt.time) else _day_or_time(moment)


def iso_text(raw: str) -> str:
    """A date that the workbook has as text, as strict ones do."""
    try:
        moment = dt.datetime.fromisoformat(raw)
    except ValueError:
        return raw
    return raw if moment.tzinfo else _day_or_time(moment)


def _day_or_time(moment: dt.datetime) -> str:
    """A date without a time of day is a day of the business calendar: libraries show one as midnight."""
    return moment.isoformat(" ") if moment.time() != dt.time() else moment.date().isoformat()
