"""What is uploaded one way is read every other way."""
import base64
import unittest

import requests

from client import main, md5, url

WRITE = {
    "form": lambda name, data: requests.post(url("/upload"), files={"file": (name, data)}),
    "put": lambda name, data: requests.put(url("/blob/" + name), data=data),
    "checksum": lambda name, data: requests.post(
        url("/upload"), files={"input_file": (name, data)}, data={"file_hash": md5(data)}),
    "file": lambda name, data: requests.post(
        url("/file"), data={"filename": name, "file": base64.b64encode(data).decode()}),
    "store": lambda name, data: requests.post(url("/store"), json={"key": name, "value": data.decode()}),
}

READ = {
    "blob": lambda name: requests.get(url("/blob/" + name)).content,
    "download": lambda name: requests.get(url("/download"), params={"filename": name}).content,
    "file": lambda name: base64.b64decode(requests.get(url("/file/" + name)).json()["data"]),
    "retrieve": lambda name: requests.get(url("/retrieve/" + name)).json()["value"].encode(),
}


class Families(unittest.TestCase):
    def test_every_way_in_is_read_by_every_way_out(self):
        for size in [0, 20, 9 << 20]:
            for way, write in WRITE.items():
                name, data = f"{way}-{size}", (size * "x" + "é").encode()
                answer = write(name, data)
                self.assertIn(answer.status_code, (200, 201), f"{way}: {answer.text}")
                for other, read in READ.items():
                    self.assertTrue(read(name) == data, f"{size} bytes by {way}, read by {other}")

    def test_what_is_no_text_is_refused_as_a_value_only(self):
        for size in [20, 9 << 20]:
            name, data = f"binary-{size}", b"\xc3" + b"x" * size
            WRITE["checksum"](name, data)
            answer = requests.get(url("/retrieve/" + name))
            self.assertEqual(answer.status_code, 422)
            self.assertIn("not UTF-8", answer.json()["detail"])
            for way in ["blob", "download", "file"]:
                self.assertTrue(READ[way](name) == data, way)
        # A character that is cut off at the end.
        WRITE["put"]("cut", b"x\xc3")
        self.assertEqual(requests.get(url("/retrieve/cut")).status_code, 422)

    def test_deleted_one_way_is_gone_every_other_way(self):
        WRITE["store"]("gone", b"x")
        self.assertEqual(requests.delete(url("/file/gone")).status_code, 200)
        self.assertEqual(requests.get(url("/blob/gone")).status_code, 404)
        self.assertEqual(requests.get(url("/download?filename=gone")).status_code, 404)
        self.assertIsNone(requests.get(url("/retrieve/gone")).json()["value"])


main()
