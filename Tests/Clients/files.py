"""Keeps files that travel as base64."""
import base64
import os
import unittest
from urllib.parse import quote

import requests

from client import main, url


def text(data):
    return base64.b64encode(data).decode()


def bodies(name, data):
    """Every kind of body that says the same, the fields in either order."""
    encoded = text(data)
    return {
        "form": {"data": {"filename": name, "file": encoded}},
        "form, file first": {"data": [("file", encoded), ("filename", name), ("other", "x")]},
        "json": {"json": {"filename": name, "file": encoded}},
        "json, file first": {"json": {"other": [1, {"file": 2}], "file": encoded, "filename": name, "last": None}},
        "multipart": {"files": {"filename": (None, name), "file": (None, encoded)}},
        "multipart, file first": {"files": {"file": ("f.b64", encoded), "filename": (None, name)}},
    }


def post(name, data, **parameters):
    return requests.post(url("/file"), params=parameters, json={"filename": name, "file": text(data)})


def get(name):
    return requests.get(url("/file/" + quote(name, safe="")))


class Files(unittest.TestCase):
    def expect_error(self, answer, status, code, data):
        self.assertEqual(answer.status_code, status, answer.text)
        self.assertEqual((answer.json()["errorCode"], answer.json()["data"]), (code, data))

    def test_every_kind_of_body_stores_the_bytes(self):
        for size in [0, 1, 2, 3, 1000, (1 << 20) + 1]:
            data = os.urandom(size)
            for kind, body in bodies(f"+ ü 🏔 {size}/a b", data).items():
                name = f"+ ü 🏔 {size}/a b"
                answer = requests.post(url("/file"), **body)
                self.assertEqual(answer.status_code, 200, f"{kind} of {size}: {answer.text}")
                self.assertEqual(answer.json()["filename"], name)
                self.assertTrue(requests.get(url("/blob/" + answer.json()["id"])).content == data, kind)
                answer = get(name)
                self.assertEqual((answer.status_code, list(answer.json())), (200, ["data"]))
                self.assertEqual(int(answer.headers["Content-Length"]), len(answer.content))
                self.assertTrue(base64.b64decode(answer.json()["data"], validate=True) == data, kind)
                answer = requests.delete(url("/file/" + quote(name, safe="")))
                self.assertEqual((answer.status_code, answer.json()), (200, {"data": "File deleted"}))

    def test_lines_and_bare_pluses_are_understood(self):
        data = b"\xfb\xef\xbe" * 100  # '++++' in base64
        lines = base64.encodebytes(data).decode()
        for number, body in enumerate([{"data": {"file": lines}}, {"json": {"file": lines}}, {"files": {"file": (None, lines)}}]):
            answer = requests.post(url("/file?on_conflict=overwrite"), **{
                kind: {"filename": (None, "lines") if kind == "files" else "lines", **fields} for kind, fields in body.items()})
            self.assertEqual(answer.status_code, 200, f"{number}: {answer.text}")
            self.assertEqual(base64.b64decode(get("lines").json()["data"]), data)
        # As `curl -d` sends it, with nothing encoded.
        answer = requests.post(
            url("/file"), data="filename=bare&file=" + text(data), headers={"Content-Type": "application/x-www-form-urlencoded"})
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertEqual(base64.b64decode(get("bare").json()["data"]), data)

    def test_bad_bodies_are_refused_and_leave_nothing(self):
        good = text(b"x" * (2 << 20))
        for body in [
            {"json": {"filename": "bad", "file": "AAA"}},
            {"json": {"filename": "bad", "file": "AA!A"}},
            {"json": {"filename": "bad", "file": good + "="}},
            {"json": {"file": good + "A", "filename": "bad"}},
            {"data": {"filename": "bad", "file": "AA=A"}},
            {"files": {"filename": (None, "bad"), "file": (None, "-_AA")}},
            {"data": '{"filename": "bad", "file": "' + good},
            {"data": '{"filename": "bad", "file": "' + good + '"} x'},
            {"data": '{"file": "' + good + '", "filename": "bad",}'},
            {"data": '{"file": "' + good + '", "filename": "bad", "filename": "bad"}'},
            {"data": '{"file": "' + good + '", "file": "' + good + '", "filename": "bad"}'},
            {"data": "[]"},
            {"data": ""},
            {"json": {"filename": "bad"}},
            {"json": {"file": good}},
            {"json": {"filename": "bad", "file": 5}},
            {"json": {"filename": "bad", "file": None}},
            {"json": {"filename": None, "file": good}},
            {"json": {"filename": "", "file": good}},
            {"json": {"filename": "n" * 1025, "file": good}},
            {"json": {"filename": "nul\0", "file": good}},
            {"data": "filename=bad&file=AA%zz", "headers": {"Content-Type": "application/x-www-form-urlencoded"}},
            {"data": "--b\r\n", "headers": {"Content-Type": "multipart/form-data; boundary=b"}},
        ]:
            self.expect_error(requests.post(url("/file"), **body), 400, 5, "Internal error")
        self.expect_error(get("bad"), 400, 2, "File does not exist")

    def test_what_is_not_there_is_told(self):
        self.expect_error(get("nothing"), 400, 2, "File does not exist")
        self.expect_error(requests.delete(url("/file/nothing")), 400, 2, "File does not exist")
        self.expect_error(requests.put(url("/file/nothing")), 405, 5, "Internal error")

    def test_a_taken_name_is_refused_unless_the_query_says_otherwise(self):
        self.assertEqual(post("taken.txt", b"first").status_code, 200)
        self.expect_error(post("taken.txt", b"second"), 400, 3, "File name already exists")
        self.assertEqual(post("taken.txt", b"third", on_conflict="overwrite").status_code, 200)
        self.assertEqual(get("taken.txt").json()["data"], text(b"third"))
        name = post("taken.txt", b"fourth", on_conflict="rename").json()["filename"]
        self.assertRegex(name, r"^taken_[0-9a-z]{5}\.txt$")
        self.assertEqual(get(name).json()["data"], text(b"fourth"))


main()
