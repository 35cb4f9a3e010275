"""Expressions of audiences: comparisons of columns that are known, parsed and written as SQL again.

Nothing of the text reaches SQL as it is: names are those of the given columns, and values are quoted.

    expression  = conjunction {"or" conjunction}
    conjunction = negation {"and" negation}
    negation    = "not" negation | "(" expression ")" | test
    test        = column [comparison value | ["not"] "in" "(" value {"," value} ")"
                  | ["not"] "between" value "and" value | "is" ["not"] "null"]
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from pipeline.base.duck import quote_literal

TOKEN = re.compile(
    r"\s*(?:(?P<number>-?[0-9]+(?:\.[0-9]+)?)(?![\w.])|(?P<text>'(?:[^']|'')*')|(?P<word>[A-Za-z_]\w*)"
    r"|(?P<sign><>|<=|>=|[=<>(),])|(?P<other>\S))"
)
COMPARISONS = ("=", "<>", "<", "<=", ">", ">=")
KEYWORDS = ("and", "or", "not", "in", "between", "is", "null", "true", "false")
NUMBERS = ("int", "bigint", "double", "decimal")
DEEPEST = 50


class ExpressionError(ValueError):
    """What is wrong with an expression, and where: `place` is a character's, from 1."""

    def __init__(self, problem: str, place: int) -> None:
        super().__init__(problem)
        self.place = place


@dataclass(frozen=True)
class Token:
    """A piece of an expression: its kind, its text, and its first character's place, from 1."""

    kind: str
    text: str
    place: int


def to_sql(text: str, columns: Mapping[str, str]) -> str:
    """Return an expression as SQL.

    Parameters
    ----------
    text
        The expression.
    columns
        The columns that it may name, with their types in the ymls.

    Raises
    ------
    ExpressionError
        It names another column, compares what cannot be compared, or is no expression; the message has the place.
    """
    parser = _Parser(text, columns)
    sql = parser.expression()
    if parser.token.kind != "end":
        parser.fail("is not expected here")
    return sql


def _kind(data_type: str) -> str:
    name = data_type.partition("(")[0].strip().lower()
    return "number" if name in NUMBERS else {"string": "text", "boolean": "boolean", "date": "date"}.get(name, name)


class _Parser:
    def __init__(self, text: str, columns: Mapping[str, str]) -> None:
        self.kinds = {name: _kind(data_type) for name, data_type in columns.items()}
        self.tokens = [
            Token(str(match.lastgroup), match[str(match.lastgroup)], match.start(str(match.lastgroup)) + 1)
            for match in TOKEN.finditer(text)
        ]
        self.tokens.append(Token("end", "", len(text) + 1))
        self.position = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def fail(self, problem: str, token: Token | None = None) -> NoReturn:
        at = token or self.token
        what = f"'{at.text}'" if at.text else "the end"
        raise ExpressionError(f"{what} at character {at.place} {problem}", at.place)

    def take(self, *texts: str) -> bool:
        """Take the next token if it is one of these words or signs."""
        found = self.token.kind in ("word", "sign") and self.token.text.lower() in texts
        self.position += found
        return found

    def expect(self, text: str) -> None:
        if not self.take(text):
            self.fail(f"stands where '{text}' is expected")

    def expression(self) -> str:
        return self._joined("or", self._conjunction)

    def _conjunction(self) -> str:
        return self._joined("and", self._negation)

    def _joined(self, word: str, part: Callable[[], str]) -> str:
        parts = [part()]
        while self.take(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else f"({f' {word} '.join(parts)})"

    def _negation(self) -> str:
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail("is nested too deeply")
        if self.take("not"):
            sql = f"(not {self._negation()})"
        elif self.take("("):
            sql = self.expression()
            self.expect(")")
        else:
            sql = self._test()
        self.depth -= 1
        return sql

    def _test(self) -> str:
        named = self.token
        column, kind = self._column()
        if self.token.kind == "sign" and self.token.text in COMPARISONS:
            sign = self.token
            self.position += 1
            if kind == "boolean" and sign.text not in ("=", "<>"):
                self.fail("does not compare what is true or false: use = or <>", sign)
            return f"({column} {sign.text} {self._value(kind)})"
        if self.take("is"):
            negated = "not " if self.take("not") else ""
            self.expect("null")
            return f"({column} is {negated}null)"
        negated = "not " if self.take("not") else ""
        if self.take("in"):
            self.expect("(")
            values = [self._value(kind)]
            while self.take(","):
                values.append(self._value(kind))
            self.expect(")")
            return f"({column} {negated}in ({', '.join(values)}))"
        if self.take("between"):
            low = self._value(kind)
            self.expect("and")
            return f"({column} {negated}between {low} and {self._value(kind)})"
        if negated:
            self.fail("stands where 'in' or 'between' is expected")
        if kind != "boolean":
            self.fail(f"is a {kind}: compare it with a value", named)
        return column

    def _column(self) -> tuple[str, str]:
        token = self.token
        if token.kind != "word" or token.text.lower() in KEYWORDS:
            self.fail("stands where a column is expected")
        if token.text not in self.kinds:
            following = self.tokens[self.position + 1]
            is_call = following.kind == "sign" and following.text == "("
            self.fail("is a function, and only columns are allowed" if is_call else "is no column that is known")
        self.position += 1
        return token.text, self.kinds[token.text]

    def _value(self, kind: str) -> str:
        token = self.token
        if token.kind == "word" and token.text in self.kinds:
            column, other = self._column()
            if other != kind:
                self.fail(f"is a {other}, and is compared with a {kind}", token)
            return column
        self.position += 1
        if kind == "number" and token.kind == "number":
            return token.text
        if kind == "boolean" and token.kind == "word" and token.text.lower() in ("true", "false"):
            return token.text.lower()
        if kind == "text" and token.kind == "text":
            return quote_literal(token.text[1:-1].replace("''", "'"))
        if kind == "date" and token.kind == "text":
            return f"cast({quote_literal(self._day(token))} as date)"
        return self.fail(f"stands where a {kind} is expected", token)

    def _day(self, token: Token) -> str:
        try:
            return dt.date.fromisoformat(token.text[1:-1]).isoformat()
        except ValueError:
            return self.fail("is no day: write it as '2026-01-31'", token)
