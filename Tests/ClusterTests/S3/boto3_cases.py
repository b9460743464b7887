"""What boto3 gets from Cairn, a case for each operation and each of its errors.

usage: boto3_cases.py S3-PORT[,S3-PORT…] NATIVE-PORT [PART-OF-A-NAME]

The access key is in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Of several coordinators each request goes to another one than the request before it. Prints a line for each case, and exits with 1 if one failed.
"""

import concurrent.futures
import hashlib
import itertools
import os
import socket
import sys
import traceback
import urllib.parse
import urllib.request
import uuid
from datetime import datetime, timedelta, timezone

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

ENDPOINTS = [f"http://127.0.0.1:{port}" for port in sys.argv[1].split(",")]
ENDPOINT = ENDPOINTS[0]
NATIVE = f"http://127.0.0.1:{sys.argv[2]}"
KEY = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])


def client(endpoint):
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            retries={"max_attempts": 0},
            max_pool_connections=32,
            # multipart_cases.py has those that SDKs send by themselves.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )


class Turns:
    """A client that sends each request to another coordinator than the one before."""

    def __init__(self, clients):
        self.clients = itertools.cycle(clients)

    def __getattr__(self, name):
        def call(**arguments):
            return getattr(next(self.clients), name)(**arguments)

        setattr(self, name, call)
        return call


s3 = Turns([client(endpoint) for endpoint in ENDPOINTS])
CASES = []


def case(function):
    CASES.append(function)
    return function


def bucket():
    """A new bucket."""
    name = f"b-{uuid.uuid4().hex[:16]}"
    s3.create_bucket(Bucket=name)
    return name


def fails(code, status, call, **arguments):
    """Expects an error, and gives its answer."""
    try:
        call(**arguments)
    except ClientError as error:
        found = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert found == (code, status), f"{found}, not {(code, status)}: {error}"
        return error.response
    raise AssertionError(f"no error: {code} was expected")


def equal(found, expected):
    assert found == expected, f"{found!r}, not {expected!r}"


def body(name, key, **arguments):
    return s3.get_object(Bucket=name, Key=key, **arguments)["Body"].read()


def md5(data):
    return f'"{hashlib.md5(data).hexdigest()}"'


def signed(method, path, data=None, headers=None, base=ENDPOINT):
    """The header fields of a request that boto3 itself would not send, each character standing for a byte."""
    request = AWSRequest(method=method, url=base + path, data=data, headers=headers or {})
    S3SigV4Auth(KEY, "cairn" if base == NATIVE else "s3", "us-east-1").add_auth(request)
    return {name: value.encode().decode("latin-1") for name, value in request.headers.items()}


def signed_head(method, path, data=None, headers=None):
    """What a request begins with that is sent by hand."""
    fields = {"Host": ENDPOINT.removeprefix("http://"), "Connection": "close", **(headers or {})}
    lines = [f"{method} {path} HTTP/1.1", *map(": ".join, signed(method, path, data, fields).items()), "", ""]
    return "\r\n".join(lines).encode("latin-1")


def http(method, path, data=None, headers=None, base=ENDPOINT):
    fields = signed(method, path, data, headers, base)
    request = urllib.request.Request(base + path, data=data, headers=fields, method=method)
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


# Buckets


@case
def create_list_head_delete_bucket():
    name = bucket()
    found = s3.list_buckets()
    entry = next(b for b in found["Buckets"] if b["Name"] == name)
    assert abs(datetime.now(timezone.utc) - entry["CreationDate"]) < timedelta(minutes=1)
    assert "default" in [b["Name"] for b in found["Buckets"]]
    assert not any(b["Name"].startswith("_") for b in found["Buckets"])
    assert found["Owner"]["ID"]
    head = s3.head_bucket(Bucket=name)
    equal(head["BucketRegion"], "us-east-1")
    equal(s3.delete_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"], 204)
    fails("404", 404, s3.head_bucket, Bucket=name)
    fails("NoSuchBucket", 404, s3.delete_bucket, Bucket=name)
    assert name not in [b["Name"] for b in s3.list_buckets()["Buckets"]]


@case
def create_bucket_again_is_forgiven_in_us_east_1():
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    s3.create_bucket(Bucket=name)
    equal(body(name, "k"), b"x")


@case
def bucket_pages():
    names = sorted(bucket() for _ in range(3))
    prefix = names[0][:2]
    found, token = [], None
    while True:
        arguments = {"ContinuationToken": token} if token else {}
        page = s3.list_buckets(MaxBuckets=2, Prefix=prefix, **arguments)
        assert len(page["Buckets"]) <= 2
        found += [b["Name"] for b in page["Buckets"]]
        token = page.get("ContinuationToken")
        if not token:
            break
    assert set(names) <= set(found)
    equal(found, sorted(set(found)))


@case
def bad_bucket_names():
    for name in ["Upper", "a..b", "192.168.0.1", "xn--a", "a-s3alias", "x_y", "ab", "-ab", "ab-", "a" * 64]:
        status, _, text = http("PUT", f"/{name}")
        assert status == 400 and b"<Code>InvalidBucketName</Code>" in text, (name, status, text)
    for name in ["_cairn", "_cairn/bucket/default", "_cairn/key/x"]:
        for method in ["GET", "PUT", "DELETE"]:
            status, _, text = http(method, f"/{name}")
            assert status == 400 and b"<Code>InvalidBucketName</Code>" in text, (name, method, status, text)


@case
def bucket_location_and_constraint():
    name = bucket()
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    fails("NoSuchBucket", 404, s3.get_bucket_location, Bucket="no-such-bucket")
    fails(
        "IllegalLocationConstraintException", 400, s3.create_bucket, Bucket="elsewhere-1",
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
    )


@case
def no_bucket_has_versions():
    name = bucket()
    found = s3.get_bucket_versioning(Bucket=name)
    assert "Status" not in found and "MFADelete" not in found, found
    status, _, text = http("GET", f"/{name}?versioning")
    equal(status, 200)
    assert b'<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></VersioningConfiguration>' in text, text
    fails("NoSuchBucket", 404, s3.get_bucket_versioning, Bucket=f"{name}-not")


@case
def bucket_not_empty():
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    fails("BucketNotEmpty", 409, s3.delete_bucket, Bucket=name)
    equal(body(name, "k"), b"x")
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)
    fails("NoSuchBucket", 404, s3.put_object, Bucket=name, Key="k", Body=b"x")


