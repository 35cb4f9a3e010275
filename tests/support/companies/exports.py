"""Made-up exports of one known truth: names in seven languages, forms, orders of columns, prefixes, encodings."""

import csv
import io
import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

# Names of fields, by language; one of each is drawn.
NAMES = {
    "en": {
        "order": "order_id|Order No|InvoiceNo|orderNumber|transaction_id",
        "customer": "customer_id|Customer ID|cust_no|clientId",
        "date": "order_date|ordered_at|InvoiceDate|Created at|purchase_timestamp",
        "status": "status|order_status|Order Status",
        "total": "total|Order Total|grand_total|total_amount",
        "subtotal": "subtotal|Sub-Total|sub_total",
        "shipping": "shipping|Shipping Amount|freight|delivery_cost",
        "discount": "discount|Discount Amount|coupon_amount",
        "tax": "tax|Tax Amount|vat",
        "product": "product_id|SKU|StockCode|item_code",
        "title": "product_name|Description|Item Name",
        "quantity": "quantity|Qty|pieces|units",
        "price": "unit_price|UnitPrice|price_per_unit",
        "amount": "line_total|Line Amount|amount",
        "line": "line_number|line_no|position",
        "orders": "orders|sales|invoices",
        "lines": "order_items|order_lines|invoice_lines|order_details",
    },
    "de": {
        "order": "Bestellnummer|Rechnungsnr|Auftragsnummer|Belegnummer",
        "customer": "Kundennummer|Kunden-ID|KundenNr",
        "date": "Bestelldatum|Rechnungsdatum|Auftragsdatum|Datum",
        "status": "Status|Bestellstatus",
        "total": "Gesamtbetrag|Gesamtsumme|Rechnungsbetrag",
        "subtotal": "Zwischensumme|Warenwert",
        "shipping": "Versandkosten|Porto|Lieferkosten",
        "discount": "Rabatt|Rabattbetrag",
        "tax": "MwSt|Umsatzsteuer|Steuerbetrag",
        "product": "Artikelnummer|ArtikelNr|Produkt-ID",
        "title": "Artikelbezeichnung|Produktname|Bezeichnung",
        "quantity": "Menge|Anzahl|Stückzahl",
        "price": "Einzelpreis|Stückpreis",
        "amount": "Positionsbetrag|Zeilensumme|Betrag",
        "line": "Position|Positionsnummer|Zeile",
        "orders": "Bestellungen|Rechnungen|Aufträge",
        "lines": "Bestellpositionen|Rechnungszeilen",
    },
    "fr": {
        "order": "numéro_commande|N° commande|Numéro de facture",
        "customer": "code_client|Numéro client|id_client",
        "date": "date_commande|Date de la commande|Date facture",
        "status": "statut|état commande",
        "total": "montant_total|Total TTC|Montant commande",
        "subtotal": "sous-total|Sous total",
        "shipping": "frais_de_port|Livraison|frais de livraison",
        "discount": "remise|Montant remise",
        "tax": "TVA|Montant TVA",
        "product": "code_produit|Référence article",
        "title": "nom_produit|Désignation|libellé produit",
        "quantity": "quantité|Qté",
        "price": "prix_unitaire|Prix unitaire",
        "amount": "montant_ligne|Montant",
        "line": "ligne|numéro_ligne",
        "orders": "commandes|ventes|factures",
        "lines": "lignes_commande|lignes_facture",
    },
    "es": {
        "order": "número_de_pedido|Nº pedido|id_pedido|numero_factura",
        "customer": "código_cliente|id_cliente|Número de cliente",
        "date": "fecha_pedido|Fecha de compra|fecha",
        "status": "estado|Estado del pedido",
        "total": "importe_total|Total pedido|Monto total",
        "subtotal": "subtotal|Subtotal",
        "shipping": "gastos de envío|envío|flete",
        "discount": "descuento|Importe descuento",
        "tax": "IVA|impuestos",
        "product": "código_producto|id_articulo",
        "title": "nombre_producto|descripción",
        "quantity": "cantidad|unidades",
        "price": "precio_unitario|Precio unitario",
        "amount": "importe|importe_linea",
        "line": "línea|número_línea",
        "orders": "pedidos|ventas|facturas",
        "lines": "lineas_pedido|detalle_pedidos",
    },
    "pt": {
        "order": "número_do_pedido|id_pedido|Nº encomenda",
        "customer": "código_cliente|id_cliente",
        "date": "data_pedido|Data do pedido|data da compra",
        "status": "situação|status_pedido",
        "total": "valor_total|Total do pedido",
        "subtotal": "subtotal|Subtotal",
        "shipping": "frete|valor_frete",
        "discount": "desconto|Valor desconto",
        "tax": "imposto|valor_imposto",
        "product": "código_produto|id_produto",
        "title": "nome_produto|descrição",
        "quantity": "quantidade|qtd",
        "price": "preço_unitário|Preço unitário",
        "amount": "valor_linha|valor",
        "line": "linha|número_linha",
        "orders": "pedidos|vendas|encomendas",
        "lines": "linhas_pedido|itens_linha",
    },
    "zh": {
        "order": "订单编号|订单号|交易号",
        "customer": "客户编号|买家编号|会员号",
        "date": "订单日期|下单时间|订单创建时间",
        "status": "订单状态|状态",
        "total": "总金额|订单总额|合计",
        "subtotal": "商品总额|小计",
        "shipping": "运费|邮费|快递费",
        "discount": "优惠金额|折扣金额",
        "tax": "税额|税费",
        "product": "商品编号|产品编码|货号",
        "title": "商品名称|宝贝标题",
        "quantity": "数量|购买数量",
        "price": "单价|商品单价",
        "amount": "金额|商品金额",
        "line": "行号|序号",
        "orders": "订单|订单列表",
        "lines": "订单明细",
    },
    "ja": {
        "order": "注文番号|受注番号|伝票番号",
        "customer": "顧客番号|顧客コード|会員番号",
        "date": "注文日|受注日時|購入日",
        "status": "注文状態|ステータス",
        "total": "合計金額|請求書合計|総額",
        "subtotal": "小計",
        "shipping": "送料|配送料",
        "discount": "割引額|値引き",
        "tax": "消費税|税額",
        "product": "商品番号|商品コード",
        "title": "商品名",
        "quantity": "数量|個数",
        "price": "単価|商品単価",
        "amount": "金額",
        "line": "行番号|明細番号",
        "orders": "注文|受注",
        "lines": "注文明細|受注明細",
    },
}
WORDS = {
    "en": ("completed", "cancelled", "pending"),
    "de": ("abgeschlossen", "storniert", "unbezahlt"),
    "fr": ("livré", "annulé", "en attente"),
    "es": ("entregado", "cancelado", "pendiente"),
    "pt": ("pago", "cancelado", "pendente"),
    "zh": ("交易成功", "交易关闭", "等待买家付款"),
    "ja": ("完了", "キャンセル", "未払い"),
}
KNOWN_WORDS = {"en", "de", "fr", "es", "zh"}  # languages whose words of status the project lists
ENCODINGS = {"zh": ("utf-8", "gb18030"), "ja": ("utf-8", "cp932"), "en": ("utf-8", "utf-8-sig", "cp1252")}
FORMS = ("tables", "repeated", "first row", "orders", "nested")
GOODS = {"zh": ("茶杯", "雨伞", "毛巾"), "ja": ("湯のみ", "傘", "手ぬぐい")}
PREFIXES = ("", "", "raw_", "stg_", "src_")
SUFFIXES = ("", "", "_export_1", "_dataset", "_2024")

