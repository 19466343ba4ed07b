"""The script that cuts GitHub's description down: what it closes, and what it leaves open."""

import unittest

from openapi_slice import convert, cut, least

DOCUMENT = {
    "paths": {
        "/things/{id}": {
            "get": {"responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/thing"}}}}}},
            "delete": {"responses": {"204": {}}},
        },
        "/others": {"get": {"responses": {}}},
    },
    "components": {
        "schemas": {
            "thing": {
                "type": "object",
                "required": ["id", "owner", "state"],
                "properties": {
                    "id": {"type": "integer", "example": 1},
                    "owner": {"nullable": True, "allOf": [{"$ref": "#/components/schemas/base"}]},
                    "state": {"type": "string", "enum": ["open", "closed"], "nullable": True},
                },
            },
            "base": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
            "unused": {"type": "string"},
        }
    },
}


class Slice(unittest.TestCase):
    def test_only_what_is_reached_is_kept(self):
        found = cut(DOCUMENT, ["GET /things/{id}", "DELETE /things/{id}"])
        self.assertEqual([one["method"] for one in found["operations"]], ["GET", "DELETE"])
        self.assertEqual(found["operations"][1]["answers"], {"204": None})
        self.assertEqual(set(found["$defs"]), {"thing", "thing--open", "base", "base--open"})

    def test_an_operation_that_is_not_there_is_an_error(self):
        with self.assertRaises(SystemExit):
            cut(DOCUMENT, ["POST /things/{id}"])

    def test_objects_are_closed_and_null_is_a_type(self):
        thing = cut(DOCUMENT, ["GET /things/{id}"])["$defs"]["thing"]
        self.assertIs(thing["unevaluatedProperties"], False)
        self.assertEqual(thing["properties"]["id"], {"type": "integer"})
        self.assertEqual(thing["properties"]["state"], {"type": ["string", "null"], "enum": ["open", "closed", None]})
        owner = thing["properties"]["owner"]["anyOf"]
        self.assertEqual(owner[1], {"type": "null"})
        # A part of a whole is open, and the whole is closed over it.
        self.assertEqual(owner[0]["allOf"], [{"$ref": "#/$defs/base--open"}])
        self.assertIs(owner[0]["unevaluatedProperties"], False)

    def test_maps_stay_open(self):
        self.assertEqual(
            convert({"type": "object", "additionalProperties": {"type": "string", "nullable": True}}, set()),
            {"type": "object", "additionalProperties": {"type": ["string", "null"]}},
        )

    def test_the_least_value_has_what_is_required(self):
        thing = DOCUMENT["components"]["schemas"]["thing"]
        self.assertEqual(least(DOCUMENT, thing), {"id": 0, "owner": None, "state": None})


if __name__ == "__main__":
    unittest.main()