@case
def default_bucket_stays():
    for key in [o["Key"] for o in s3.list_objects_v2(Bucket="default").get("Contents", [])]:
        s3.delete_object(Bucket="default", Key=key)
    fails("AccessDenied", 403, s3.delete_bucket, Bucket="default")


@case
def deleting_a_bucket_loses_no_write():
    """Writers and somebody who deletes: what was said to be there is there, or the bucket is."""
    for _ in range(3):
        name = bucket()

        def write(index):
            try:
                s3.put_object(Bucket=name, Key=f"k{index}", Body=b"x")
                return True
            except ClientError as error:
                assert error.response["Error"]["Code"] in ("NoSuchBucket", "OperationAborted"), error
                return False

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            deletion = pool.submit(s3.delete_bucket, Bucket=name)
            written = [index for index, done in zip(range(60), pool.map(write, range(60))) if done]
            try:
                deletion.result()
                is_gone = True
            except ClientError as error:
                assert error.response["Error"]["Code"] in ("BucketNotEmpty", "ConditionalRequestConflict"), error
                is_gone = False
        if is_gone:
            equal(written, [])
        else:
            found = {o["Key"] for o in s3.list_objects_v2(Bucket=name).get("Contents", [])}
            assert {f"k{index}" for index in written} <= found


@case
def a_write_that_ends_after_its_bucket_is_undone():
    name = bucket()
    port = int(sys.argv[1].split(",")[0])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = signed_head("PUT", f"/{name}/k", b"1234567890", {"Content-Length": "10"})
        connection.sendall(head + b"12345")
        s3.delete_bucket(Bucket=name)
        connection.sendall(b"67890")
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 404 ") and b"<Code>NoSuchBucket</Code>" in answer, answer
    s3.create_bucket(Bucket=name)
    assert "Contents" not in s3.list_objects_v2(Bucket=name)


@case
def bucket_acl():
    name = bucket()
    grants = s3.get_bucket_acl(Bucket=name)["Grants"]
    equal([g["Permission"] for g in grants], ["FULL_CONTROL"])
    s3.put_bucket_acl(Bucket=name, ACL="public-read")
    grants = s3.get_bucket_acl(Bucket=name)["Grants"]
    equal([g["Permission"] for g in grants], ["FULL_CONTROL", "READ"])
    equal(grants[1]["Grantee"], {"Type": "Group", "URI": "http://acs.amazonaws.com/groups/global/AllUsers"})
    owner = s3.get_bucket_acl(Bucket=name)["Owner"]
    s3.put_bucket_acl(Bucket=name, AccessControlPolicy={"Owner": owner, "Grants": grants[:1]})
    equal(len(s3.get_bucket_acl(Bucket=name)["Grants"]), 1)
    fails("NotImplemented", 501, s3.put_bucket_acl, Bucket=name, ACL="public-read-write")
    fails("NotImplemented", 501, s3.put_bucket_acl, Bucket=name, GrantRead="id=1")
    fails("InvalidArgument", 400, s3.put_bucket_acl, Bucket=name, ACL="nonsense")
    public = f"b-{uuid.uuid4().hex[:16]}"
    s3.create_bucket(Bucket=public, ACL="public-read")
    equal(len(s3.get_bucket_acl(Bucket=public)["Grants"]), 2)


@case
def bucket_tagging():
    name = bucket()
    fails("NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket=name)
    tags = [{"Key": "team", "Value": "a & b"}, {"Key": "\u00f6", "Value": ""}]
    s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tags})
    equal(s3.get_bucket_tagging(Bucket=name)["TagSet"], tags)
    s3.delete_bucket_tagging(Bucket=name)
    fails("NoSuchTagSet", 404, s3.get_bucket_tagging, Bucket=name)
    many = [{"Key": str(i), "Value": "x"} for i in range(51)]
    fails("InvalidTag", 400, s3.put_bucket_tagging, Bucket=name, Tagging={"TagSet": many})


