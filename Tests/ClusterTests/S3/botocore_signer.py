"""Signs random requests with botocore, and frames bodies as it does; one JSON object a line, for the tests to verify.

usage: botocore_signer.py SEED COUNT
"""
import base64
import datetime
import hashlib
import hmac
import io
import json
import random
import sys
from urllib.parse import quote

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum

ODD = ["//", "/./", "/../", "%2F", "%2f", "+", "%20", "%2B", "é", "€", "𝄞", "~", "*", "'", "(", ")", "!", "$", "&", "=",
       "@", ":", ",", ";", "%25", "%00", "a", "B", "7", "-", "_", ".", "/"]
METHODS = ["GET", "PUT", "POST", "HEAD", "DELETE"]


def text(rng, count, letters):
    return "".join(rng.choice(letters) for _ in range(rng.randrange(count)))


def path(rng):
    """A path as clients send it: the key encoded once, slashes kept."""
    key = text(rng, 12, ODD)
    if rng.random() < 0.7:
        return "/bucket/" + quote(key, safe="/~")
    # What is sent as it is: only what may stand in a request line.
    return "/bucket/" + quote(key, safe="/~%+*'()!$&=@:,;")


def query(rng):
    pairs, names = [], set()
    for _ in range(rng.randrange(6)):
        name = quote(text(rng, 4, ODD) + rng.choice("aAzZ09-"), safe="-_.~")
        # A parameter that is given twice is refused.
        if name in names:
            continue
        names.add(name)
        value = quote(text(rng, 5, ODD), safe="-_.~")
        pairs.append(name if rng.random() < 0.2 and value == "" else name + "=" + value)
    return "&".join(pairs)


def headers(rng):
    found = {}
    for _ in range(rng.randrange(5)):
        name = rng.choice(["x-amz-meta-", "X-Amz-Meta-", "X-Custom-", "content-"]) + text(rng, 6, "abcXYZ019-") + "q"
        if name.lower() in (known.lower() for known in found):
            continue
        found[name] = " " * rng.randrange(3) + text(rng, 8, ["a", "b c", "  ", "é", "\t", ",", "=", '"x  y"']) + "v"
    return found


def signed_chunks(rng, request, signer, credentials, body, has_trailer):
    """The framing of STREAMING-AWS4-HMAC-SHA256-PAYLOAD, by its description."""
    scope = signer.credential_scope(request)
    date = request.context["timestamp"]
    previous = request.headers["Authorization"].rsplit("Signature=", 1)[1]
    key = ("AWS4" + credentials.secret_key).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    empty = hashlib.sha256(b"").hexdigest()
    framed, rest = b"", body
    while True:
        size = rng.choice([1, 7, 64, 1000, 8192]) if rest else 0
        chunk, rest = rest[:size], rest[size:]
        lines = ["AWS4-HMAC-SHA256-PAYLOAD", date, scope, previous, empty, hashlib.sha256(chunk).hexdigest()]
        previous = hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()
        framed += b"%x;chunk-signature=%s\r\n" % (len(chunk), previous.encode())
        if not chunk:
            break
        framed += chunk + b"\r\n"
    if has_trailer:
        field = "x-amz-checksum-sha256:" + base64.b64encode(hashlib.sha256(body).digest()).decode()
        lines = ["AWS4-HMAC-SHA256-TRAILER", date, scope, previous,
                 hashlib.sha256((field + "\n").encode()).hexdigest()]
        signature = hmac.new(key, "\n".join(lines).encode(), hashlib.sha256).hexdigest()
        framed += (field + rng.choice(["\r\n", "\n\r\n"]) + "x-amz-trailer-signature:" + signature + "\r\n").encode()
    return framed + b"\r\n"


def case(rng):
    credentials = Credentials("CK" + text(rng, 10, "ABC123") + "X", text(rng, 40, "abcXYZ+/09") + "secret12")
    region = rng.choice(["us-east-1", "eu-central-1", "x"])
    method = rng.choice(METHODS)
    kind = rng.choice(["header", "unsigned", "query", "chunks", "chunks+trailer", "unsigned+trailer"])
    # A URL says nothing of the body.
    body = rng.randbytes(rng.choice([0, 1, 10, 1000, 20000])) if kind != "query" else b""
    target = path(rng) + (lambda q: "?" + q if q else "")(query(rng))
    request = AWSRequest(
        method=method, url="http://" + rng.choice(["localhost:9000", "s3.example.org", "127.0.0.1"]) + target,
        data=body, headers=headers(rng))
    framed = None
    if kind == "query":
        signer = auth.S3SigV4QueryAuth(credentials, "s3", region, expires=rng.randrange(60, 604800))
        signer.add_auth(request)
    else:
        signer = auth.S3SigV4Auth(credentials, "s3", region)
        if kind == "unsigned":
            request.context["client_config"] = None
            request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"
            signer.payload = lambda _: "UNSIGNED-PAYLOAD"
        elif kind != "header":
            name = {"chunks": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                    "chunks+trailer": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
                    "unsigned+trailer": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}[kind]
            request.headers["X-Amz-Decoded-Content-Length"] = str(len(body))
            signer.payload = lambda _: name
        signer.add_auth(request)
        if kind.startswith("chunks"):
            framed = signed_chunks(rng, request, signer, credentials, body, kind == "chunks+trailer")
        elif kind == "unsigned+trailer":
            wrapper = AwsChunkedWrapper(
                io.BytesIO(body), checksum_cls=Crc32Checksum, checksum_name="x-amz-checksum-crc32",
                chunk_size=rng.choice([7, 1000, 65536]))
            framed = wrapper.read()
    url = request.url.split("//", 1)[1]
    host, sent = url.split("/", 1)
    sent_path, _, sent_query = ("/" + sent).partition("?")
    sent_headers = [["Host", host]] + [[name, value] for name, value in request.headers.items()]
    return {
        "kind": kind, "method": method, "path": sent_path, "query": sent_query, "headers": sent_headers,
        "secret": credentials.secret_key, "region": region, "body": base64.b64encode(body).decode(),
        "framed": base64.b64encode(framed).decode() if framed is not None else None,
    }


def main():
    seed, count = int(sys.argv[1]), int(sys.argv[2])
    rng = random.Random(seed)
    print(json.dumps({"now": int(datetime.datetime.now(datetime.timezone.utc).timestamp())}))
    for _ in range(count):
        print(json.dumps(case(rng)))


main()
