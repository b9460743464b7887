"""Puts and gets files with their MD5."""
import concurrent.futures
import os
import re
import unittest

import requests

from client import main, md5, url


def put(name, data, file_hash=None, **parameters):
    return requests.post(
        url("/upload"), params=parameters, files={"input_file": (name, data)},
        data={"file_hash": md5(data) if file_hash is None else file_hash})


def get(name):
    return requests.get(url("/download"), params={"filename": name})


class Checksum(unittest.TestCase):
    def test_the_server_is_there(self):
        answer = requests.get(url("/test"))
        self.assertEqual((answer.status_code, answer.text), (200, "Master is working!"))

    def test_a_file_comes_back_with_its_hash(self):
        for name, data in [("empty", b""), ("ünï 🏔 + & %.bin", os.urandom(1000)), ("large.bin", os.urandom(9 << 20))]:
            answer = put(name, data)
            self.assertEqual(answer.status_code, 200, answer.text)
            self.assertEqual(answer.json()["message"], f"File {name} saved successfully.")
            answer = get(name)
            self.assertEqual(answer.status_code, 200)
            self.assertEqual(answer.headers["file_hash"], md5(data))
            self.assertEqual(answer.headers["Content-Length"], str(len(data)))
            self.assertIn("Content-Type", answer.headers)
            self.assertTrue(answer.content == data)
            head = requests.head(url("/download"), params={"filename": name})
            self.assertEqual((head.status_code, head.headers["file_hash"]), (200, md5(data)))

    def test_the_hash_may_come_behind_the_file_and_in_capitals(self):
        data = b"either order"
        answer = requests.post(
            url("/upload"), files=[("input_file", ("order.txt", data)), ("file_hash", (None, md5(data).upper()))])
        self.assertEqual((answer.status_code, answer.json()["message"]), (200, "File order.txt saved successfully."))

    def test_another_hash_keeps_nothing(self):
        for size in [5, 9 << 20]:
            answer = put("wrong.txt", b"x" * size, file_hash=md5(b"other"))
            self.assertEqual(answer.status_code, 400)
            self.assertEqual(list(answer.json()), ["message"])
            self.assertEqual(get("wrong.txt").status_code, 404)

    def test_a_form_that_lacks_something_is_refused(self):
        for fields in [
            {"files": {"input_file": ("bad.txt", b"x")}},
            {"files": {"other": ("bad.txt", b"x")}, "data": {"file_hash": md5(b"x")}},
            {"files": {"input_file": ("bad.txt", b"x")}, "data": {"file_hash": "no hash"}},
            {"files": {"input_file": ("bad.txt", b"x")}, "data": {"file_hash": ""}},
            {"files": {"input_file": ("bad.txt", b"x")}, "data": {"file_hash": "0" * 2000}},
            {"files": [("input_file", ("bad.txt", b"x"))] * 2, "data": {"file_hash": md5(b"x")}},
            {"files": [("input_file", ("bad.txt", b"x")), ("file", ("bad.txt", b"x"))], "data": {"file_hash": md5(b"x")}},
        ]:
            answer = requests.post(url("/upload"), **fields)
            self.assertEqual(answer.status_code, 400, answer.text)
            self.assertEqual(list(answer.json()), ["message"], answer.text)
        self.assertEqual(get("bad.txt").status_code, 404)

    def test_what_is_not_there_is_told_by_name(self):
        answer = get("not there.txt")
        self.assertEqual(answer.status_code, 404)
        self.assertEqual(answer.json(), {"message": "not there.txt does not exist in the file system."})
        answer = requests.get(url("/download"))
        self.assertEqual((answer.status_code, list(answer.json())), (400, ["message"]))

    def test_a_taken_name_is_changed_unless_the_query_says_otherwise(self):
        put("taken.pdf", b"first")
        name = put("taken.pdf", b"second").json()["name"]
        self.assertRegex(name, r"^taken_[0-9a-z]{5}\.pdf$")
        self.assertEqual((get("taken.pdf").content, get(name).content), (b"first", b"second"))
        answer = put("taken.pdf", b"third", on_conflict="reject")
        self.assertEqual((answer.status_code, list(answer.json())), (409, ["message"]))
        answer = put("taken.pdf", b"fourth", on_conflict="overwrite")
        self.assertEqual(answer.json()["message"], "File taken.pdf saved successfully.")
        self.assertEqual(get("taken.pdf").content, b"fourth")
        self.assertEqual(put("taken.pdf", b"x", on_conflict="maybe").status_code, 400)

    def test_a_hundred_at_once_get_a_hundred_names(self):
        contents = [str(number).encode() for number in range(100)]
        with concurrent.futures.ThreadPoolExecutor(100) as pool:
            answers = list(pool.map(lambda data: put("a.txt", data), contents))
        names = [re.fullmatch(r"File (.*) saved successfully\.", answer.json()["message"])[1] for answer in answers]
        self.assertEqual(len(set(names)), 100)
        self.assertIn("a.txt", names)
        for name, data in zip(names, contents):
            self.assertRegex(name, r"^a(_[0-9a-z]{5})?\.txt$")
            self.assertEqual(get(name).content, data)


main()
