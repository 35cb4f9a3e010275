"""Names in words: 'InvoiceDate', 'invoice_dt' and 'Rechnungsdatum' all say when an order was."""

import re
import unicodedata

CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=[0-9])|(?<=[0-9])(?=[A-Za-z])")
NOT_A_WORD = re.compile(r"[^a-z0-9]+")

# One idea, and the words that stand for it: English first, then what exports of other languages call it.
IDEAS: dict[str, str] = {
    "id": "id ids no nr num number nbr code key ref reference identifier uid uuid guid nummer numero",
    "order": "order orders invoice invoices receipt receipts basket baskets bill bills transaction transactions trans "
    "txn purchase purchases sale sales bon beleg rechnung bestellung facture commande factura pedido",
    "line": "line lines position pos row zeile posten ligne linea detail details",
    "product": "product products prod article articles item items sku stock upc ean gtin plu goods artikel produkt "
    "produit producto articulo",
    "customer": "customer customers cust client clients member members household households card buyer buyers shopper "
    "shoppers patron consumer guest user users kunde kunden cliente",
    "quantity": "quantity qty pieces pcs units menge anzahl quantite cantidad stk",
    "price": "price preis prix precio",
    "amount": "amount amt total value revenue sum subtotal turnover spend spent betrag umsatz summe montant importe",
    "net": "net netto",
    "date": "date time datetime timestamp at on when ts dt day datum zeit fecha dato",
    "name": "name names title label bezeichnung nombre nom",
    "description": "description desc descr beschreibung",
    "email": "email mail emailaddress",
    "phone": "phone tel telephone mobile cell cellphone telefon handy",
    "first": "first given fore vorname prenom",
    "last": "last family sur nachname surname lastname",
    "address": "address addr adresse direccion",
    "postcode": "postcode zip zipcode plz postal",
    "city": "city town ort stadt ville ciudad",
    "country": "country land pays pais nation",
    "birth": "birth birthday dob birthdate geburtsdatum",
    "changed": "updated modified changed change update edited amended",
    "created": "created creation registered registration signup joined inserted since",
    "deleted": "deleted removed archived",
    "currency": "currency curr waehrung devise moneda",
    "category": "category categories kategorie categorie categoria group",
    "cancel": "cancel cancels canceled cancelled cancellation void voided storno stornierung reverses refunded refund "
    "returned returns return",
    "free": "comment comments note notes remark remarks message body text memo feedback",
    "payment": "payment payments paid",
    "return": "returning rma creditnote",
    "campaign": "campaign campaigns promotion promotions promo kampagne",
    "subscription": "subscription subscriptions contract contracts membership abo",
    "contact": "contact contacts call calls chat chats conversation conversations interaction interactions",
    "case": "case cases ticket tickets complaint complaints issue issues",
    "survey": "survey surveys rating ratings nps review reviews",
    "consent": "consent consents permission permissions optin",
    "opportunity": "opportunity opportunities deal deals",
    "cost": "cost costs expense expenses",
    "rate": "rate rates",
    "status": "status state",
}
IDEA_OF = {word: idea for idea, words in IDEAS.items() for word in words.split()}
# Words that change nothing: 'the_total_amount_of_eur'.
HARMLESS = {"the", "of", "in", "a", "local", "original", "dollar", "usd", "eur", "gbp", "euro", "pound", "utc"}
COMPOUNDS = {
    "e-mail": "email",
    "e_mail": "email",
    "e mail": "email",
    "line item": "line",
    "lineitem": "line",
    "line_item": "line",
    "datum": "_datum",
    "nummer": "_nummer",
    "stockcode": "stock_code",
    "opt-in": "optin",
}


def plain(name: str) -> str:
    """A name in lower case, without accents, its words joined with _: 'Customer ID' is customer_id."""
    spaced = CAMEL.sub("_", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode())
    return NOT_A_WORD.sub("_", spaced.lower()).strip("_")


def words_of(name: str) -> list[str]:
    """What a name says, in ideas: 'CustNo' and 'client_id' are ['customer', 'id']."""
    text = name
    for compound, meaning in COMPOUNDS.items():
        text = re.sub(re.escape(compound), meaning, text, flags=re.IGNORECASE)
    words = [word for word in plain(text).split("_") if word and not word.isdigit()]
    return [IDEA_OF.get(word) or IDEA_OF.get(word.removesuffix("s"), word) for word in words]


def snake(name: str, beginning: str = "t") -> str:
    """A name that the yml accepts: lower-case letters, digits and single _, beginning with a letter."""
    text = re.sub(r"_+", "_", plain(name))
    return text if text[:1].isalpha() else f"{beginning}_{text}".rstrip("_")