# Objects


@case
def put_and_get_of_many_sizes():
    name = bucket()
    for size in [0, 1, 1023, 65536, 65537, (8 << 20), (8 << 20) + 1, 20 << 20]:
        data = (b"0123456789abcdef" * (size // 16 + 1))[:size]
        put = s3.put_object(Bucket=name, Key=f"k{size}", Body=data)
        equal(put["ETag"], md5(data))
        got = s3.get_object(Bucket=name, Key=f"k{size}")
        equal((got["ContentLength"], got["ETag"]), (size, md5(data)))
        assert got["Body"].read() == data, f"the bytes of {size} differ"
        head = s3.head_object(Bucket=name, Key=f"k{size}")
        equal((head["ContentLength"], head["ETag"]), (size, md5(data)))


@case
def missing_objects_and_buckets():
    name = bucket()
    answer = fails("NoSuchKey", 404, s3.get_object, Bucket=name, Key="no <such> key")
    equal(answer["Error"]["Key"], "no <such> key")
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-request-id"]
    fails("404", 404, s3.head_object, Bucket=name, Key="k")
    fails("NoSuchBucket", 404, s3.get_object, Bucket="no-such-bucket", Key="k")
    fails("NoSuchBucket", 404, s3.put_object, Bucket="no-such-bucket", Key="k", Body=b"x")
    fails("NoSuchBucket", 404, s3.list_objects_v2, Bucket="no-such-bucket")
    fails("NoSuchBucket", 404, s3.delete_object, Bucket="no-such-bucket", Key="k")
    equal(s3.delete_object(Bucket=name, Key="k")["ResponseMetadata"]["HTTPStatusCode"], 204)


@case
def odd_keys():
    name = bucket()
    keys = [
        "a b", "a+b", "a%20b", "a%2Fb", "//x", "a//b", "/a", "a/", ".", "..", "../../etc/passwd", "\u00f6\u4e2d\U0001f428", "a&b=c",
        "a?b", "a#b", "<x>", "'q'\"", "~", "*", "%", "x" * 1024, "tab\tnew\nline", "e\u0301", "\u00e9",
    ]
    for key in keys:
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
    for key in keys:
        equal(body(name, key), key.encode())
    found = [o["Key"] for o in s3.list_objects_v2(Bucket=name)["Contents"]]
    equal(found, sorted(keys, key=lambda k: k.encode()))
    answer = fails("KeyTooLongError", 400, s3.put_object, Bucket=name, Key="x" * 1025, Body=b"")
    equal(answer["Error"]["MaxSizeAllowed"], "1024")


@case
def ranges():
    name = bucket()
    data = bytes(range(256)) * 40000
    s3.put_object(Bucket=name, Key="k", Body=data)
    for text, start, end in [
        ("bytes=0-0", 0, 1), ("bytes=5-9", 5, 10), ("bytes=8388600-8388620", 8388600, 8388621),
        ("bytes=10239990-", 10239990, len(data)), ("bytes=-10", len(data) - 10, len(data)),
        ("bytes=100-99999999", 100, len(data)),
    ]:
        got = s3.get_object(Bucket=name, Key="k", Range=text)
        equal(got["ResponseMetadata"]["HTTPStatusCode"], 206)
        equal(got["ContentRange"], f"bytes {start}-{end - 1}/{len(data)}")
        assert got["Body"].read() == data[start:end], text
        head = s3.head_object(Bucket=name, Key="k", Range=text)
        equal((head["ContentLength"], head["ResponseMetadata"]["HTTPStatusCode"]), (end - start, 206))
    answer = fails("InvalidRange", 416, s3.get_object, Bucket=name, Key="k", Range="bytes=99999999-")
    equal(answer["Error"]["ActualObjectSize"], str(len(data)))
    equal(len(body(name, "k", Range="bytes=5-2")), len(data))
    equal(len(body(name, "k", Range="bytes=0-1,4-5")), len(data))
    s3.put_object(Bucket=name, Key="empty", Body=b"")
    fails("InvalidRange", 416, s3.get_object, Bucket=name, Key="empty", Range="bytes=0-")


@case
def conditional_reads():
    name = bucket()
    etag = s3.put_object(Bucket=name, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=name, Key="k")["LastModified"]
    before, after = modified - timedelta(hours=1), modified + timedelta(hours=1)
    for call in [s3.get_object, s3.head_object]:
        call(Bucket=name, Key="k", IfMatch=etag)
        call(Bucket=name, Key="k", IfMatch=etag.strip('"'))
        call(Bucket=name, Key="k", IfMatch="*")
        call(Bucket=name, Key="k", IfNoneMatch='"other"')
        call(Bucket=name, Key="k", IfModifiedSince=before)
        call(Bucket=name, Key="k", IfUnmodifiedSince=after)
        call(Bucket=name, Key="k", IfMatch=etag, IfUnmodifiedSince=before)
        failed = "PreconditionFailed" if call == s3.get_object else "412"
        fails(failed, 412, call, Bucket=name, Key="k", IfMatch='"other"')
        fails(failed, 412, call, Bucket=name, Key="k", IfUnmodifiedSince=before)
        answer = fails("304", 304, call, Bucket=name, Key="k", IfNoneMatch=etag)
        equal(answer["ResponseMetadata"]["HTTPHeaders"]["etag"], etag)
        fails("304", 304, call, Bucket=name, Key="k", IfNoneMatch=etag.strip('"'))
        fails("304", 304, call, Bucket=name, Key="k", IfModifiedSince=modified)
        fails("304", 304, call, Bucket=name, Key="k", IfNoneMatch=etag, IfModifiedSince=before)


@case
def conditional_writes():
    name = bucket()
    fails("NoSuchKey", 404, s3.put_object, Bucket=name, Key="k", Body=b"x", IfMatch='"a"')
    etag = s3.put_object(Bucket=name, Key="k", Body=b"one", IfNoneMatch="*")["ETag"]
    fails("PreconditionFailed", 412, s3.put_object, Bucket=name, Key="k", Body=b"two", IfNoneMatch="*")
    fails("NotImplemented", 501, s3.put_object, Bucket=name, Key="k", Body=b"two", IfNoneMatch=etag)
    fails("PreconditionFailed", 412, s3.put_object, Bucket=name, Key="k", Body=b"two", IfMatch='"a"')
    equal(body(name, "k"), b"one")
    s3.put_object(Bucket=name, Key="k", Body=b"two", IfMatch=etag)
    equal(body(name, "k"), b"two")
    fails("PreconditionFailed", 412, s3.delete_object, Bucket=name, Key="k", IfMatch=etag)
    s3.delete_object(Bucket=name, Key="k", IfMatch=md5(b"two"))
    fails("404", 404, s3.head_object, Bucket=name, Key="k")
    s3.delete_object(Bucket=name, Key="k", IfMatch=etag)
    fails("PreconditionFailed", 412, s3.delete_object, Bucket=name, Key="k", IfMatch="*")


@case
def of_many_conditional_writers_one_wins():
    name = bucket()

    def write(index):
        try:
            s3.put_object(Bucket=name, Key="k", Body=str(index).encode(), IfNoneMatch="*")
            return index
        except ClientError as error:
            equal(error.response["Error"]["Code"], "PreconditionFailed")
            return None

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        winners = [index for index in pool.map(write, range(32)) if index is not None]
    equal(len(winners), 1)
    equal(body(name, "k"), str(winners[0]).encode())


@case
def metadata_and_headers():
    name = bucket()
    expires = datetime(2031, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
    s3.put_object(
        Bucket=name, Key="k", Body=b"x", ContentType="text/html; charset=utf-8", CacheControl="max-age=5",
        ContentDisposition='attachment; filename="a b"', ContentEncoding="gzip", ContentLanguage="de",
        Expires=expires, Metadata={"Colour": "blue", "empty": ""}, StorageClass="STANDARD_IA",
        Tagging="a=1&b=%26%20",
    )
    for answer in [s3.head_object(Bucket=name, Key="k"), s3.get_object(Bucket=name, Key="k")]:
        equal(answer["ContentType"], "text/html; charset=utf-8")
        equal(answer["CacheControl"], "max-age=5")
        equal(answer["ContentDisposition"], 'attachment; filename="a b"')
        equal(answer["ContentEncoding"], "gzip")
        equal(answer["ContentLanguage"], "de")
        equal(answer["ExpiresString"], "Sat, 03 Feb 2031 04:05:06 GMT".replace("Sat", expires.strftime("%a")))
        equal(answer["Metadata"], {"colour": "blue", "empty": ""})
        equal(answer["StorageClass"], "STANDARD_IA")
        equal(answer["AcceptRanges"], "bytes")
    equal(s3.get_object(Bucket=name, Key="k")["TagCount"], 2)
    s3.put_object(Bucket=name, Key="plain", Body=b"x")
    plain = s3.head_object(Bucket=name, Key="plain")
    equal((plain["ContentType"], plain["Metadata"]), ("binary/octet-stream", {}))
    assert "StorageClass" not in plain
    fails("InvalidStorageClass", 400, s3.put_object, Bucket=name, Key="k", Body=b"", StorageClass="LOFT")
    fails("MetadataTooLarge", 400, s3.put_object, Bucket=name, Key="k", Body=b"", Metadata={"a": "x" * 2048})
    s3.put_object(Bucket=name, Key="k", Body=b"", Metadata={"a": "x" * 2047})


@case
def metadata_in_utf_8():
    name = bucket()
    value = "Gr\u00fc\u00dfe \U0001f428"
    status, _, _ = http("PUT", f"/{name}/k", b"x", {"x-amz-meta-greeting": value})
    equal(status, 200)
    _, headers, _ = http("GET", f"/{name}/k")
    equal(headers["x-amz-meta-greeting"].encode("latin-1").decode(), value)


@case
def response_overrides():
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"x", ContentType="a/b")
    got = s3.get_object(
        Bucket=name, Key="k", ResponseContentType="c/d", ResponseCacheControl="no-store",
        ResponseContentDisposition="inline", ResponseContentEncoding="br", ResponseContentLanguage="fr",
    )
    equal(
        [got[k] for k in ["ContentType", "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage"]],
        ["c/d", "no-store", "inline", "br", "fr"],
    )
    status, headers, _ = http("GET", f"/{name}/k?response-content-type=a%0d%0aX-Evil:%201")
    equal((status, "X-Evil" in headers), (400, False))


@case
def content_md5():
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"hello", ContentMD5="XUFAKrxLKna5cZ2REBfFkg==")
    fails("BadDigest", 400, s3.put_object, Bucket=name, Key="k", Body=b"jello", ContentMD5="XUFAKrxLKna5cZ2REBfFkg==")
    fails("InvalidDigest", 400, s3.put_object, Bucket=name, Key="k", Body=b"x", ContentMD5="nonsense")
    equal(body(name, "k"), b"hello")


@case
def delete_objects():
    name = bucket()
    keys = [f"k{index:04}" for index in range(1000)] + ["<&>"]
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda key: s3.put_object(Bucket=name, Key=key, Body=b"x"), keys))
    answer = s3.delete_objects(Bucket=name, Delete={"Objects": [{"Key": "<&>"}, {"Key": "none"}]})
    equal([d["Key"] for d in answer["Deleted"]], ["<&>", "none"])
    fails(
        "MalformedXML", 400, s3.delete_objects, Bucket=name,
        Delete={"Objects": [{"Key": key} for key in keys]},
    )
    fails("MalformedXML", 400, s3.delete_objects, Bucket=name, Delete={"Objects": []})
    answer = s3.delete_objects(
        Bucket=name,
        Delete={"Quiet": True, "Objects": [{"Key": key} for key in keys[:998]] + [{"Key": "k0998", "VersionId": "abc"}]},
    )
    assert "Deleted" not in answer
    equal([(e["Key"], e["Code"]) for e in answer["Errors"]], [("k0998", "NotImplemented")])
    answer = s3.delete_objects(
        Bucket=name, Delete={"Objects": [{"Key": "k0998", "ETag": '"a"'}, {"Key": "k0999", "ETag": md5(b"x")}]}
    )
    equal([e["Code"] for e in answer["Errors"]], ["PreconditionFailed"])
    document = b"<Delete><Object><Key>k0998</Key></Object></Delete>"
    for field, value in [("Content-MD5", "XUFAKrxLKna5cZ2REBfFkg=="), ("x-amz-checksum-crc32", "AAAAAA==")]:
        status, _, text = http("POST", f"/{name}?delete", document, {field: value})
        assert status == 400 and b"<Code>BadDigest</Code>" in text, (field, status, text)
    equal([o["Key"] for o in s3.list_objects_v2(Bucket=name)["Contents"]], ["k0998"])


