"""Presigned URLs and SigV4 errors, as boto3 and plain HTTP see them.

usage: presigned_cases.py S3_PORT ACCESS_KEY SECRET_KEY NATIVE_PORT, of a server with AUTH=required
"""
import http.client
import sys
import time
import urllib.error
import urllib.request
import xml.etree.ElementTree as ET

import boto3
from botocore.auth import S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

PORT, KEY, SECRET, NATIVE_PORT = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
BODY = b"presigned bytes"


def client(key=KEY, secret=SECRET, region="us-east-1", signature_version="s3v4", **s3):
    return boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{PORT}", aws_access_key_id=key, aws_secret_access_key=secret,
        region_name=region,
        config=Config(
            signature_version=signature_version, s3={"addressing_style": "path", **s3}, retries={"max_attempts": 1}))


def fetch(url, method="GET", body=None, headers={}):
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def expect(found, wanted, what):
    assert found == wanted, f"{what}: {found!r} instead of {wanted!r}"


def code(answer, status, wanted, what):
    expect(answer[0], status, what + ": " + answer[1].decode(errors="replace"))
    root = ET.fromstring(answer[1])
    expect(root.findtext("Code"), wanted, what)
    return root


def refused(call, status, wanted, what):
    try:
        call()
    except ClientError as error:
        expect(error.response["Error"]["Code"], wanted, what)
        expect(error.response["ResponseMetadata"]["HTTPStatusCode"], status, what)
        return error.response["Error"]
    raise AssertionError(what + " was not refused")


s3 = client()
s3.create_bucket(Bucket="presigned")
names = ["plain", "a//b", "a/../b/./c", "plus+space and%percent", "ünï€𝄞", "q?&=#;", "~tilde*'()!"]


def url(operation, name, seconds=600, **more):
    return s3.generate_presigned_url(operation, {"Bucket": "presigned", "Key": name, **more}, ExpiresIn=seconds)


for name in names:
    expect(fetch(url("put_object", name), "PUT", BODY)[0], 200, f"PUT {name}")
    expect(fetch(url("get_object", name)), (200, BODY), f"GET {name}")
    expect(fetch(url("head_object", name), "HEAD")[0], 200, f"HEAD {name}")
    expect(s3.get_object(Bucket="presigned", Key=name)["Body"].read(), BODY, f"signed GET {name}")
    expect(fetch(url("delete_object", name), "DELETE")[0], 204, f"DELETE {name}")
    expect(fetch(url("get_object", name))[0], 404, f"GET {name} after DELETE")

s3.put_object(Bucket="presigned", Key="o", Body=BODY)
get = url("get_object", "o")
code(fetch(get, "PUT", BODY), 403, "SignatureDoesNotMatch", "another method")
code(fetch(get.replace("/o?", "/p?")), 403, "SignatureDoesNotMatch", "another key")
root = code(fetch(get[:-1] + ("0" if get[-1] != "0" else "1")), 403, "SignatureDoesNotMatch", "another signature")
for element in ["AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes", "CanonicalRequest",
                "CanonicalRequestBytes"]:
    assert root.findtext(element), element
expect(root.findtext("AWSAccessKeyId"), KEY, "key of the error")
code(fetch(get.replace("X-Amz-Expires=600", "X-Amz-Expires=604801")), 400, "AuthorizationQueryParametersError", "8 days")
code(fetch(f"http://127.0.0.1:{PORT}/presigned/o"), 403, "AccessDenied", "no signature")
code(fetch(url("get_object", "o"), headers={"x-amz-meta-a": "1"}), 403, "AccessDenied", "unsigned x-amz header")
code(fetch(f"http://127.0.0.1:{PORT}/presigned/o", headers={"Authorization": "AWS a:b"}), 400, "InvalidRequest", "V2")
old = client(signature_version="s3").generate_presigned_url("get_object", {"Bucket": "presigned", "Key": "o"})
assert "AWSAccessKeyId=" in old, old
code(fetch(old), 400, "InvalidRequest", "V2 in a URL")

short = {method: url(f"{method.lower()}_object", "o", 1) for method in ["PUT", "HEAD", "DELETE", "GET"]}
deadline = time.monotonic() + 30
while fetch(short["GET"])[0] == 200 and time.monotonic() < deadline:
    time.sleep(0.1)
