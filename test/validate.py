#!/usr/bin/env python3
"""Validate records against the JSON Schema.

    validate.py SCHEMA [FILE.ndjson]...      no file: standard input

Every line has to be one JSON object, without duplicate keys, that the schema's definition
for its `type` accepts.  Prints the first failure, says where it is, and exits 1.
Exit status 77, "skipped" to meson, when python3-jsonschema is missing.
"""
import json
import sys

try:
    from jsonschema import Draft202012Validator
except ImportError:
    print("python3-jsonschema is not installed")
    sys.exit(77)


class Refused(Exception):
    """What is wrong with a line, in one sentence."""


def unique(pairs):
    """An object, unless a key stands in it twice."""
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Refused("a key stands twice in one object")
    return made


def no_constant(name):
    raise Refused(f"{name} is not JSON")


def inlined(part, schema):
    """`part` with what its references point to in their place: looking them up takes most of the time."""
    if isinstance(part, list):
        return [inlined(item, schema) for item in part]
    if not isinstance(part, dict):
        return part
    made = {key: inlined(value, schema) for key, value in part.items() if key not in ("$ref", "description")}
    if "$ref" in part:
        target = schema
        for step in part["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        made.update(inlined(target, schema))
    return made


def validators(schema):
    """One validator for each type: faster than `oneOf`, and its complaints are about the right record."""
    Draft202012Validator.check_schema(schema)
    made = {}
    for choice in schema["oneOf"]:
        record = inlined(choice, schema)
        made[record["properties"]["type"]["const"]] = Draft202012Validator(record)
    return made


def check_strict(schema, where="#"):
    """Every object of the schema is closed, and every member described."""
    if isinstance(schema, list):
        for i, item in enumerate(schema):
            check_strict(item, f"{where}/{i}")
    if not isinstance(schema, dict):
        return
    if "properties" in schema and "type" in schema and isinstance(schema["type"], str):
        if schema.get("additionalProperties") is not False:
            raise Refused(f"{where} is open to other members")
        for name, member in schema["properties"].items():
            if "description" not in member and "$ref" not in member:
                raise Refused(f"{where}/properties/{name} has no description")
    for key, value in schema.items():
        check_strict(value, f"{where}/{key}")


def check(line, by_type):
    if not line.endswith("\n"):
        raise Refused("the line does not end")
    try:
        record = json.loads(line, object_pairs_hook=unique, parse_constant=no_constant)
    except ValueError as why:
        raise Refused(f"not JSON: {why}") from why
    if not isinstance(record, dict) or record.get("type") not in by_type:
        raise Refused("no record of a known type")
    error = next(by_type[record["type"]].iter_errors(record), None)
    if error is None:
        return
    path = ".".join(str(step) for step in error.absolute_path) or "the record"
    raise Refused(f"{record['type']}: {path}: {error.message}")


def main(argv):
    if len(argv) < 2:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    number, name, line = 0, argv[1], ""
    try:
        with open(argv[1], encoding="utf-8") as f:
            schema = json.load(f)
        check_strict(schema)
        by_type = validators(schema)
        for name in argv[2:] or ["-"]:
            with open(0 if name == "-" else name, encoding="utf-8", newline="\n") as f:
                for number, line in enumerate(f, 1):
                    check(line, by_type)
    except UnicodeDecodeError as why:
        print(f"{name}: after line {number}: {why}")
        return 1
    except Refused as why:
        print(f"{name}:{number}: {why}\n  {line.strip()[:2000]}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