Order = dict[str, Any]  # an order or a line, by field


@dataclass(frozen=True)
class Export:
    """Files, and what is true of them: net sales of the orders that are sold, their number, and the customers."""

    label: str
    files: dict[str, bytes]
    net_sales: Decimal
    orders: int

    def write(self, folder: Path) -> Path:
        """Write the files into a folder."""
        folder.mkdir(parents=True)
        for name, content in self.files.items():
            (folder / name).write_bytes(content)
        return folder


def make_export(seed: int, *, is_bare: bool = False) -> Export:
    """Make an export; equal seeds give equal exports. A bare one has no total of its orders, so no sum agrees."""
    draw = random.Random(seed)
    language = list(NAMES)[seed % len(NAMES)]
    form = FORMS[(seed // len(NAMES)) % len(FORMS)]
    has = {field: draw.random() < 0.4 for field in ("shipping", "discount", "tax", "status", "amount", "title")}
    orders = _orders(draw, language, has)
    sold = [order for order in orders if order["is_sold"]]
    called = {field: draw.choice(names.split("|")) for field, names in NAMES[language].items()}
    has["total"] = not is_bare or form == "orders"
    has["price"] = not is_bare or draw.random() < 0.5
    has["amount"] |= not has["price"]
    files = _files(draw, language, form, (orders, called, has))
    net = sum((order["lines_sum"] + order["shipping"] - order["discount"] for order in sold), Decimal(0))
    return Export(f"{seed}: {language}, {form}, {[f for f in has if has[f]]}", files, net, len(sold))


def _orders(draw: random.Random, language: str, has: dict[str, bool]) -> list[Order]:
    done, cancelled, waiting = WORDS[language]
    goods = {
        f"P{n:03}": (GOODS.get(language, ("Mug", "Umbrella", "Towel"))[n % 3], Decimal(draw.randint(150, 9000)) / 100)
        for n in range(12)
    }
    day = datetime(2023, 1, 2, 9, 30)  # noqa: DTZ001 - local time
    orders = []
    for number in range(40):
        day += timedelta(hours=draw.randint(7, 60), minutes=draw.randint(0, 59))
        lines: list[Order] = []
        for product in draw.sample(sorted(goods), draw.choice((1, 1, 2, 3, 4))):
            quantity = draw.choice((1, 1, 2, 3, 5))
            lines.append(
                {"product": product, "title": goods[product][0], "quantity": quantity, "price": goods[product][1]}
            )
            lines[-1]["amount"] = quantity * goods[product][1]
        status = (
            draw.choice((done, done, done, done, cancelled, waiting))
            if has["status"] and language in KNOWN_WORDS
            else done
        )
        order: Order = {
            "order": f"{draw.choice('AB')}-{10_000 + number}",
            "customer": f"C{draw.randint(1, 15):02}",
            "date": day,
            "status": status,
        }
        order |= {"shipping": Decimal(draw.choice((0, 395, 590))) / 100 if has["shipping"] else Decimal(0)}
        order |= {"discount": Decimal(draw.choice((0, 0, 100, 150))) / 100 if has["discount"] else Decimal(0)}
        lines_sum = sum((line["amount"] for line in lines), Decimal(0))
        order |= {"lines": lines, "lines_sum": lines_sum, "subtotal": lines_sum, "is_sold": status == done}
        order["tax"] = (lines_sum * Decimal("0.19")).quantize(Decimal("0.01")) if has["tax"] else Decimal(0)
        order["total"] = lines_sum + order["shipping"] - order["discount"] + order["tax"]
        orders.append(order)
    return orders


def _files(
    draw: random.Random, language: str, form: str, known: tuple[list[Order], dict[str, str], dict[str, bool]]
) -> dict[str, bytes]:
    orders, called, has = known
    header = ["order", "customer", "date", *(field for field in ("status", "total") if has[field])]
    extras = [field for field in ("shipping", "discount", "tax") if has[field]]
    header += [*(["subtotal"] if form == "orders" and extras else []), *extras]
    of_line = [field for field in ("product", "title", "quantity", "price", "amount") if has.get(field, True)]
    written = _Writing(draw, language, called)
    around = (draw.choice(PREFIXES), draw.choice(SUFFIXES))
    if form == "nested":
        return {f"{around[0]}{called['orders']}{around[1]}.jsonl": _nested(orders, called, (header, of_line))}
    if form == "orders":
        return {written.file_name("orders", around): written.table(header, [written.row(order) for order in orders])}
    if form == "tables":
        of_line = ["order", "line", *of_line]
        lines = [
            {**line, "order": order["order"], "line": number}
            for order in orders
            for number, line in enumerate(order["lines"], 1)
        ]
        return {
            written.file_name("orders", around): written.table(header, [written.row(order) for order in orders]),
            written.file_name("lines", around): written.table(of_line, [written.row(line) for line in lines]),
        }
    rows = []
    for order in orders:
        for number, line in enumerate(order["lines"]):
            shown = written.row({**order, **line})
            if form == "first row" and number:
                shown |= dict.fromkeys([field for field in header if field not in ("order", "customer", "date")], "")
            rows.append(shown)
    return {written.file_name("orders", around): written.table([*header, *of_line], rows)}


def _nested(orders: list[Order], called: dict[str, str], fields: tuple[list[str], list[str]]) -> bytes:
    header, of_line = fields
    lines = []
    for order in orders:
        item = {called[field]: _json(order[field]) for field in header}
        item["items"] = [{called[field]: _json(line[field]) for field in of_line} for line in order["lines"]]
        lines.append(json.dumps(item, ensure_ascii=False))
    return "\n".join(lines).encode()


def _json(value: object) -> object:
    return value if isinstance(value, int) else str(value)


class _Writing:
    """How an export writes its tables."""

    def __init__(self, draw: random.Random, language: str, called: dict[str, str]) -> None:
        self.draw = draw
        self.called = called
        self.encoding = draw.choice(ENCODINGS.get(language, ("utf-8", "cp1252")))
        has_comma = language in ("de", "fr", "es", "pt") and draw.random() < 0.5
        self.delimiter = ";" if has_comma else draw.choice((",", ";", "\t"))
        self.comma = has_comma
        self.date = draw.choice(("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%d.%m.%Y %H:%M", "%Y/%m/%d %H:%M"))
        self.titles = draw.choice((0, 0, 1, 2))

    def row(self, values: Order) -> dict[str, str]:
        """Values as they are written."""
        return {field: self._text(value) for field, value in values.items()}

    def _text(self, value: object) -> str:
        if isinstance(value, datetime):
            return value.strftime(self.date)
        if isinstance(value, Decimal):
            text = f"{value:.2f}"
            return text.replace(".", ",") if self.comma else text
        return str(value)

    def table(self, fields: list[str], rows: list[dict[str, str]]) -> bytes:
        """A table as a file, its columns in any order."""
        shuffled = self.draw.sample(fields, len(fields))
        output = io.StringIO()
        for number in range(self.titles):
            output.write(f"Export {number + 1}\r\n")
        writer = csv.writer(output, delimiter=self.delimiter)
        writer.writerow([self.called[field] for field in shuffled])
        writer.writerows([[row[field] for field in shuffled] for row in rows])
        return output.getvalue().encode(self.encoding)

    def file_name(self, what: str, around: tuple[str, str]) -> str:
        """The name of a file."""
        return f"{around[0]}{self.called[what]}{around[1]}.csv"
