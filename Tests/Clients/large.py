"""Sends large bodies piece by piece, and reads them back. Arguments: MiB, and the server's address."""
import base64
import hashlib
import json
import os
import sys

import requests

PIECE = 3 << 20
mib, server = int(sys.argv[1]), sys.argv[2]


class Repeated:
    """A piece, so and so often."""

    def __init__(self, piece, mib):
        self.piece = piece
        self.count = mib * (1 << 20) // PIECE

    def digest(self):
        digest = hashlib.sha256()
        for _ in range(self.count):
            digest.update(self.piece)
        return digest.hexdigest()

    def body(self, before, encoded, after):
        yield before
        for _ in range(self.count):
            yield encoded
        yield after


def check(answer):
    if answer.status_code != 200:
        sys.exit(f"{answer.status_code} {answer.text[:1000]}")
    return answer


def post(path, body, content_type):
    check(requests.post(server + path, data=body, headers={"Content-Type": content_type}))


def expect_same(what, found, content):
    if found.hexdigest() != content.digest():
        sys.exit(f"{what} came back different")


def expect_blob(name, content):
    found = hashlib.sha256()
    with check(requests.get(f"{server}/blob/{name}", stream=True)) as answer:
        for piece in answer.iter_content(1 << 20):
            found.update(piece)
    expect_same(name, found, content)


def expect_file(name, content):
    found = hashlib.sha256()
    with check(requests.get(f"{server}/file/{name}", stream=True)) as answer:
        rest = b""
        start = len(b'{"data":"')
        for piece in answer.iter_content(1 << 20):
            rest += piece[start:]
            start = 0
            whole = (len(rest) - len(b'"}')) // 4 * 4
            found.update(base64.b64decode(rest[:whole], validate=True))
            rest = rest[whole:]
    expect_same(name, found, content)


# The file comes before its name, so it is stored before it is known as what.
content = Repeated(os.urandom(PIECE), mib)
encoded = base64.b64encode(content.piece)
post("/file", content.body(b'{"file":"', encoded, b'","filename":"json"}'), "application/json")
expect_blob("json", content)
expect_file("json", content)

content = Repeated(content.piece, mib // 4)
escaped = encoded.replace(b"+", b"%2B").replace(b"/", b"%2F")
post("/file", content.body(b"filename=form&file=", escaped, b""), "application/x-www-form-urlencoded")
expect_blob("form", content)

line = '"A line" of a text that is not only ASCII: é\n'.encode()
content = Repeated(line * (PIECE // len(line)), mib // 4)
escaped = json.dumps(content.piece.decode()).encode()[1:-1]
post("/store", content.body(b'{"key":"text","value":"', escaped, b'"}'), "application/json")
expect_blob("text", content)
escapes = content.piece.count(b'"') + content.piece.count(b"\n")
with check(requests.get(server + "/retrieve/text", stream=True)) as answer:
    length = sum(len(piece) for piece in answer.iter_content(1 << 20))
if length != len('{"key":"text","value":""}') + content.count * (len(content.piece) + escapes):
    sys.exit(f"the retrieved text has {length} bytes")
