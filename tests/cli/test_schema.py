"""``genocc schema``."""

from __future__ import annotations

import json

from jsonschema import Draft202012Validator

from genocc import Genotype
from tests.cli.commands import run


def test_the_schema_takes_genotypes_and_no_unknown_fields(darts_v2: Genotype) -> None:
    schema = json.loads(run("schema").output)
    Draft202012Validator.check_schema(schema)
    document = json.loads(darts_v2.dumps())
    assert not list(Draft202012Validator(schema).iter_errors(document))
    document["cells"]["normal"]["nodes"][0][0]["kernel"] = 3
    assert list(Draft202012Validator(schema).iter_errors(document))
    assert schema["$defs"]["Edge"]["additionalProperties"] is False
