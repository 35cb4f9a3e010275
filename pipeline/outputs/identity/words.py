"""Plain words for what `bridge_customer_source` and `ops.identity_review` say."""

# Why a record belongs to its customer; {other} is the record that it was matched to.
RULES = {
    "own_record": "the first record of the customer",
    "decision": "a person decided that it is one with {other}",
    "number": "the same number of its source as {other}, with other leading zeros",
    "loyalty_id": "the same loyalty card as {other}",
    "account": "the same account as {other}",
    "email": "the same e-mail address as {other}; the names do not contradict",
    "phone": "the same phone number as {other}; the names do not contradict",
    "address": "the same address and the same name as {other}",
    "model": "{evidence} agree with {other}, weight {weight:.1f}",
}
EVIDENCE = {
    "number": "number but for leading zeros",
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
    if reason == "never":
        return "a person keeps two of its records apart"
    return " ".join(EVIDENCE.get(word, word) for word in (reason or "").split(" "))