@case
def copy_object():
    name, other = bucket(), bucket()
    data = b"0123456789" * 1_000_000
    s3.put_object(Bucket=name, Key="a b/\u00f6+", Body=data, ContentType="a/b", Metadata={"x": "1"}, Tagging="t=1")
    source = {"Bucket": name, "Key": "a b/\u00f6+"}
    answer = s3.copy_object(Bucket=other, Key="copy", CopySource=source)["CopyObjectResult"]
    equal(answer["ETag"], md5(data))
    assert abs(datetime.now(timezone.utc) - answer["LastModified"]) < timedelta(minutes=1)
    head = s3.head_object(Bucket=other, Key="copy")
    equal((head["ContentType"], head["Metadata"]), ("a/b", {"x": "1"}))
    equal(s3.get_object_tagging(Bucket=other, Key="copy")["TagSet"], [{"Key": "t", "Value": "1"}])
    s3.copy_object(
        Bucket=other, Key="copy2", CopySource=source, MetadataDirective="REPLACE", Metadata={"y": "2"},
        ContentType="c/d", TaggingDirective="REPLACE", Tagging="u=2",
    )
    head = s3.head_object(Bucket=other, Key="copy2")
    equal((head["ContentType"], head["Metadata"]), ("c/d", {"y": "2"}))
    equal(s3.get_object_tagging(Bucket=other, Key="copy2")["TagSet"], [{"Key": "u", "Value": "2"}])
    s3.delete_object(Bucket=name, Key="a b/\u00f6+")
    assert body(other, "copy") == data
    assert body(other, "copy2") == data
    fails("NoSuchKey", 404, s3.copy_object, Bucket=other, Key="k", CopySource=source)
    fails("NoSuchBucket", 404, s3.copy_object, Bucket=other, Key="k", CopySource="no-such-bucket/k")
    fails("NoSuchBucket", 404, s3.copy_object, Bucket="no-such-bucket", Key="k", CopySource=f"{other}/copy")
    fails("InvalidArgument", 400, s3.copy_object, Bucket=other, Key="k", CopySource="nothing")
    fails("NotImplemented", 501, s3.copy_object, Bucket=other, Key="k", CopySource=f"{other}/copy?versionId=abc")


