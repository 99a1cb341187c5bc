"""Reason codes of rejects and skipped records, with their sentences for clients."""

from collections.abc import Mapping
from typing import Literal

from tasks.records.reading.dialect import ACCEPTED_AS

Language = Literal["en", "it"]
"""Languages of the reject file."""

LEFT_OUT = "consent_left_out"
"""Reason of people of whom the file does not say that they may be written to."""

REASONS: dict[str, dict[Language, str]] = {
    # Faults of the line
    "too_few_cells": {
        "en": "The line has fewer cells than the header.",
        "it": "La riga ha meno celle dell'intestazione.",
    },
    "too_many_cells": {
        "en": "The line has more cells than the header; a separator in a value must be quoted.",
        "it": "La riga ha più celle dell'intestazione; un separatore interno va tra virgolette.",
    },
    "separators_at_end": {
        "en": "The line ends with more separators than the header.",
        "it": "La riga termina con più separatori dell'intestazione.",
    },
    "open_quote": {
        "en": "A quoted cell is opened but never closed.",
        "it": "Una cella tra virgolette è aperta ma mai chiusa.",
    },
    "text_after_quote": {
        "en": "There is text outside the quotes of a quoted cell; a quote in it must be doubled.",
        "it": "C'è testo fuori dalle virgolette di una cella; quelle interne vanno raddoppiate.",
    },
    "blanks_around_quotes": {
        "en": "Blanks stand between a separator and the quote of a cell.",
        "it": "Ci sono spazi tra un separatore e le virgolette di una cella.",
    },
    "stray_quote": {
        "en": "A cell that is not quoted contains a single quote.",
        "it": "Una cella che non è tra virgolette contiene una virgoletta isolata.",
    },
    "quote_unclear": {
        "en": "Quotes on this line or before it can be read in two ways; close or double them.",
        "it": "Le virgolette qui o prima si leggono in due modi; vanno chiuse o raddoppiate.",
    },
    "bad_bytes": {
        "en": "The line contains bytes that do not exist in the file's encoding.",
        "it": "La riga contiene byte che non esistono nella codifica del file.",
    },
    "nul_byte": {
        "en": "The line contains a NUL byte.",
        "it": "La riga contiene un byte NUL.",
    },
    "control_character": {
        "en": "The line contains an invisible control character.",
        "it": "La riga contiene un carattere di controllo invisibile.",
    },
    "line_too_long": {
        "en": "The line is longer than agreed; only its beginning is shown.",
        "it": "La riga è più lunga di quanto concordato; se ne mostra solo l'inizio.",
    },
    "line_above": {
        "en": "The line is above the table and is not a record, as agreed.",
        "it": "La riga precede la tabella e non è un record, come concordato.",
    },
    "line_below": {
        "en": "The line is below the table and is not a record, as agreed.",
        "it": "La riga segue la tabella e non è un record, come concordato.",
    },
    # Faults of cells
    "email_missing": {
        "en": "The e-mail address is missing.",
        "it": "Manca l'indirizzo e-mail.",
    },
    "email_invalid": {
        "en": "This is not a valid e-mail address.",
        "it": "L'indirizzo e-mail non è valido.",
    },
    "mobile_missing": {
        "en": "The mobile number is missing.",
        "it": "Manca il numero di cellulare.",
    },
    "mobile_invalid": {
        "en": "This is not a valid mobile number.",
        "it": "Il numero di cellulare non è valido.",
    },
    "prefix_invalid": {
        "en": "This is not a valid international prefix.",
        "it": "Il prefisso internazionale non è valido.",
    },
    "key_missing": {
        "en": "The record has neither an e-mail address nor a mobile number.",
        "it": "Il record non ha né indirizzo e-mail né numero di cellulare.",
    },
    "date_invalid": {
        "en": "This is not a date in the agreed format. Years of two digits need an agreed "
        "century (two_digit_years).",
        "it": "La data non è nel formato concordato. Gli anni di due cifre vogliono un secolo "
        "concordato (two_digit_years).",
    },
    "length_wrong": {
        "en": "The value does not have the agreed length.",
        "it": "Il valore non ha la lunghezza concordata.",
    },
    "value_too_long": {
        "en": "The value is longer than MailUp accepts.",
        "it": "Il valore è più lungo di quanto MailUp accetta.",
    },
    "required_blank": {
        "en": "A required value is blank.",
        "it": "Un valore obbligatorio è vuoto.",
    },
    "blank_refused": {
        "en": "A blank value is not accepted in this column.",
        "it": "In questa colonna un valore vuoto non è accettato.",
    },
    "status_unknown": {
        "en": "The subscription status is not one of the agreed values.",
        "it": "Lo stato di iscrizione non è tra i valori concordati.",
    },
    "list_unknown": {
        "en": "The list does not exist in the account.",
        "it": "La lista non esiste nell'account.",
    },
    "list_not_allowed": {
        "en": "The list is not among those agreed for this file.",
        "it": "La lista non è tra quelle concordate per questo file.",
    },
    "group_unknown": {
        "en": "The group does not exist in the list.",
        "it": "Il gruppo non esiste nella lista.",
    },
    "mailup_refused": {
        "en": "MailUp does not accept this recipient, although the address seems correct.",
        "it": "MailUp non accetta questo destinatario, benché l'indirizzo sembri corretto.",
    },
    "second_key_kept": {
        "en": "MailUp or an earlier row has another number or address with this one; the row is "
        "sent without it.",
        "it": "MailUp o una riga precedente ha un altro numero o indirizzo con questo; la riga è "
        "inviata senza.",
    },
    "second_key_not_compared": {
        "en": "Number and address were not compared with MailUp's; the row is sent without the "
        "second one.",
        "it": "Numero e indirizzo non sono stati confrontati con MailUp; la riga è inviata senza "
        "il secondo.",
    },
    "second_key_differs": {
        "en": "MailUp or an earlier row has another number or address with this one; correct one "
        "of the two.",
        "it": "MailUp o una riga precedente ha un altro numero o indirizzo con questo; correggete "
        "uno dei due.",
    },
    LEFT_OUT: {
        "en": "The file does not say that this person agreed to be written to; nothing is sent.",
        "it": "Il file non dice che la persona ha dato il consenso; non viene inviato nulla.",
    },
    "consent_unsubscribed": {
        "en": "This person unsubscribed and is not subscribed again by an import.",
        "it": "La persona si è disiscritta e un'importazione non la iscrive di nuovo.",
    },
    "consent_bounced": {
        "en": "Messages to this address bounced; it is not subscribed again by an import.",
        "it": "L'indirizzo ha respinto i messaggi; un'importazione non lo iscrive di nuovo.",
    },
    "consent_complained": {
        "en": "This person reported a message as spam and is not subscribed again by an import.",
        "it": "La persona ha segnalato spam e un'importazione non la iscrive di nuovo.",
    },
    "duplicate": {
        "en": "Another line of the file for the same recipient is used instead.",
        "it": "Al suo posto vale un'altra riga del file per lo stesso destinatario.",
    },
    "consent_granted": {
        "en": "This person had unsubscribed and is subscribed again because of the grant.",
        "it": "La persona si era disiscritta ed è iscritta di nuovo in base all'autorizzazione.",
    },
    "consent_left_meanwhile": {
        "en": "The person's subscription changed during the import; the person is not subscribed.",
        "it": "L'iscrizione è cambiata durante l'importazione; la persona non viene iscritta.",
    },
    "consent_pending": {
        "en": "This person has not confirmed the subscription yet.",
        "it": "La persona non ha ancora confermato l'iscrizione.",
    },
}
"""Sentences by code and language, as clients read them next to a record."""


def sentence(code: str, language: Language) -> str:
    """The sentence for a code; an unknown code is a defect and raises KeyError."""
    return REASONS[code][language]


def settings_that_accept(reasons: Mapping[str, int]) -> str:
    """Settings that would accept rejected records, as sentences; mostly none."""
    return " ".join(
        f"{reasons[code]:,} of them are {code}: if the client always writes so, add {deviation} to "
        "dialect.accept."
        for code, deviation in ACCEPTED_AS.items()
        if reasons.get(code)
    )
