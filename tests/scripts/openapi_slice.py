"""Cuts GitHub's description of its interface down to some operations, as JSON Schema.

Usage: openapi_slice.py DESCRIPTION OPERATIONS OUT

OPERATIONS holds one `METHOD /path` a line. What comes out maps each to the schemas of its request body and of
its answers by status. Objects are closed on the way: a field that the description does not have is an error,
so that a model cannot invent one.
"""

import json
import sys

DROP = {"example", "examples", "description", "title", "discriminator", "deprecated", "externalDocs", "x-github",
        "x-multi-segment", "readOnly", "writeOnly", "xml", "nullable", "default"}
PREFIX = "#/components/schemas/"


def convert(schema, reached, whole=True):
    """Turns a schema of OpenAPI 3.0 into one of JSON Schema 2020-12."""
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(PREFIX)
        reached.add(name)
        return {"$ref": "#/$defs/" + name + ("" if whole else "~open")}
    out = {key: value for key, value in schema.items() if key not in DROP and not key.startswith("x-")}
    parts = [key for key in ("allOf", "anyOf", "oneOf") if key in out]
    has_fields = "properties" in out
    # What is a part of a whole stays open; the whole is closed over all of its parts.
    for key in parts:
        out[key] = [convert(part, reached, whole=whole and not has_fields and key != "allOf") for part in out[key]]
    if has_fields:
        out["properties"] = {name: convert(value, reached) for name, value in out["properties"].items()}
    if "items" in out:
        out["items"] = convert(out["items"], reached)
    if isinstance(out.get("additionalProperties"), dict):
        out["additionalProperties"] = convert(out["additionalProperties"], reached)
    if whole and "additionalProperties" not in out and (has_fields or "allOf" in out):
        out["unevaluatedProperties"] = False
    if schema.get("nullable"):
        if isinstance(out.get("type"), str):
            out["type"] = [out["type"], "null"]
            if "enum" in out and None not in out["enum"]:
                out["enum"] = out["enum"] + [None]
        elif out:
            out = {"anyOf": [out, {"type": "null"}]}
    if out.get("oneOf") is not None:
        # The description's alternatives overlap; any of them will do.
        out["anyOf"] = out.pop("oneOf")
    return out


def resolve(document, thing):
    """Follows references of anything but schemas."""
    while "$ref" in thing:
        found = document
        for part in thing["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        thing = found
    return thing


def body(document, thing, reached):
    """The schema of a body in JSON, or None where there is no such body."""
    content = resolve(document, thing).get("content", {})
    media = content.get("application/json") or content.get("application/scim+json")
    return convert(media["schema"], reached) if media and "schema" in media else None


def cut(document, operations):
    """Returns the slice."""
    reached, out = set(), []
    for line in operations:
        method, path = line.split()
        operation = document["paths"].get(path, {}).get(method.lower())
        if operation is None:
            raise SystemExit(f"the description has no operation {line}")
        answers = {status: body(document, answer, reached) for status, answer in operation["responses"].items()}
        request = body(document, operation["requestBody"], reached) if "requestBody" in operation else None
        out.append({"method": method, "path": path, "request": request, "answers": answers})
    definitions, waiting = {}, sorted(reached)
    while waiting:
        name = waiting.pop()
        more = set()
        schema = document["components"]["schemas"][name]
        definitions[name] = convert(schema, more)
        definitions[name + "~open"] = convert(schema, more, whole=False)
        waiting += [new for new in more if new not in definitions and new not in waiting]
    return {"operations": out, "$defs": definitions}


def main():
    """Reads, cuts, writes."""
    description, operations, out = sys.argv[1:]
    with open(description, encoding="utf-8") as file:
        document = json.load(file)
    with open(operations, encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    with open(out, "w", encoding="utf-8") as file:
        json.dump(cut(document, lines), file, separators=(",", ":"), sort_keys=True)


if __name__ == "__main__":
    main()
