"""Hints from column names about their content, in languages of the EU's largest markets.

Italian, English, German, French, Spanish, Portuguese, Dutch, Polish, Swedish, Danish, Czech and
Romanian.
"""

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
    "e mail adresse|mailadresse|user email|recipient|111|courriel|adresse mail|"
    "adresse email|adresse e mail|adresse electronique|"
    "mel|correo|correo electronico|direccion de correo|direccion de correo electronico|"
    "endereco de email|endereco de e mail|mailadres|e mailadres|emailadres|adres e mail|"
    "adres email|"
    "poczta|epost|e post|epostadress|e postadress|mejl|mailadresse|e mailova adresa|"
    "adresa de email",
    Hint("mobile"): "cellulare|cell|cellulari|telefonino|mobile|mobile number|mobile phone|"
    "numero cellulare|numero di cellulare|telefono cellulare|telefono mobile|cell phone|"
    "cellphone|gsm|sms|numero sms|mobil|mobilnummer|mobiltelefon|handy|handynummer|333|444|"
    "portable|telephone portable|tel portable|telephone mobile|mobile phone number|movil|"
    "telefono movil|numero de movil|telemovel|celular|mobiel|mobiele nummer|mobiele telefoon|"
    "telefon komorkowy|komorka|numer komorki|mobilni telefon|telefon mobil",
    Hint("mobile", unambiguous=False): "telefono|tel|phone|phone number|telephone|numero|"
    "numero di telefono|numero telefono|telefon|recapito|recapito telefonico|contact number|"
    "numero de telephone|numero de telefono|telefone|telefoon|telefoonnummer|numer telefonu|"
    "telefonnummer|telefonni cislo",
    Hint("prefix"): "prefisso|prefisso internazionale|pref|prefix|international prefix|"
    "country code|dial code|dialling code|calling code|mobile prefix|country prefix|vorwahl|222|"
    "indicatif|prefijo|landnummer|kierunkowy|landskod",
    Hint("list"): "idlist|id list|list id|listid|id lista|lista|idlista|mailing list",
    Hint("group"): "idgroup|id group|group|group id|group name|gruppo|gruppi|id gruppo|"
    "externalgroupname|external group name|segmento|segment|gruppe|"
    "groupe|grupo|groep|grupa|grupp|skupina|tag|tags|label|labels|etichette|categories|categorie",
    Hint("status"): "status|stato|stato iscrizione|subscription status|subscription|subscribed|"
    "iscritto|iscrizione|optin|opt in|optout|opt out|consenso|consenso email|consenso marketing|"
    "consenso newsletter|consenso privacy|consent|marketing consent|privacy|newsletter|"
    "unsubscribed|disiscritto|cancellato|marketing|einwilligung|"
    "consentement|consentimiento|consentimento|toestemming|zgoda|samtycke|samtykke|souhlas|"
    "consimtamant|abonne|abonnement|suscrito|inscrit|aangemeld",
    Hint("date", "data di nascita"): "data di nascita|data nascita|nascita|nato il|birth date|"
    "birthdate|date of birth|dob|birthday|compleanno|geburtsdatum|geburtstag|"
    "date de naissance|naissance|anniversaire|fecha de nacimiento|nacimiento|cumpleanos|"
    "data de nascimento|nascimento|geboortedatum|data urodzenia|fodelsedatum|fodselsdato|"
    "fodselsdag|datum narozeni|data nasterii",
    Hint("field", "nome"): "nome|first name|firstname|given name|forename|vorname|nome cliente|"
    "prenom|nombre|primeiro nome|voornaam|imie|fornamn|fornavn|jmeno|prenume|billing first name|"
    "customer first name",
    Hint("field", "nome", unambiguous=False): "name|nominativo|full name|fullname|nome e cognome|"
    "naam|namn|navn|nom complet|"
    "nome cognome|cliente|customer",
    Hint("field", "cognome"): "cognome|last name|lastname|surname|family name|nachname|"
    "familienname|cognome cliente|"
    "nom|nom de famille|apellido|apellidos|sobrenome|apelido|achternaam|nazwisko|efternamn|"
    "efternavn|prijmeni|nume|customer last name",
    Hint("field", "azienda"): "azienda|ragione sociale|company|company name|societa|ditta|"
    "organization|organisation|firma|entreprise|societe|empresa|"
    "bedrijf|bedrijfsnaam|foretag|virksomhed|spolecnost|companie|organization name",
    Hint("field", "città"): "citta|comune|localita|city|town|stadt|ort|citta di residenza|ville|"
    "ciudad|cidade|plaats|stad|woonplaats|miasto|miejscowosc|by|mesto|oras",
    Hint("field", "provincia"): "provincia|prov|province|county",
    Hint("field", "cap"): "cap|zip|zip code|postcode|post code|postal code|plz|postleitzahl|"
    "code postal|codigo postal|cp|postcode plaats|kod pocztowy|postnummer|psc|cod postal",
    Hint("field", "regione"): "regione|region|state|bundesland|comunidad",
    Hint("field", "paese"): "paese|nazione|country|stato estero|land|pays|pais|kraj|zeme|tara",
    Hint("field", "indirizzo"): "indirizzo|via|address|street|street address|residenza|strasse|"
    "adresse|direccion|endereco|adres|ulica|adress|adresa",
    Hint("field", "fax"): "fax|numero fax|fax number",
    Hint("field", "sesso"): "sesso|genere|gender|sex|geschlecht|sexe|sexo|geslacht|plec|kon|"
    "pohlavi",
}
_LETTERS = str.maketrans({"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "ß": "ss", "æ": "ae", "Æ": "Ae"})
"""Letters that do not decompose into one of ASCII and an accent."""

_TECHNICAL = re.compile(
    r"\b(?:pass ?words?|passwd|pwd|pass ?hash|hash|salt|secret|tokens?|api key|cookie|session|"
    r"u?u?id|guid|euid|leid|optin ip|confirm ip|ip|ip address|user agent|latitude|longitude|gmtoff|"
    r"dstoff|parola d ordine|mot de passe|contrasena|passwort|kennwort|wachtwoord|haslo|losenord|"
    r"senha|heslo)\b"
)
"""Secrets and identifiers of other systems: they are of no use in MailUp."""

_HINTS = {word: hint for hint, words in _WORDS.items() for word in words.split("|")}


_PARTS: dict[Hint, str] = {
    Hint("email", unambiguous=False): "email|mail",
    Hint("mobile", unambiguous=False): "cellulare|cell|mobile|telefono|phone|handy|mobil",
    Hint(
        "status", unambiguous=False
    ): "consenso|consent|optin|optout|newsletter|iscritto|disiscritto|"
    "subscribed|unsubscribed|subscription|marketing|privacy|status|permission|autorizzo|autorizzato|"
    "acconsento|accetto|widerspruch|werbung|contacter|contactar|zgoda|souhlas|toestemming",
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


def is_technical(column: str) -> bool:
    """Whether a name is that of a password, a token, or another system's identifier."""
    known = _HINTS.get(simplified(column))
    return known is None and bool(_TECHNICAL.search(simplified(column)))


def simplified(text: str) -> str:
    """A name in lower case, without accents, all but letters and digits replaced by blanks."""
    # Split camel case first: cognomeCliente.
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    plain = words.translate(_LETTERS)
    letters = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    return " ".join(re.findall("[a-z]+|[0-9]+", letters.lower()))
