"""Plain words for what `bridge_customer_source` and `ops.identity_review` say."""

RULES = {
    "own_record": "the first record of the customer",
    "decision": "a person decided so",
    "loyalty_id": "the same loyalty card",
    "account": "the same account",
    "email": "the same e-mail address, and names that do not contradict",
    "phone": "the same phone number, and names that do not contradict",
    "address": "the same address and the same name",
    "model": "what agrees is enough for the model",
}
EVIDENCE = {
    "email": "e-mail address",
    "phone": "phone number",
    "loyalty_id": "loyalty card",
    "account": "account",
    "address": "address",
    "full_name": "full name",
    "given_name": "given name",
    "family_name": "family name",
    "street": "street and house",
    "unit": "unit",
    "postcode": "postcode",
    "birth_date": "birth date",
    "decision": "a person's decision",
}
VERDICTS = {
    "review": "waits for a decision",
    "vetoed": "kept apart",
    "cut": "the link was given up",
    "never": "a person said that they are two",
}
FIELDS = {"name": "Name", "email": "E-mail", "phone": "Phone", "address": "Address", "birth_date": "Birth date"}
CHOSEN_BY = {
    "most_recent": "of the record that changed last",
    "most_trusted": "of the source that is trusted most",
    "most_complete": "the most complete",
    "most_frequent": "what most records say",
}


def evidence_text(evidence: str | None) -> str:
    """Return what agrees, in words: `email, full_name` is "e-mail address, full name"."""
    words = [word.strip() for word in (evidence or "").split(",") if word.strip()]
    return ", ".join(EVIDENCE.get(word, word.replace("_", " ")) for word in words)


def reason_text(reason: str | None) -> str:
    """Return the reason of a veto, a cut or a review in words; names of fields become what people call them."""
    words = (reason or "").split(" ")
    return " ".join(EVIDENCE.get(word, word) for word in words)
