"""Upload files of any size, without an emulator: the columns of its own, accounts of unequal size, names as
people write them, and, where asked for, rows that cannot be used or that say what another one said.

    python -m benchmarks.bench.upload_files big.csv --rows 1000000
    python -m benchmarks.bench.upload_files big.xlsx --rows 1048575 --shared-strings --numbers
"""

import csv
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape

import click

COLUMNS = ("customer_id", "ad_group_id", "ad_group_name", "campaign_id", "campaign_name")
_IDS = frozenset({0, 1, 3})

Row = Sequence[str]

_PRODUCTS = (
    "Hardloopschoenen", "Sneakers", "Winterjassen", "Koffiemachines", "Crème brûlée-sets", "Tables à café",
    "Kinderfietsen 24\"", "Möbel & Küche", "Čajové konvice", "Zonnebrillen", "Laptops", "50% SALE Matrassen",
)  # fmt: skip
_QUALITIES = ("Heren", "Dames, groot", "Kinder", "Luxe", "L'Oréal", "Blauwe", '"Nieuwe"', "Goedkope | snelle")
_CAMPAIGN_SIZE = 200
_CUSTOMERS_FROM = 2_000_000_001
_AD_GROUPS_FROM = 150_000_000_000
_CAMPAIGNS_FROM = 20_000_000_000


def rows_of(
    count: int,
    *,
    accounts: int = 30,
    rejected: float = 0.0,
    duplicates: float = 0.0,
    shuffled: bool = False,
    seed: int = 1,
) -> list[Row]:
    """The rows below the header, account by account unless `shuffled`; the same for the same figures.

    Args:
        count: How many.
        accounts: The first is `accounts` times as large as the last.
        rejected: The share of rows that cannot be used, for reasons of every kind.
        duplicates: The share of rows that select what another row selects.
        shuffled: In no order.
        seed: Of what is drawn by lot.
    """
    random = Random(seed)
    weights = [1 / number for number in range(1, accounts + 1)]
    sizes = [int(count * weight / sum(weights)) for weight in weights]
    sizes[0] += count - sum(sizes)
    rows: list[Row] = []
    for number, size in enumerate(sizes):
        first = len(rows)
        for at in range(size):
            lot = random.random()
            if at and lot < duplicates:
                rows.append(rows[random.randrange(first, len(rows))])
                continue
            row = _row(number, at, serial=len(rows))
            rows.append(_spoiled(row, random) if lot > 1 - rejected else row)
    if shuffled:
        random.shuffle(rows)
    return rows


def _row(account: int, at: int, *, serial: int) -> Row:
    campaign = at // _CAMPAIGN_SIZE
    quality = _QUALITIES[serial // len(_PRODUCTS) % len(_QUALITIES)]
    return (
        str(_CUSTOMERS_FROM + account),
        str(_AD_GROUPS_FROM + serial),
        f"{quality} {_PRODUCTS[serial % len(_PRODUCTS)]} {serial}",
        str(_CAMPAIGNS_FROM + campaign * 1000 + account),
        f"Zoeken {campaign + 1}",
    )


def _spoiled(row: Row, random: Random) -> Row:
    """As people and spreadsheets spoil rows."""
    customer_id, ad_group_id, name, campaign_id, campaign_name = row
    return random.choice(
        (
            ("", ad_group_id, name, campaign_id, campaign_name),
            (customer_id[:-1], ad_group_id, name, campaign_id, campaign_name),
            ("2E+09", ad_group_id, name, campaign_id, campaign_name),
            (customer_id, "1,76256E+11", "", campaign_id, campaign_name),
            (customer_id, "ad group", name, campaign_id, campaign_name),
            (customer_id, "", "", campaign_id, campaign_name),
            (customer_id, "", "#N/B", campaign_id, campaign_name),
        )
    )


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """UTF-8, with quotes where a name needs them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def write_xlsx(
    path: Path, rows: Iterable[Row], *, shared_strings: bool = False, numbers: bool = False
) -> None:
    """A workbook of one sheet, as XML: openpyxl takes a minute for a million rows, this eight seconds.

    Args:
        path: Where.
        rows: Below the header.
        shared_strings: Texts in a table of their own, as Excel writes them, or in the cells.
        numbers: Ids as numbers, or as texts.
    """
    known: dict[str, int] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in _PARTS.items():
            archive.writestr(name, content)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'{_XML}<worksheet xmlns="{_MAIN}"><sheetData>'.encode())
            for piece in _sheet_rows(rows, known if shared_strings else None, numbers=numbers):
                sheet.write(piece)
            sheet.write(b"</sheetData></worksheet>")
        with archive.open("xl/sharedStrings.xml", "w", force_zip64=True) as strings:
            strings.write(f'{_XML}<sst xmlns="{_MAIN}" uniqueCount="{len(known)}">'.encode())
            for text in known:
                strings.write(f"<si><t>{escape(text)}</t></si>".encode())
            strings.write(b"</sst>")


def _sheet_rows(rows: Iterable[Row], known: dict[str, int] | None, *, numbers: bool) -> Iterator[bytes]:
    pieces: list[str] = []
    for number, row in enumerate(chain([COLUMNS], rows), start=1):
        pieces.append(f'<row r="{number}">')
        for at, text in enumerate(row):
            if not text:
                continue
            cell = f"{'ABCDE'[at]}{number}"
            if numbers and at in _IDS and text.isdecimal():
                pieces.append(f'<c r="{cell}"><v>{text}</v></c>')
            elif known is None:
                pieces.append(f'<c r="{cell}" t="inlineStr"><is><t>{escape(text)}</t></is></c>')
            else:
                pieces.append(f'<c r="{cell}" t="s"><v>{known.setdefault(text, len(known))}</v></c>')
        pieces.append("</row>")
        if number % 1_000 == 0:
            yield "".join(pieces).encode()
            pieces.clear()
    yield "".join(pieces).encode()


_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS = {
    "[Content_Types].xml": (
        f'{_XML}<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{_TYPE}.sharedStrings+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'{_XML}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}">'
        '<sheets><sheet name="Ad groups" sheetId="1" r:id="rId1"/></sheets></workbook>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'{_XML}<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{_OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    ),
}


@click.command(help=__doc__)
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--rows", default=1_000_000, show_default=True, help="XLSX holds 1,048,575 and the header.")
@click.option("--accounts", default=30, show_default=True)
@click.option("--rejected", default=0.0, help="The share of rows that cannot be used.")
@click.option("--duplicates", default=0.0, help="The share of rows that say what another one said.")
@click.option("--shuffled", is_flag=True, help="In no order, not account by account.")
@click.option("--shared-strings", is_flag=True, help="XLSX: texts in a table of their own, as Excel does.")
@click.option("--numbers", is_flag=True, help="XLSX: ids as numbers, not as texts.")
def main(  # noqa: PLR0917 - click calls it by name
    path: Path,
    rows: int,
    accounts: int,
    rejected: float,
    duplicates: float,
    shuffled: bool,
    shared_strings: bool,
    numbers: bool,
) -> None:
    """Write one file."""
    made = rows_of(rows, accounts=accounts, rejected=rejected, duplicates=duplicates, shuffled=shuffled)
    if path.suffix == ".xlsx":
        write_xlsx(path, made, shared_strings=shared_strings, numbers=numbers)
    else:
        write_csv(path, made)


if __name__ == "__main__":
    main()