for method, old in short.items():
    answer = fetch(old, method, b"late" if method == "PUT" else None)
    expect(answer[0], 403, f"an old URL for {method}")
    if method != "HEAD":
        root = code(answer, 403, "AccessDenied", f"an old URL for {method}")
        expect(root.findtext("Message"), "Request has expired", "its message")
expect(fetch(get), (200, BODY), "what old URLs were refused for")

refused(lambda: client(secret=SECRET + "x").list_buckets(), 403, "SignatureDoesNotMatch", "a wrong secret")
refused(lambda: client(key="CKNOBODY").list_buckets(), 403, "InvalidAccessKeyId", "an unknown key")
# boto3 reads the region in the error, and signs anew.
elsewhere = client(region="eu-west-1")
expect(elsewhere.get_object(Bucket="presigned", Key="o")["Body"].read(), BODY, "another region")
there = elsewhere.generate_presigned_url("get_object", {"Bucket": "presigned", "Key": "o"})
root = code(fetch(there), 400, "AuthorizationQueryParametersError", "another region in a URL")
expect(root.findtext("Region"), "us-east-1", "region of the error")

# A body whose hash was signed, and that is another one on the wire.
signed = {}
plain = client(payload_signing_enabled=True)
plain.meta.events.register("before-send.s3.PutObject", lambda request, **_: signed.update(
    headers={name: value.decode() if isinstance(value, bytes) else value for name, value in request.headers.items()}))
plain.put_object(Bucket="presigned", Key="hashed", Body=BODY)
if len(signed["headers"].get("X-Amz-Content-SHA256", "")) == 64:
    plain.delete_object(Bucket="presigned", Key="hashed")
    connection = http.client.HTTPConnection("127.0.0.1", PORT)
    connection.request("PUT", "/presigned/hashed", body=BODY[:-1] + b"!", headers=signed["headers"])
    answer = connection.getresponse()
    text = answer.read()
    assert answer.status == 400, (answer.status, text)
    assert ET.fromstring(text).findtext("Code") in ("XAmzContentSHA256Mismatch", "BadDigest"), text
    refused(lambda: plain.head_object(Bucket="presigned", Key="hashed"), 404, "404", "what was changed")

# What was signed for one port means nothing at the other one, which may be reached with the same Host.
credentials = Credentials(KEY, SECRET)


def native(signer, path, method="GET", body=None, **headers):
    """A request to the native port, with the headers and the target that a signer of botocore made."""
    request = AWSRequest(method=method, url=f"http://127.0.0.1:{NATIVE_PORT}{path}", headers=headers)
    signer.add_auth(request)
    return fetch(request.url, method, body, dict(request.headers.items()))


s3.create_bucket(Bucket="blob")
stolen = s3.generate_presigned_url("put_object", {"Bucket": "blob", "Key": "stolen"}, ExpiresIn=600)
status, text = fetch(
    stolen.replace(f":{PORT}/", f":{NATIVE_PORT}/"), "PUT", BODY, {"Host": f"127.0.0.1:{PORT}"})
assert status == 400 and b"belongs to" in text, (status, text)
expect(fetch(stolen, "PUT", BODY)[0], 200, "the URL at its own port")
query = S3SigV4QueryAuth(credentials, "cairn", "us-east-1", expires=600)
expect(native(query, "/blob/presigned", "PUT", BODY)[0], 201, "a URL for the native port")
expect(native(query, "/blob/presigned"), (200, BODY), "a URL for the native port")
request = AWSRequest(method="GET", url=f"http://127.0.0.1:{PORT}/default/presigned")
query.add_auth(request)
code(fetch(request.url), 400, "AuthorizationQueryParametersError", "a URL of the native port")

# As all services but S3 are signed: the path encoded once more.
header = SigV4Auth(credentials, "cairn", "us-east-1")
unsigned = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
for path in ["/blob/plain", "/blob/sp%20ace", "/blob/100%25", "/blob/a%2Fb", "/blob/a@b(c)", "/blob/%C3%B6?on_conflict=overwrite"]:
    expect(native(header, path, "PUT", BODY, **unsigned)[0], 201, f"PUT {path}")
    expect(native(header, path.split("?")[0], **unsigned), (200, BODY), f"GET {path}")
