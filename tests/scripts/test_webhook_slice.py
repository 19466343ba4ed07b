"""The script that cuts the description of GitHub's events down: what it keeps, and what it makes of it."""

import unittest

import webhook_slice
from webhook_slice import cut, least

DEFINITIONS = {
    "issue_comment$created": {
        "type": "object",
        "required": ["action", "comment"],
        "properties": {"action": {"enum": ["created"]}, "comment": {"allOf": [{"$ref": "#/definitions/comment"}]}},
    },
    "comment": {
        "type": "object",
        "required": ["id", "user", "tags", "at"],
        "properties": {
            "id": {"type": "integer"},
            "user": {"oneOf": [{"$ref": "#/definitions/user"}, {"type": "null"}]},
            "tags": {"type": "array"},
            "at": {"type": "string", "format": "date-time"},
            "more": {"type": "string"},
        },
    },
    "user": {"type": "object", "required": ["login"], "properties": {"login": {"type": "string"}}},
    "unused": {"type": "string"},
    **{name: {"type": "object"} for name in webhook_slice.EVENTS if name != "issue_comment$created"},
}


class Slice(unittest.TestCase):
    def test_only_what_is_reached_is_kept(self):
        self.assertEqual(set(cut(DEFINITIONS)), set(webhook_slice.EVENTS) | {"comment", "user"})

    def test_the_least_event_has_what_is_required_and_no_more(self):
        self.assertEqual(least(DEFINITIONS, DEFINITIONS["issue_comment$created"]),
                         {"action": "created", "comment": {"id": 0, "user": None, "tags": [], "at": "2030-01-01T12:00:00Z"}})

    def test_an_event_that_is_gone_is_an_error(self):
        with self.assertRaises(KeyError):
            cut({name: schema for name, schema in DEFINITIONS.items() if name != "user"})


if __name__ == "__main__":
    unittest.main()