@case
def copy_conditions():
    name = bucket()
    etag = s3.put_object(Bucket=name, Key="k", Body=b"x")["ETag"]
    modified = s3.head_object(Bucket=name, Key="k")["LastModified"]
    before, after = modified - timedelta(hours=1), modified + timedelta(hours=1)
    source = f"{name}/k"
    for good in [
        {"CopySourceIfMatch": etag}, {"CopySourceIfNoneMatch": '"a"'}, {"CopySourceIfModifiedSince": before},
        {"CopySourceIfUnmodifiedSince": after},
    ]:
        s3.copy_object(Bucket=name, Key="copy", CopySource=source, **good)
    for bad in [
        {"CopySourceIfMatch": '"a"'}, {"CopySourceIfNoneMatch": etag}, {"CopySourceIfModifiedSince": after - timedelta(minutes=59)},
        {"CopySourceIfUnmodifiedSince": before},
    ]:
        if "CopySourceIfModifiedSince" in bad:
            bad = {"CopySourceIfModifiedSince": modified}
        fails("PreconditionFailed", 412, s3.copy_object, Bucket=name, Key="copy", CopySource=source, **bad)


@case
def copy_onto_itself():
    name = bucket()
    for size in [5, 9 << 20]:
        data = b"x" * size
        s3.put_object(Bucket=name, Key="k", Body=data, Metadata={"a": "1"})
        fails("InvalidRequest", 400, s3.copy_object, Bucket=name, Key="k", CopySource=f"{name}/k")
        s3.copy_object(
            Bucket=name, Key="k", CopySource=f"{name}/k", MetadataDirective="REPLACE", Metadata={"b": "2"},
            ContentType="c/d",
        )
        head = s3.head_object(Bucket=name, Key="k")
        equal((head["Metadata"], head["ContentType"], head["ETag"]), ({"b": "2"}, "c/d", md5(data)))
        assert body(name, "k") == data


