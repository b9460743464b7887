"""Keeps texts under keys."""
import json
import unittest
from urllib.parse import quote

import requests

from client import main, url

TEXTS = ["", "plain", 'quotes " \\ / \b\f\n\r\t\0\x1f\x7f', "é€🏔\u2028", "🏔" * 100_000, "x" * (9 << 20) + "é", "\\" * 100_000]


def store(key, value, **others):
    return requests.post(url("/store"), json={"key": key, "value": value, **others})


def retrieve(key):
    return requests.get(url("/retrieve/" + quote(key, safe="")))


class KeyValue(unittest.TestCase):
    def test_texts_come_back(self):
        for number, text in enumerate(TEXTS):
            for body in [json.dumps({"key": "text", "value": text}), json.dumps({"value": text, "key": "text"}, ensure_ascii=False)]:
                answer = requests.post(url("/store"), data=body.encode(), headers={"Content-Type": "application/json"})
                self.assertEqual((answer.status_code, answer.json()), (200, {"status": "saved", "key": "text"}), number)
                answer = retrieve("text")
                self.assertEqual((answer.status_code, answer.json()["key"]), (200, "text"))
                self.assertEqual(int(answer.headers["Content-Length"]), len(answer.content))
                self.assertTrue(answer.json()["value"] == text, number)
                self.assertTrue(requests.get(url("/blob/text")).content == text.encode(), number)

    def test_keys_hold_any_characters(self):
        keys = ["/", "a/b//c/", "a?b=c&d#e", "100%", "%2F", "ü 🏔", "\u0301combining", '"\\', "\n\r\t\x01", "a+b c", "x" * 1024, "status", "../x", "*[a]{b}"]
        for key in keys:
            self.assertEqual(store(key, "of " + key).json(), {"status": "saved", "key": key})
        for key in keys:
            self.assertEqual(retrieve(key).json(), {"key": key, "value": "of " + key})

    def test_what_is_not_there_is_null(self):
        answer = retrieve("nothing")
        self.assertEqual((answer.status_code, answer.json()), (200, {"key": "nothing", "value": None}))

    def test_bad_bodies_are_refused_with_a_reason(self):
        for body in [
            "", "null", "[]", '"x"', "{", '{"key": "bad"}', '{"value": "x"}', '{"key": "", "value": "x"}',
            '{"key": 5, "value": "x"}', '{"key": "bad", "value": 5}', '{"key": "bad", "value": null}',
            '{"key": "bad", "value": {"a": "b"}}', '{"key": "bad", "value": "x"', '{"key": "bad", "value": "x"}}',
            '{"key": "bad", "value": "x", }', "{'key': 'bad', 'value': 'x'}", '{"key": "bad", "value": "\n"}',
            '{"key": "bad", "value": "\\ud800"}', '{"key": "bad", "value": "x", "n": 01}',
            '{"key": "bad", "value": "x", "value": "y"}', '{"key": "bad", "value": "x", "filename": 5}',
            '{"key": "nul\\u0000", "value": "x"}', '{"key": "' + "x" * 1025 + '", "value": "x"}',
            b'{"key": "bad", "value": "\xff"}', b'{"key": "bad", "value": "\xc3"}', b'{"key": "\xff", "value": "x"}',
        ]:
            answer = requests.post(url("/store"), data=body)
            self.assertEqual((answer.status_code, list(answer.json())), (400, ["detail"]), body)
        self.assertIsNone(retrieve("bad").json()["value"])
        answer = requests.get(url("/retrieve/"))
        self.assertEqual((answer.status_code, list(answer.json())), (400, ["detail"]))

    def test_the_name_of_the_file_is_kept(self):
        for given, kept in [
            ({"filename": "notes", "extension": ".txt"}, "notes.txt"), ({"filename": "notes", "extension": "txt"}, "notes.txt"),
            ({"filename": "notes.txt", "extension": ".txt"}, "notes.txt"), ({"filename": "notes", "extension": None}, "notes"),
        ]:
            self.assertEqual(store("named", "x", **given).status_code, 200)
            self.assertEqual(retrieve("named").json(), {"key": "named", "filename": kept, "value": "x"})
            self.assertIn(f'filename="{kept}"', requests.get(url("/blob/named")).headers["Content-Disposition"])

    def test_a_key_is_overwritten_unless_the_query_says_otherwise(self):
        store("taken", "first")
        store("taken", "second")
        self.assertEqual(retrieve("taken").json()["value"], "second")
        answer = requests.post(url("/store?on_conflict=reject"), json={"key": "taken", "value": "third"})
        self.assertEqual((answer.status_code, list(answer.json())), (409, ["detail"]))
        answer = requests.post(url("/store?on_conflict=rename"), json={"key": "taken", "value": "fourth"})
        self.assertRegex(answer.json()["key"], r"^taken_[0-9a-z]{5}$")
        self.assertEqual(retrieve(answer.json()["key"]).json()["value"], "fourth")
        self.assertEqual(retrieve("taken").json()["value"], "second")


main()
