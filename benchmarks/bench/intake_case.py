"""One file into the ledger, as the asset `upload_items` does it. Arguments: the file, its edition."""

import sys
from pathlib import Path
from typing import NoReturn

from benchmarks.bench.place import Meter, resident_mb, say, since_the_interpreter_started
from themaads_pipeline.intake.folder import fingerprint_file
from themaads_pipeline.ledger.ledger import Ledger
from themaads_pipeline.push.reading import read_upload
from themaads_pipeline.settings import settings
from themaads_pipeline.themes.catalogue import load_catalogue
from themaads_pipeline_tests.moment import NOW


def _no_gateway() -> NoReturn:
    raise SystemExit("the file names ad groups by name: this case has no accounts")


def main(file: Path, edition: str) -> None:
    """Read it."""
    imports_s = since_the_interpreter_started()
    chosen = settings()
    assert chosen.database_url is not None
    with Ledger(chosen.database_url, chosen) as ledger:
        hashing = Meter()
        content_sha256 = fingerprint_file(file)
        hash_s = hashing.read()["wall_s"]
        upload, _ = ledger.uploads.register(
            key=f"{edition}@{content_sha256[:8]}",
            file_path=str(file),
            file_name=file.name,
            content_sha256=content_sha256,
            edition=edition,
        )
        owner = ledger.uploads.take(
            upload.number, run_id="intake", stage="reading", is_active=lambda _: False
        )
        before_mb = resident_mb()
        meter = Meter()
        selected = read_upload(
            upload,
            owner,
            ledger=ledger,
            catalogue=load_catalogue(None),
            today=NOW.date(),
            gateway=_no_gateway,
        )
        figures = meter.read()
        ledger.uploads.end(owner, how="finished")
        assert selected is not None
    say(
        {
            "upload": upload.number,
            "rows": selected.rows,
            "rejected": selected.rejected,
            "imports_s": imports_s,
            "hash_s": hash_s,
            **figures,
            "before_mb": before_mb,
            "after_mb": resident_mb(),
        }
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