@case
def object_tagging():
    name = bucket()
    for size in [5, 9 << 20]:
        data = b"x" * size
        s3.put_object(Bucket=name, Key="k", Body=data, Metadata={"a": "1"})
        modified = s3.head_object(Bucket=name, Key="k")["LastModified"]
        equal(s3.get_object_tagging(Bucket=name, Key="k")["TagSet"], [])
        tags = [{"Key": "a", "Value": "<1>"}, {"Key": "b", "Value": ""}]
        s3.put_object_tagging(Bucket=name, Key="k", Tagging={"TagSet": tags})
        equal(s3.get_object_tagging(Bucket=name, Key="k")["TagSet"], tags)
        got = s3.get_object(Bucket=name, Key="k")
        equal((got["TagCount"], got["Metadata"], got["LastModified"]), (2, {"a": "1"}, modified))
        assert got["Body"].read() == data
        equal(s3.delete_object_tagging(Bucket=name, Key="k")["ResponseMetadata"]["HTTPStatusCode"], 204)
        equal(s3.get_object_tagging(Bucket=name, Key="k")["TagSet"], [])
        assert body(name, "k") == data
    many = [{"Key": str(i), "Value": "x"} for i in range(11)]
    twice = [{"Key": "a", "Value": "x"}, {"Key": "a", "Value": "y"}]
    for bad in [many, twice, [{"Key": "aws:x", "Value": ""}], [{"Key": "k" * 129, "Value": ""}], [{"Key": "k", "Value": "v" * 257}]]:
        fails("InvalidTag", 400, s3.put_object_tagging, Bucket=name, Key="k", Tagging={"TagSet": bad})
    fails("NoSuchKey", 404, s3.get_object_tagging, Bucket=name, Key="none")
    fails("NoSuchKey", 404, s3.put_object_tagging, Bucket=name, Key="none", Tagging={"TagSet": tags})
    fails("InvalidTag", 400, s3.put_object, Bucket=name, Key="k", Body=b"", Tagging="a=1&a=2")


@case
def object_acl():
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    equal([g["Permission"] for g in s3.get_object_acl(Bucket=name, Key="k")["Grants"]], ["FULL_CONTROL"])
    s3.put_object_acl(Bucket=name, Key="k", ACL="public-read")
    equal([g["Permission"] for g in s3.get_object_acl(Bucket=name, Key="k")["Grants"]], ["FULL_CONTROL", "READ"])
    equal(body(name, "k"), b"x")
    s3.put_object(Bucket=name, Key="p", Body=b"x", ACL="public-read")
    equal(len(s3.get_object_acl(Bucket=name, Key="p")["Grants"]), 2)
    fails("NoSuchKey", 404, s3.get_object_acl, Bucket=name, Key="none")
    fails("NotImplemented", 501, s3.put_object, Bucket=name, Key="k", Body=b"", ACL="authenticated-read")


