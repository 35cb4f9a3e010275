"""The statistics that macros/statistics.sql adds to SQL agree with scipy."""

import duckdb
import jinja2
import pytest
from scipy.stats import norm
from scipy.stats import t as student

from pipeline.settings import DBT_PROJECT

MACROS = jinja2.Environment(autoescape=False).from_string(  # SQL, not HTML
    (DBT_PROJECT / "macros" / "statistics.sql").read_text(encoding="utf-8")
)


def value(macro: str, *arguments: float) -> float:
    names = [f"x{number}" for number in range(len(arguments))]
    columns = ", ".join(
        f"cast({argument!r} as double) as {name}" for argument, name in zip(arguments, names, strict=True)
    )
    expression = getattr(MACROS.module, macro)(*names)
    with duckdb.connect() as connection:
        return float(connection.execute(f"select {expression} from (select {columns})").fetchall()[0][0])


@pytest.mark.parametrize("z", [0.0, 0.1, 1.0, 1.96, 3.0, 6.0, 12.0])
def test_the_tail_of_the_normal(z: float) -> None:
    assert value("normal_tail", z) == pytest.approx(norm.sf(z), rel=2e-7)


def test_a_tail_is_no_more_than_a_half() -> None:
    assert value("normal_tail", 0.0) <= 0.5


@pytest.mark.parametrize("df", [29.0, 41.5, 100.0, 10_000.0, 2e6])
@pytest.mark.parametrize("t", [-4.0, 0.0, 0.5, 1.96, 3.1, 8.0])
def test_a_p_value_of_student(t: float, df: float) -> None:
    z = value("normal_of_student_root", value("student_root", t, df), df)
    assert 2 * value("normal_tail", z) == pytest.approx(2 * student.sf(abs(t), df), rel=1e-5)


@pytest.mark.parametrize("df", [29.0, 41.5, 100.0, 10_000.0, 2e6])
def test_the_quantile_of_student(df: float) -> None:
    assert value("t_quantile_975", df) == pytest.approx(student.ppf(0.975, df), rel=1e-6)
