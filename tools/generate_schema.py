"""Writes targets/schema/*.json, the JSON Schemas editors complete and check target files with; --check only compares."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from hwcost.shipped import targets_folder
from hwcost.target import Board, Core, Device, Functions, Latency, Runtime
from hwcost.target.read import adapter

NOUNS = {"device": Device, "board": Board, "core": Core, "runtime": Runtime, "latency": Latency, "functions": Functions}


def schema(name: str) -> str:
    """The schema of one sort of file as it is stored."""
    body: dict[str, Any] = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"hwcost/{name}.json"}
    body |= adapter(NOUNS[name]).json_schema()
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


def path_of(name: str) -> Path:
    return targets_folder() / "schema" / f"{name}.json"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a stored schema is out of date")
    stale = [name for name in NOUNS if not path_of(name).is_file() or path_of(name).read_text(encoding="utf-8") != schema(name)]
    if parser.parse_args().check:
        print("\n".join(f"{path_of(name)} is out of date: run tools/generate_schema.py" for name in stale), file=sys.stderr)
        return int(bool(stale))
    for name in stale:
        path_of(name).parent.mkdir(parents=True, exist_ok=True)
        path_of(name).write_text(schema(name), encoding="utf-8")
        print(f"wrote {path_of(name)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