@case
def object_attributes():
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"hello")
    answer = s3.get_object_attributes(Bucket=name, Key="k", ObjectAttributes=["ETag", "ObjectSize", "StorageClass"])
    equal(
        (answer["ETag"], answer["ObjectSize"], answer["StorageClass"]),
        (md5(b"hello").strip('"'), 5, "STANDARD"),
    )
    assert answer["LastModified"]
    assert "ETag" not in s3.get_object_attributes(Bucket=name, Key="k", ObjectAttributes=["ObjectSize"])
    fails("InvalidArgument", 400, s3.get_object_attributes, Bucket=name, Key="k", ObjectAttributes=["Nothing"])
    fails("NoSuchKey", 404, s3.get_object_attributes, Bucket=name, Key="none", ObjectAttributes=["ETag"])


# Lists

TREE = ["a", "b/1", "b/2", "b/c/3", "d", "e/", "e/x", "f g", "h+i", "\u00f6"]


def tree():
    name = bucket()
    for key in TREE:
        s3.put_object(Bucket=name, Key=key, Body=key.encode())
    return name


@case
def lists():
    name = tree()
    ordered = sorted(TREE, key=lambda k: k.encode())
    for call in [s3.list_objects, s3.list_objects_v2]:
        # boto3 asks for percent-encoding itself, and decodes only what it asked for.
        found = call(Bucket=name, EncodingType="url")
        equal(found["EncodingType"], "url")
        equal([o["Key"] for o in found["Contents"]], [urllib.parse.quote(k) for k in ordered])
        for encoding in [{}, {"EncodingType": "url"}]:
            found = call(Bucket=name, **encoding)
            equal(len(found["Contents"]), len(ordered))
            equal((found["Name"], found["MaxKeys"], found["IsTruncated"]), (name, 1000, False))
            found = call(Bucket=name, Delimiter="/", **encoding)
            equal(len(found["Contents"]), len([k for k in ordered if "/" not in k]))
            equal([p["Prefix"] for p in found["CommonPrefixes"]], ["b/", "e/"])
            found = call(Bucket=name, Prefix="b/", Delimiter="/", **encoding)
            equal([o["Key"] for o in found["Contents"]], ["b/1", "b/2"])
            equal([p["Prefix"] for p in found["CommonPrefixes"]], ["b/c/"])
            equal((found["Prefix"], found["Delimiter"]), ("b/", "/"))
        equal([o["Key"] for o in call(Bucket=name)["Contents"]], ordered)
        assert "Contents" not in call(Bucket=name, Prefix="nothing")
        found = call(Bucket=name, MaxKeys=0)
        equal(("Contents" in found, found["IsTruncated"]), (False, False))
        equal(call(Bucket=name, MaxKeys=5000)["MaxKeys"], 1000)
    entry = s3.list_objects_v2(Bucket=name, Prefix="b/1")["Contents"][0]
    equal((entry["Size"], entry["ETag"], entry["StorageClass"]), (3, md5(b"b/1"), "STANDARD"))
    equal(entry["LastModified"], s3.head_object(Bucket=name, Key="b/1")["LastModified"])
    assert "Owner" not in entry
    assert s3.list_objects_v2(Bucket=name, FetchOwner=True)["Contents"][0]["Owner"]["ID"]
    assert s3.list_objects(Bucket=name)["Contents"][0]["Owner"]["ID"]


@case
def list_pages():
    name = tree()
    ordered = sorted(TREE, key=lambda k: k.encode())
    for size in [1, 2, 3, 9, 10]:
        for arguments in [{}, {"Delimiter": "/"}]:
            found, token = [], None
            while True:
                more = {"ContinuationToken": token} if token else {}
                page = s3.list_objects_v2(Bucket=name, MaxKeys=size, **arguments, **more)
                names = [o["Key"] for o in page.get("Contents", [])]
                names += [p["Prefix"] for p in page.get("CommonPrefixes", [])]
                equal(page["KeyCount"], len(names))
                assert len(names) <= size
                found += names
                if not page["IsTruncated"]:
                    break
                token = page["NextContinuationToken"]
            flat = ordered if not arguments else [k for k in ordered if "/" not in k] + ["b/", "e/"]
            equal(sorted(found), sorted(flat))
            found, marker = [], ""
            while True:
                page = s3.list_objects(Bucket=name, MaxKeys=size, Marker=marker, **arguments)
                keys = [o["Key"] for o in page.get("Contents", [])]
                found += keys + [p["Prefix"] for p in page.get("CommonPrefixes", [])]
                if not page["IsTruncated"]:
                    break
                equal("NextMarker" in page, bool(arguments))
                marker = page["NextMarker"] if arguments else keys[-1]
            equal(sorted(found), sorted(flat))
    equal([o["Key"] for o in s3.list_objects_v2(Bucket=name, StartAfter="d")["Contents"]][0], "e/")
    equal(s3.list_objects_v2(Bucket=name, StartAfter="d")["StartAfter"], "d")
    fails("InvalidArgument", 400, s3.list_objects_v2, Bucket=name, ContinuationToken="nonsense")
    fails("InvalidArgument", 400, s3.list_objects_v2, Bucket=name, MaxKeys=-1)


# One store, and what there is not


