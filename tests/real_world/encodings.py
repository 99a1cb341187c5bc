"""Name lists in the languages of Europe, in every encoding, and how auto reads each."""

import random
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from blocks.errors import FileHeld
from tasks.records.reading.candidates import SINGLE_BYTE
from tasks.records.reading.chunks import read_chunks
from tasks.records.reading.dialect import Dialect, resolve

LANGUAGES = {
    "Italian": "Nicolò Forlì Cantù Carrà Niccolò Salò Mondovì Nardò Calabrò Perché",
    "French": "Hélène François Zoé Noël Œuvrard Château Besançon Gaëlle Léa Crécy",
    "Spanish": "José Muñoz Peña Ángel Íñigo Óscar Güell Martínez Ibáñez Úbeda",
    "Portuguese": "João Conceição Inês Luís Antônio Mourão Assunção Sebastião Júlia Estêvão",
    "Catalan": "Núria Francesc-Lluís Òscar Mercè Àlex Güell Marçal Sílvia Remígia Eulàlia",
    "German": "Müller Jäger Köhler Größe Weiß Grün Schäfer Böhm Strauß Übel",
    "Dutch": "Daniël Zoë Renée Coördinaat Ruïne Thérèse België Loïs Jérôme Andreä",
    "Danish": "Søren Bjørn Åse Kjær Jørgen Ærø Grønbæk Håkon Møller Sæby",
    "Swedish": "Åke Björn Märta Öberg Sjöström Håkan Lindström Gävle Åberg Växjö",
    "Finnish": "Päivi Jyväskylä Hämäläinen Mäkinen Järvinen Väinö Pöyry Yrjö Kyösti Ääri",
    "Polish": "Łukasz Święta Żuk Wójcik Dąbrowski Gałązka Źrebiec Kołłątaj Śliwa Małgorzata",
    "Czech": "Dvořák Šťastný Žižka Růžena Novotný Čapek Jiří Běžel Křížek Hořejší",
    "Slovak": "Ľudovít Kováč Šťastná Ondrušová Ďurica Žilina Jurčík Hlôška Stĺpová Mäkký",
    "Slovene": "Kovač Žiga Boštjan Hočevar Tomaž Nežka Šuštar Črnigoj Urška Matevž",
    "Croatian": "Đurđa Ćosić Šimić Žanić Božić Čović Hrvojević-Đaković Anđela Perić Krešimir",
    "Hungarian": "Őri Győző Csűrös Gábor Kovács Béla Szűcs Tóth Árpád Zoltán-Ödön",
    "Romanian": "Ştefan Ţepeş Răzvan Brâncuşi Călin Măriuţa Ilieş Ioniţă Mureş Bălan",
    "Turkish": "Şahin Yıldız Gökçe Öztürk Çelik Doğan İpek Güneş Işık Kılıç",
    "Latvian": "Bērziņš Kalniņš Jānis Līga Ozoliņa Ķēniņš Šteins Ēriks Žanete Ļubova",
    "Lithuanian": "Žukauskas Kęstutis Rūta Šarūnas Ąžuolas Jurgė Čiurlionis Mindaugė Vaičiūnas Ūla",
}
"""Ten names with a letter beyond ASCII in each of twenty languages."""
_PLAIN = ("Anna", "Marco", "Ivan", "Marta", "Peter", "Karin", "Tomas", "Irena")
_UNICODE = ("utf-8", "utf-8-sig", "utf-16")
_ROWS = 40


@dataclass(frozen=True)
class NameList:
    """A file of names, of which some have a letter beyond ASCII."""

    language: str
    encoding: str
    names: tuple[str, ...]


@dataclass
class Result:
    """How many lists of an encoding there are, were read, were held, and have a wrong name."""

    lists: int = 0
    read: int = 0
    held: int = 0
    wrong: int = 0


def lists() -> Iterator[NameList]:
    """Two hundred lists: ten for each language, all its encodings in turn, one to ten accents."""
    chance = random.Random(18)
    for language, words in LANGUAGES.items():
        names = words.split()
        fitting = [each for each in SINGLE_BYTE if _fits(names, each)] + [*_UNICODE]
        chance.shuffle(fitting)
        for number in range(10):
            accented = chance.sample(names, number + 1)
            if number % 3 == 2:
                accented = [name.upper() for name in accented]
            encoding = fitting[number % len(fitting)]
            usable = [name for name in accented if _fits([name], encoding)] or names[:1]
            rows = [*usable, *chance.choices(_PLAIN, k=_ROWS)]
            chance.shuffle(rows)
            yield NameList(language, encoding, tuple(rows))


def _fits(names: Iterable[str], encoding: str) -> bool:
    try:
        "".join(names).encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def results(made: Iterable[NameList]) -> dict[str, Result]:
    """What auto makes of each list, by encoding. A name that is not the list's is wrong."""
    found: dict[str, Result] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "names.csv"
        for each in made:
            reported = found.setdefault(each.encoding, Result())
            reported.lists += 1
            path.write_bytes("".join(f"{name}\n" for name in each.names).encode(each.encoding))
            try:
                dialect = resolve(path, Dialect(header=False))
            except FileHeld:
                reported.held += 1
                continue
            reported.read += 1
            read = [name for part in read_chunks(path, dialect) for name in part.frame["#1"]]
            reported.wrong += not set(read) <= set(each.names)
    return found


def table() -> str:
    """The results as Markdown."""
    found = results(lists())
    rows = [
        f"| {encoding} | {each.lists} | {each.read} | {each.held} | {each.wrong} |"
        for encoding, each in sorted(found.items(), key=lambda pair: (pair[1].held, pair[0]))
    ]
    sums = [
        sum(column)
        for column in zip(*(vars(each).values() for each in found.values()), strict=True)
    ]
    rows.append("| all | " + " | ".join(map(str, sums)) + " |")
    head = "| encoding | lists | read | held | read wrongly |\n| --- | --- | --- | --- | --- |"
    return "\n".join([head, *rows])
