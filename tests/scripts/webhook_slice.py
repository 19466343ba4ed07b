"""Cuts the public description of GitHub's events down to those that we read, as JSON Schema.

Usage: webhook_slice.py DESCRIPTION OUT SKELETONS

SKELETONS becomes the least event of each kind that the description lets stand: what the forge model fills with
its own values. Objects that the description closes stay closed, so that a model cannot invent a field.
"""

import json
import sys

PREFIX = "#/definitions/"
# What the workflows listen to.
EVENTS = ["issue_comment$created", "pull_request$opened", "pull_request$reopened", "pull_request$synchronize",
          "workflow_dispatch$event"]
FORMATS = {"date-time": "2030-01-01T12:00:00Z", "uri": "https://example.com", "uri-template": "https://example.com",
           "email": "somebody@example.com"}


def references(schema):
    """Yields the names of everything that a schema refers to."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"].removeprefix(PREFIX)
        schema = list(schema.values())
    if isinstance(schema, list):
        for part in schema:
            yield from references(part)


def cut(definitions):
    """Returns the events, and what they refer to."""
    kept, waiting = {}, list(EVENTS)
    while waiting:
        name = waiting.pop()
        if name not in kept:
            kept[name] = definitions[name]
            waiting += references(kept[name])
    return kept


def kinds(schema):
    """Returns the types that a schema lets stand."""
    found = schema.get("type", [])
    return [found] if isinstance(found, str) else found


def least(definitions, schema):
    """Returns the least value that a schema lets stand."""
    if "$ref" in schema:
        return least(definitions, definitions[schema["$ref"].removeprefix(PREFIX)])
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "null" in kinds(schema):
        return None
    if "allOf" in schema:
        out = {}
        for part in schema["allOf"]:
            out.update(least(definitions, part))
        return out
    for choice in ("oneOf", "anyOf"):
        if choice in schema:
            values = [least(definitions, part) for part in schema[choice]]
            return None if None in values else values[0]
    if "object" in kinds(schema) or "properties" in schema:
        fields = schema.get("properties", {})
        return {name: least(definitions, fields[name]) for name in schema.get("required", []) if name in fields}
    if "array" in kinds(schema):
        return []
    if "integer" in kinds(schema) or "number" in kinds(schema):
        return 0
    if "boolean" in kinds(schema):
        return False
    return FORMATS.get(schema.get("format"), "")


def main():
    """Reads, cuts, writes."""
    description, out, skeletons = sys.argv[1:]
    with open(description, encoding="utf-8") as file:
        definitions = json.load(file)["definitions"]
    with open(out, "w", encoding="utf-8") as file:
        json.dump({"definitions": cut(definitions)}, file, separators=(",", ":"), sort_keys=True)
    made = [f"{json.dumps(name)}: {json.dumps(least(definitions, definitions[name]), sort_keys=True)}" for name in EVENTS]
    with open(skeletons, "w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(made) + "\n}\n")


if __name__ == "__main__":
    main()
