"""Writes genocc/zoo/*.json and tests/golden/zoo_counts.json anew: ``python -m tests.regenerate_zoo``.

Source is genotypes.json of the sample data: the published texts are imported, and the exact counts, which come from
the reference programs, become the goldens. A genotype is called as its method, in lower case with dashes. Where two
sources use one name for different cells, the one that is not the method's own is called after its owner as well.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from genocc import Genotype
from genocc.errors import FormatError
from genocc.files import write_atomically
from genocc.formats import dialect
from tests import sample_data

ZOO = sample_data.ROOT / "genocc" / "zoo"
COUNTS = Path(__file__).parent / "golden" / "zoo_counts.json"

REMARKS = {
    "ISTA_onestage": "Its program has BN after pools and skips, which genocc's nets do not have.",
    "FairDARTS_a": "The published parameters include the auxiliary head.",
    "GDAS_V1_weighted": "The cells of gdas-v1, with the weights that the search gave them.",
}
"""What a reader should know that neither the text nor the figures say."""


def main() -> None:
    """Replaces all entries of the zoo."""
    found: dict[str, Genotype] = {}
    counts = {}
    for name, entry in sample_data.genotypes().items():
        try:
            genotype = imported(name, entry)
        except FormatError as error:
            print(f"left out: {error}")
            continue
        if genotype.name in found:
            raise SystemExit(f"two genotypes are called {genotype.name}; call one after its owner as well")
        found[genotype.name] = genotype
        if "exact" in entry:
            counts[genotype.name] = entry["exact"]
    for name, genotype in found.items():
        genotype.save(ZOO / f"{name}.json")
    for path in ZOO.glob("*.json"):
        if path.stem not in found:
            path.unlink()
    COUNTS.parent.mkdir(exist_ok=True)
    write_atomically(COUNTS, json.dumps(counts, indent=1) + "\n")
    print(f"wrote {len(found)} genotypes and the exact counts of {len(counts)}")


def imported(name: str, entry: dict[str, Any]) -> Genotype:
    """Returns the zoo's genotype of an entry; raises FormatError where its text has no counterpart."""
    genotype = dialect(entry["dialect"]).read(entry["text"], where=name).genotype
    metadata = {"source": entry["source"], **genotype.metadata, "published": entry["published"]}
    if name in REMARKS:
        metadata["remark"] = REMARKS[name]
    return Genotype(name=name.lower().replace("_", "-"), cells=genotype.cells, metadata=metadata)


if __name__ == "__main__":
    main()
