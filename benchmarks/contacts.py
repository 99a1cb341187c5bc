"""Generate the file of the benchmarks: `python -m benchmarks.contacts FILE --rows 1000000`.

UTF-8, `;`, LF, ten columns, about 115 bytes per row: accents, some quoted cells (a few with
separators and quotes), one row in a hundred with a fault. Equal seeds give equal files. Memory
does not grow with the number of rows.
"""

import argparse
from pathlib import Path

import polars as pl

COLUMNS = (
    "email", "nome", "cognome", "cellulare", "nascita", "citta", "provincia", "tessera", "punti",
    "canale",
)  # fmt: skip
FIELDS = {"nome": 1, "cognome": 2, "nascita": 5, "citta": 6, "provincia": 7, "tessera": 8,
          "punti": 9, "canale": 10}  # fmt: skip
"""Dynamic fields of the mapping, by column; `email` and `cellulare` are the keys."""

BATCH_ROWS = 5000
"""Recipients of one import call, for all contenders."""
BLOCK_ROWS = 250_000
BAD_EVERY = 100
QUOTED_EVERY = 20

NAMES = ("Anna", "Niccolò", "Giulia", "Luca", "Maria José", "Noè", "Zoë", "Matteo", "Desirée")
SURNAMES = ("Rossi", "D’Angelo", "De Luca", "Marà", "Conti", "Di Nicolò", "Müller", "Esposito")
CITIES = ("Milano", "Forlì", "Roma", "Cantù", "L’Aquila", "Sant’Agata dè Goti", "Torino")
PROVINCES = ("MI", "FC", "RM", "CO", "AQ", "BN", "TO")
CHANNELS = ("negozio", "web", "app", "telefono", "fiera")
SPECIAL_CITIES = ('"Reggio; Emilia"', '"Città ""Alta"""', '"San Giovanni"')
FAULTS = ("@@", "", " ", "@.")
"""Written in place of the @ of an address, in rows with a fault."""


def write_contacts(path: Path, rows: int, seed: int = 7) -> int:
    """Write `rows` rows to `path`; returns how many have a fault."""
    with path.open("wb") as file:
        file.write((";".join(COLUMNS) + "\n").encode())
        for first in range(0, rows, BLOCK_ROWS):
            numbers = pl.int_range(first, min(first + BLOCK_ROWS, rows), eager=True).alias("n")
            lines = numbers.to_frame().select(pl.concat_str(_cells(seed), separator=";"))
            file.write((lines.to_series().str.join("\n").item() + "\n").encode())
    return len(range(0, rows, BAD_EVERY))


def _cells(seed: int) -> list[pl.Expr]:
    number = pl.col("n")
    mixed = number.hash(seed)
    padded = number.cast(pl.String).str.zfill(8)
    bad, quoted = number % BAD_EVERY == 0, number % QUOTED_EVERY == 3
    birth = pl.date(1950 + mixed % 55, 1 + mixed // 64 % 12, 1 + mixed // 1024 % 28)
    at = pl.when(bad).then(_one_of(FAULTS, number // BAD_EVERY)).otherwise(pl.lit("@"))
    city = (
        pl.when(quoted)
        .then(_one_of(SPECIAL_CITIES, mixed))
        .otherwise(_one_of(CITIES, mixed // 256))
    )
    return [
        pl.concat_str(
            pl.lit("cliente."), padded, pl.lit("."), (mixed % 997).cast(pl.String), at,
            pl.lit("posta-di-esempio.it"),
        ),
        _one_of(NAMES, mixed),
        _one_of(SURNAMES, mixed // 16),
        pl.concat_str(pl.lit("3"), (200_000_000 + number).cast(pl.String)),
        birth.dt.strftime("%d/%m/%Y"),
        city,
        _one_of(PROVINCES, mixed // 256),
        pl.concat_str(pl.lit("IT-C"), padded),
        (mixed % 10_000).cast(pl.String),
        _one_of(CHANNELS, mixed // 4096),
    ]  # fmt: skip


def _one_of(values: tuple[str, ...], chosen: pl.Expr) -> pl.Expr:
    return pl.lit(pl.Series(values)).gather(chosen % len(values))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m benchmarks.contacts")
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=7)
    chosen = parser.parse_args()
    print(write_contacts(chosen.file, chosen.rows, chosen.seed), "rows with a fault")


if __name__ == "__main__":
    main()
