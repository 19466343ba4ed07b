"""Cuts GitHub's description of its interface down to some operations, as JSON Schema.

Usage: openapi_slice.py DESCRIPTION OPERATIONS OUT [SKELETONS]

OPERATIONS holds one `METHOD /path` a line. What comes out maps each to the schemas of its request body and of
its answers by status. Objects are closed on the way: a field that the description does not have is an error,
so that a model cannot invent one. SKELETONS becomes the least that each schema named below lets stand: what
the forge model fills with its own values.
"""

import json
import sys

DROP = {"example", "examples", "description", "title", "discriminator", "deprecated", "externalDocs", "x-github",
        "x-multi-segment", "readOnly", "writeOnly", "xml", "nullable", "default"}
PREFIX = "#/components/schemas/"
# What GitHub answers and its description forgets.
FORGOTTEN = {"environment": {"can_admins_bypass": {"type": "boolean"}}}
# What is null in answers, though the description says never: the head of a fork that is gone.
NULLS = [("pull-request", "head", "repo"), ("pull-request-simple", "head", "repo")]
# What the forge model makes.
MADE = ["actions-secret", "artifact", "branch-protection", "check-run", "commit", "deployment", "deployment-status",
        "diff-entry", "environment", "full-repository", "git-ref", "installation", "installation-token",
        "integration", "issue", "issue-comment", "minimal-repository", "pending-deployment", "pull-request",
        "pull-request-review", "pull-request-simple", "public-user", "reaction", "repository-collaborator-permission",
        "repository-ruleset", "simple-user", "team", "team-full", "workflow-run"]


def convert(schema, reached, whole=True):
    """Turns a schema of OpenAPI 3.0 into one of JSON Schema 2020-12."""
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(PREFIX)
        reached.add(name)
        return {"$ref": "#/$defs/" + name + ("" if whole else "--open")}
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


def least(document, schema, depth=0):
    """Returns the least value that a schema lets stand."""
    schema = resolve(document, schema)
    if schema.get("nullable") and depth:
        return None
    if "enum" in schema:
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf"):
        if choice in schema and "properties" not in schema:
            return least(document, schema[choice][0], depth)
    if "allOf" in schema:
        out = {}
        for part in schema["allOf"]:
            out.update(least(document, part, depth) or {})
        return out
    if "properties" in schema or schema.get("type") == "object":
        fields = schema.get("properties", {})
        return {name: least(document, fields[name], depth + 1) for name in schema.get("required", []) if name in fields}
    if schema.get("type") == "array":
        return []
    if schema.get("type") == "integer" or schema.get("type") == "number":
        return 0
    if schema.get("type") == "boolean":
        return False
    return {"date-time": "2030-01-01T12:00:00Z", "uri": "https://example.com"}.get(schema.get("format"), "")


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
        definitions[name + "--open"] = convert(schema, more, whole=False)
        waiting += [new for new in more if new not in definitions and new not in waiting]
    return {"operations": out, "$defs": definitions}


def main():
    """Reads, cuts, writes."""
    description, operations, out, *skeletons = sys.argv[1:]
    with open(description, encoding="utf-8") as file:
        document = json.load(file)
    schemas = document["components"]["schemas"]
    for name, fields in FORGOTTEN.items():
        for field, schema in fields.items():
            schemas[name]["properties"].setdefault(field, schema)
    for name, *path in NULLS:
        schema = schemas[name]
        for part in path[:-1]:
            schema = schema["properties"][part]
        schema["properties"][path[-1]] = {"allOf": [schema["properties"][path[-1]]], "nullable": True}
    with open(operations, encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    with open(out, "w", encoding="utf-8") as file:
        json.dump(cut(document, lines), file, separators=(",", ":"), sort_keys=True)
    for path in skeletons:
        with open(path, "w", encoding="utf-8") as file:
            made = {name: least(document, schemas[name]) for name in MADE}
            file.write("{\n" + ",\n".join(f"{json.dumps(name)}: {json.dumps(made[name], sort_keys=True)}" for name in MADE) + "\n}\n")


if __name__ == "__main__":
    main()
