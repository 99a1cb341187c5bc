"""Hints from column names about their content, in Italian, English and German."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from tasks.records.mapping.settings import MAX_FIELDS, Target

Meaning = Target | Literal["date"]


@dataclass(frozen=True)
class Hint:
    """The meaning of a column name: a target, and for fields MailUp's default dynamic field.

    `date`: a field with a date. `unambiguous` is false for names with several meanings.
    """

    meaning: Meaning
    field: str = ""
    unambiguous: bool = True


_WORDS: dict[Hint, str] = {
    Hint("email"): "e mail|email|mail|posta|posta elettronica|e mail address|email address|"
    "mail address|indirizzo e mail|indirizzo email|indirizzo mail|indirizzo di posta|"
    "indirizzo posta elettronica|indirizzo di posta elettronica|email cliente|customer email|"
    "e mail adresse|mailadresse|user email|recipient|111",
    Hint("mobile"): "cellulare|cell|cellulari|telefonino|mobile|mobile number|mobile phone|"
    "numero cellulare|numero di cellulare|telefono cellulare|telefono mobile|cell phone|"
    "cellphone|gsm|sms|numero sms|mobil|mobilnummer|mobiltelefon|handy|handynummer|333|444",
    Hint("mobile", unambiguous=False): "telefono|tel|phone|phone number|telephone|numero|"
    "numero di telefono|numero telefono|telefon|recapito|recapito telefonico|contact number",
    Hint("prefix"): "prefisso|prefisso internazionale|pref|prefix|international prefix|"
    "country code|dial code|dialling code|calling code|mobile prefix|country prefix|vorwahl|222",
    Hint("list"): "idlist|id list|list id|listid|id lista|lista|idlista|mailing list",
    Hint("group"): "idgroup|id group|group|group id|group name|gruppo|gruppi|id gruppo|"
    "externalgroupname|external group name|segmento|segment|gruppe",
    Hint("status"): "status|stato|stato iscrizione|subscription status|subscription|subscribed|"
    "iscritto|iscrizione|optin|opt in|optout|opt out|consenso|consenso email|consenso marketing|"
    "consenso newsletter|consenso privacy|consent|marketing consent|privacy|newsletter|"
    "unsubscribed|disiscritto|cancellato|marketing|einwilligung",
    Hint("date", "data di nascita"): "data di nascita|data nascita|nascita|nato il|birth date|"
    "birthdate|date of birth|dob|birthday|compleanno|geburtsdatum|geburtstag",
    Hint("field", "nome"): "nome|first name|firstname|given name|forename|vorname|nome cliente",
    Hint("field", "nome", unambiguous=False): "name|nominativo|full name|fullname|nome e cognome|"
    "nome cognome|cliente|customer",
    Hint("field", "cognome"): "cognome|last name|lastname|surname|family name|nachname|"
    "familienname|cognome cliente",
    Hint("field", "azienda"): "azienda|ragione sociale|company|company name|societa|ditta|"
    "organization|organisation|firma",
    Hint("field", "città"): "citta|comune|localita|city|town|stadt|ort|citta di residenza",
    Hint("field", "provincia"): "provincia|prov|province|county",
    Hint("field", "cap"): "cap|zip|zip code|postcode|post code|postal code|plz|postleitzahl",
    Hint("field", "regione"): "regione|region|state|bundesland",
    Hint("field", "paese"): "paese|nazione|country|stato estero|land",
    Hint("field", "indirizzo"): "indirizzo|via|address|street|street address|residenza|strasse",
    Hint("field", "fax"): "fax|numero fax|fax number",
    Hint("field", "sesso"): "sesso|genere|gender|sex|geschlecht",
}
_HINTS = {word: hint for hint, words in _WORDS.items() for word in words.split("|")}


_PARTS: dict[Hint, str] = {
    Hint("email", unambiguous=False): "email|mail",
    Hint("mobile", unambiguous=False): "cellulare|cell|mobile|telefono|phone|handy|mobil",
    Hint(
        "status", unambiguous=False
    ): "consenso|consent|optin|optout|newsletter|iscritto|disiscritto|"
    "subscribed|unsubscribed|marketing|privacy|status",
    Hint("date", "data di nascita", unambiguous=False): "nascita|birth|dob",
}
_HINTS_OF_PARTS = {word: hint for hint, words in _PARTS.items() for word in words.split("|")}


def hint(column: str) -> Hint | None:
    """The most likely meaning of a column name; None if unknown."""
    if column.startswith("#"):
        return None  # a position, in a file without header
    words = simplified(column)
    if words.isdecimal() and 1 <= int(words) <= MAX_FIELDS:
        return Hint("field", words)  # MailUp's other convention: fields by number, 111 for e-mail
    parts = words.replace("e mail", "email").replace("opt in", "optin").replace("opt out", "optout")
    found = [_HINTS_OF_PARTS[word] for word in parts.split() if word in _HINTS_OF_PARTS]
    return _HINTS.get(words) or (found[0] if len(set(found)) == 1 else None)


def about_consent(column: str) -> bool:
    """Whether a name contains a word for consent or subscription status."""
    known = hint(column)
    if known is not None and known.meaning == "status":
        return True
    parts = simplified(column).replace("opt in", "optin").replace("opt out", "optout").split()
    return any(
        _HINTS_OF_PARTS[word].meaning == "status" for word in parts if word in _HINTS_OF_PARTS
    )


def simplified(text: str) -> str:
    """A name in lower case, without accents, all but letters and digits replaced by blanks."""
    # Split camel case first: cognomeCliente.
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    letters = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()
    return " ".join(re.findall("[a-z]+|[0-9]+", letters.lower()))