@case
def native_upload_is_an_s3_object():
    form = (
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="both.txt"\r\n'
        b"Content-Type: text/plain\r\n\r\nhello\r\n--B--\r\n"
    )
    status, _, _ = http("POST", "/upload", form, {"Content-Type": "multipart/form-data; boundary=B"}, NATIVE)
    equal(status, 200)
    got = s3.get_object(Bucket="default", Key="both.txt")
    equal((got["Body"].read(), got["ContentType"], got["ETag"]), (b"hello", "text/plain", md5(b"hello")))
    s3.put_object(Bucket="default", Key="other.txt", Body=b"world", ContentType="text/x")
    status, headers, data = http("GET", "/blob/other.txt", base=NATIVE)
    equal((status, data, headers["Content-Type"], headers["ETag"]), (200, b"world", "text/x", md5(b"world")))
    s3.delete_object(Bucket="default", Key="both.txt")
    equal(http("GET", "/blob/both.txt", base=NATIVE)[0], 404)
    s3.put_bucket_tagging(Bucket="default", Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    equal(len(s3.get_bucket_tagging(Bucket="default")["TagSet"]), 1)
    s3.delete_bucket_tagging(Bucket="default")


@case
def what_there_is_not_says_so():
    name = bucket()
    s3.put_object(Bucket=name, Key="k", Body=b"x")
    cors = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
    for call, arguments in [
        (s3.put_bucket_versioning, {"VersioningConfiguration": {"Status": "Enabled"}}),
        (s3.list_object_versions, {}), (s3.get_bucket_lifecycle_configuration, {}), (s3.get_bucket_cors, {}),
        (s3.put_bucket_cors, {"CORSConfiguration": cors}), (s3.get_bucket_policy, {}), (s3.put_bucket_policy, {"Policy": "{}"}),
        (s3.get_object_lock_configuration, {}), (s3.get_bucket_encryption, {}), (s3.get_bucket_notification_configuration, {}),
        (s3.get_bucket_website, {}), (s3.get_bucket_replication, {}), (s3.get_bucket_logging, {}),
        (s3.get_bucket_accelerate_configuration, {}), (s3.get_bucket_request_payment, {}), (s3.get_public_access_block, {}),
        (s3.get_bucket_ownership_controls, {}), (s3.list_bucket_inventory_configurations, {}),
        (s3.list_bucket_analytics_configurations, {}), (s3.list_bucket_metrics_configurations, {}),
    ]:
        fails("NotImplemented", 501, call, Bucket=name, **arguments)
    for call, arguments in [
        (s3.get_object_retention, {}), (s3.get_object_legal_hold, {}), (s3.restore_object, {}), (s3.get_object_torrent, {}),
        (s3.get_object, {"VersionId": "abc"}), (s3.delete_object, {"VersionId": "abc"}),
        (s3.put_object, {"Body": b"y", "ServerSideEncryption": "AES256"}),
        (s3.put_object, {"Body": b"y", "ObjectLockMode": "GOVERNANCE"}),
        (s3.put_object, {"Body": b"y", "WebsiteRedirectLocation": "/x"}),
        (s3.put_object, {"Body": b"y", "GrantRead": "id=1"}),
    ]:
        fails("NotImplemented", 501, call, Bucket=name, Key="k", **arguments)
    equal(body(name, "k"), b"x")
    equal(http("POST", f"/{name}", b"", {"Content-Type": "multipart/form-data; boundary=B"})[0], 501)
    equal(http("OPTIONS", f"/{name}/k")[0], 501)
    equal(http("PATCH", f"/{name}/k")[0], 405)


@case
def malformed_requests():
    name = bucket()
    equal(http("GET", "/%zz/k")[0], 400)
    with socket.create_connection(("127.0.0.1", int(sys.argv[1].split(",")[0]))) as connection:
        connection.sendall(signed_head("PUT", f"/{name}/k"))
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 411 ") and b"<Code>MissingContentLength</Code>" in answer, answer
    for path, data in [
        (f"/{name}?delete", b"<Delete>"), (f"/{name}?delete", b""), (f"/{name}?delete", b"<Other/>"),
        (f"/{name}?delete", b'<!DOCTYPE a [<!ENTITY b "c">]><Delete><Object><Key>&b;</Key></Object></Delete>'),
    ]:
        status, _, text = http("POST", path, data)
        assert status == 400 and b"<Code>MalformedXML</Code>" in text, (data, status, text)
    status, _, text = http("PUT", f"/{name}?tagging", b"<Tagging><TagSet>" + b" " * (1 << 20) + b"</TagSet></Tagging>")
    equal(status, 400)
    status, _, text = http("GET", f"/{name}?encoding-type=base64")
    assert status == 400 and b"<Code>InvalidArgument</Code>" in text


def main():
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    failures = 0
    for function in CASES:
        if wanted not in function.__name__:
            continue
        start = datetime.now()
        try:
            function()
            print(f"ok   {function.__name__} ({(datetime.now() - start).total_seconds():.2f} s)", flush=True)
        except Exception:
            failures += 1
            print(f"FAIL {function.__name__}\n{traceback.format_exc()}", flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
