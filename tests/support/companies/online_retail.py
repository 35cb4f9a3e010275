"""A small file of the shape and the mess of Online Retail II, told as people."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        ("Invoice", pa.string()),
        ("StockCode", pa.string()),
        ("Description", pa.string()),
        ("Quantity", pa.int64()),
        ("InvoiceDate", pa.string()),
        ("Price", pa.float64()),
        ("Customer ID", pa.float64()),
        ("Country", pa.string()),
    ]
)
ANA, BEN, CLEO = 12345, 12346, 12347
UK, FRANCE, GERMANY = "United Kingdom", "France", "Germany"
HEART = "WHITE HANGING HEART"


@dataclass(frozen=True)
class Line:
    """One line of an invoice; its price is text, so that its amount is exact."""

    invoice: str
    stock_code: str
    description: str | None
    quantity: int
    invoiced_at: str
    price: str
    customer: int | None
    country: str

    @property
    def amount(self) -> Decimal:
        """Quantity times price."""
        return self.quantity * Decimal(self.price)


def made_up_lines() -> list[Line]:
    """Ana bought on three days and returned one thing, Ben moved, Cleo only returned; many lines have no customer."""
    twice = Line("489001", "85123A", HEART, 6, "2009-12-01 07:45:00", "2.95", ANA, UK)
    return [
        twice,
        twice,
        Line("489001", "POST", "POSTAGE", 1, "2009-12-01 07:45:00", "18.00", ANA, UK),
        # Keyed in over two minutes, with the stock code in lower case and a space behind the name.
        Line("489002", "85123a", HEART + " ", 12, "2010-01-11 10:00:00", "2.55", ANA, UK),
        Line("489002", "22138", None, 2, "2010-01-11 10:01:00", "4.95", ANA, UK),
        Line("489003", "85123A", "HANGING HEART, WHITE", 1, "2010-06-09 16:20:00", "2.95", ANA, UK),
        Line("489003", "D", "Discount", -1, "2010-06-09 16:20:00", "0.50", ANA, UK),
        Line("C489010", "85123A", HEART, -2, "2010-06-15 09:00:00", "2.95", ANA, UK),
        Line("489004", "22138", "BAKING SET", 1, "2010-03-01 11:00:00", "4.95", BEN, FRANCE),
        Line("489004", "C2", "CARRIAGE", 1, "2010-03-01 11:00:00", "50.00", BEN, FRANCE),
        Line("489005", "22138", "BAKING SET", 3, "2010-09-01 11:00:00", "4.95", BEN, GERMANY),
        Line("489005", "M", "Manual", 1, "2010-09-01 11:00:00", "10.00", BEN, GERMANY),
        Line("489005", "S", "SAMPLES", 1, "2010-09-01 11:00:00", "0.00", BEN, GERMANY),
        Line("C489011", "85123A", HEART, -1, "2010-02-01 12:00:00", "2.55", CLEO, UK),
        Line("489006", "85123A", HEART, 10, "2010-04-06 18:30:00", "5.95", None, UK),
        Line("489006", "DOT", "DOTCOM POSTAGE", 1, "2010-04-06 18:30:00", "77.30", None, UK),
        Line("489006", "gift_0001_80", "Gift Voucher £80.00", 1, "2010-04-06 18:30:00", "69.56", None, UK),
        Line("489007", "22138", "BAKING SET", 3, "2010-05-04 08:10:00", "0.5525", None, UK),
        Line("489008", "22139", "damaged", -40, "2010-05-05 08:10:00", "0.00", None, UK),
        Line("489009", "ADJUST2", "Adjustment by john", 1, "2010-07-01 09:30:00", "-5.25", None, UK),
        Line("489009", "TEST001", "This is a test product.", 1, "2010-07-01 09:30:00", "4.50", None, UK),
        Line("489009", "BANK CHARGES", " Bank Charges", 1, "2010-07-01 09:30:00", "15.00", None, UK),
        Line("489009", "AMAZONFEE", "AMAZON FEE", 1, "2010-07-01 09:30:00", "13.10", None, UK),
        Line("C489012", "AMAZONFEE", "AMAZON FEE", -1, "2010-11-05 13:20:00", "6706.71", None, UK),
        Line("C489012", "AMAZONFEE", "AMAZON FEE", -1, "2010-11-05 13:20:00", "6706.71", None, UK),
        # A cancellation that is taken back by hand.
        Line("C489014", "M", "Manual", 1, "2010-02-01 08:24:00", "373.57", None, UK),
        Line("A506401", "B", "Adjust bad debt", 1, "2010-04-29 13:36:00", "-53594.36", None, UK),
        Line("A516228", "B", "Adjust bad debt", 1, "2010-07-19 11:24:00", "-44031.79", None, UK),
        Line("489013", "22138", "BAKING SET", 1, "2010-12-09 20:01:00", "4.95", None, UK),
    ]


def write_parquet(lines: list[Line], path: Path) -> None:
    """Write lines with the column names and types of the real file."""
    rows = [
        (
            line.invoice,
            line.stock_code,
            line.description,
            line.quantity,
            line.invoiced_at,
            float(line.price),
            None if line.customer is None else float(line.customer),
            line.country,
        )
        for line in lines
    ]
    columns = [pa.array(values, field.type) for values, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)]
    pq.write_table(pa.Table.from_arrays(columns, schema=SCHEMA), path)
