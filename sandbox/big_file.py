"""Generate a file of any size for benchmarks, with about 100 bytes per row.

UTF-8, `;`, LF, header `email;nome;cognome;cellulare;data_nascita;citta;consenso;idcliente`. One row
in a hundred has a malformed e-mail address. Memory does not grow with the number of rows.
"""

from pathlib import Path

import polars as pl

from sandbox.examples import CITIES, HEADER, NAMES, SURNAMES

BLOCK_ROWS = 500_000
BAD_EVERY = 100


def write_big(path: Path, rows: int, seed: int = 7) -> int:
    """Write `rows` rows to `path`; returns how many are bad. Equal seeds give equal files."""
    with path.open("wb") as file:
        file.write(f"{HEADER};idcliente\n".encode())
        for first in range(0, rows, BLOCK_ROWS):
            numbers = pl.int_range(first, min(first + BLOCK_ROWS, rows), eager=True).alias("n")
            block = pl.DataFrame(numbers).select(_columns(seed))
            block.write_csv(file, separator=";", include_header=False)
    return len(range(0, rows, BAD_EVERY))


def _columns(seed: int) -> list[pl.Expr]:
    number = pl.col("n")
    mixed = number.hash(seed)
    padded = number.cast(pl.String).str.zfill(8)
    at = pl.when(number % BAD_EVERY == 0).then(pl.lit("@@")).otherwise(pl.lit("@"))
    birth = pl.date(1950 + mixed % 55, 1 + mixed // 64 % 12, 1 + mixed // 1024 % 28)
    return [
        pl.concat_str(
            pl.lit("cliente."), padded, pl.lit("."), (mixed % 997).cast(pl.String), at,
            pl.lit("posta-di-esempio.it"),
        ).alias("email"),
        _one_of(NAMES, mixed).alias("nome"),
        _one_of(SURNAMES, mixed // 16).alias("cognome"),
        pl.concat_str(pl.lit("3"), (200_000_000 + number).cast(pl.String)).alias("cellulare"),
        birth.dt.strftime("%d/%m/%Y").alias("data_nascita"),
        _one_of(CITIES, mixed // 256).alias("citta"),
        pl.lit("1").alias("consenso"),
        pl.concat_str(pl.lit("IT-C"), padded).alias("idcliente"),
    ]  # fmt: skip


def _one_of(values: tuple[str, ...], chosen: pl.Expr) -> pl.Expr:
    return pl.lit(pl.Series(values)).gather(chosen % len(values))
