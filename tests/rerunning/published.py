"""The payload of an archive, as `publish --archive` lays it out, of a run that never was."""

from __future__ import annotations

from typing import Any

from reprokit import files, lock_file
from reprokit.model import DataFile, ResultFile
from reprokit.phases import record as records
from tests.phases.test_record import inputs
from tests.rerunning.bags import hexadecimal

TEXTS = {
    "build/Dockerfile": b"FROM scratch\n",
    "build/app/analyse.py": b"print(1)\n",
    "build/vendor/a.whl": b"wheel",
    "inputs/data/b.csv": b"1,2\n",
    "results/table.csv": b"x\n1\n",
    "log.txt": b"1\n",
}


def payload(**changes: Any) -> dict[str, bytes]:
    """Files by their path. `changes` are other arguments of the record."""
    given = inputs()
    lock = lock_file.dumps(changes.get("lock", given["lock"]))
    record = records.compose(
        **{
            **given,
            "lock_digest": files.sha256_text(lock),
            "data": (data_file("data/b.csv", TEXTS["inputs/data/b.csv"]),),
            "results": (result("table.csv", TEXTS["results/table.csv"]),),
            **changes,
        }
    )
    return {
        **TEXTS,
        "record.json": records.canonical(record).encode(),
        "repro.lock": lock.encode(),
    }


def result(path: str, content: bytes) -> ResultFile:
    return ResultFile(path=path, size=len(content), sha256=f"sha256:{hexadecimal(content)}")


def data_file(path: str, content: bytes) -> DataFile:
    return DataFile(path=path, size=len(content), sha256=f"sha256:{hexadecimal(content)}")
