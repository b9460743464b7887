"""Valid requests to each port: what mutations begin with."""

import base64
import copy
import hashlib
import hmac
import json
import struct
import time

import attacked
import authority
import servers

HOST = b"127.0.0.1"


class Request:
    def __init__(self, method, target, fields=(), body=b"", chunks=None):
        self.method, self.target, self.body, self.chunks = method.encode(), target.encode(), body, chunks
        self.fields = [(b"Host", HOST), *((name.encode(), value.encode()) for name, value in fields)]

    def copied(self):
        """-> one that can be changed."""
        request = copy.copy(self)
        request.fields = list(self.fields)
        return request

    @property
    def has_length(self):
        return any(name.lower() in (b"content-length", b"transfer-encoding") for name, _ in self.fields)

    def head(self):
        lines = [self.method + b" " + self.target + b" HTTP/1.1", *(name + b": " + value for name, value in self.fields)]
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def frame_chunks(self, key):
        """Frames the body as aws-chunked, with signatures that follow that of the head, which was made by `key`; with
        others of the same length where it is None."""
        if not self.chunks:
            return
        time, scope = key.chain if key else ("", "")
        previous, framed = key.signature if key else "", b""
        for chunk in [*self.chunks, b""]:
            text = "\n".join(["AWS4-HMAC-SHA256-PAYLOAD", time, scope, previous, hashlib.sha256(b"").hexdigest(),
                              hashlib.sha256(chunk).hexdigest()])
            signing_key = key.signing_key(scope) if key else b""
            previous = hmac.digest(signing_key, text.encode(), "sha256").hex()
            framed += b"%x;chunk-signature=%s\r\n%s" % (len(chunk), previous.encode(), chunk + b"\r\n" if chunk else b"")
        self.body = framed + b"\r\n"


class Target:
    """A port, what is sent to it, and who proves that it may be sent."""

    def __init__(self, name, port, samples, authority):
        self.name, self.port, self.samples, self.authority = name, port, samples, authority


class Bearer:
    """An access key as the native API takes it."""

    def sign(self, method, target, fields, body):
        return [*fields, (b"Authorization", f"Bearer {attacked.ACCESS_KEY}:{attacked.SECRET_KEY}".encode())]


class Unsigned:
    """Nothing: for servers that ask nobody."""

    def sign(self, method, target, fields, body):
        return fields


def targets(cluster):
    found = [
        Target("server", cluster.server.port, native(), Unsigned()),
        Target("coordinator", cluster.coordinator.port, native(), Bearer()),
    ]
    for process in (cluster.server, cluster.coordinator):
        found.append(Target(f"{process.name}-s3", process.s3_port, s3(), authority.Key(attacked.ACCESS_KEY, attacked.SECRET_KEY)))
    for node in cluster.nodes:
        identifier = json.loads(servers.get(f"http://127.0.0.1:{node.port}/health")[1])["node_id"]
        found.append(Target(node.name, node.port, of_node(), authority.NodeTokens(attacked.CLUSTER_SECRET, identifier)))
    # Signed requests have the most that can be wrong with them.
    return found + [target for target in found if target.name.endswith("-s3")]


def form(*parts):
    body = b"".join(b"--b\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + value + b"\r\n"
                    for head, value in parts)
    return body + b"--b--\r\n"


MULTIPART = ("Content-Type", "multipart/form-data; boundary=b")
URLENCODED = ("Content-Type", "application/x-www-form-urlencoded")
JSON = ("Content-Type", "application/json")
UPLOAD = "0190000000000000" * 2


def native():
    return [
        Request("PUT", "/blob/a", [("Content-Type", "text/plain")], b"hello"),
        Request("PUT", "/blob/large", [("If-None-Match", "*"), ("Expect", "100-continue")], b"x" * 100_000),
        Request("GET", "/blob/a", [("Range", "bytes=0-1,3-"), ("If-Range", '"x"')]),
        Request("GET", "/blob/large", [("If-None-Match", '"x", W/"y"'), ("Want-Repr-Digest", "sha-256=1")]),
        Request("HEAD", "/blob/a", [("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT")]),
        Request("DELETE", "/blob/b", [("If-Match", '"x"')]),
        Request("GET", "/blob/a/status"), Request("GET", "/blobs?prefix=a&delimiter=%2F&start_after=a&limit=10"),
        Request("POST", "/upload?on_conflict=rename", [MULTIPART], form(('name="file"; filename="a.txt"', b"hello"))),
        Request("POST", "/upload", [MULTIPART], form(('name="file_hash"', hashlib.md5(b"x").hexdigest().encode()),
                                                     ('name="input_file"; filename*=UTF-8\'\'%C3%A4', b"x"))),
        Request("POST", "/file", [JSON], json.dumps({"filename": "f", "file": base64.b64encode(b"x" * 50).decode()}).encode()),
        Request("POST", "/file", [URLENCODED], b"filename=g&file=" + base64.b64encode(b"x" * 50).replace(b"+", b"%2B")),
        Request("GET", "/file/f"), Request("DELETE", "/file/g"), Request("GET", "/download?filename=a"),
        Request("POST", "/store", [JSON], b'{"key": "k", "value": "\\u00e4\\n", "filename": null}'),
        Request("GET", "/retrieve/k"), Request("POST", "/uploads?name=parts", [("Content-Type", "a/b")]),
        Request("PUT", f"/uploads/{UPLOAD}/1", [], b"part"), Request("POST", f"/uploads/{UPLOAD}/complete"),
        Request("GET", f"/uploads/{UPLOAD}"), Request("DELETE", f"/uploads/{UPLOAD}"), Request("GET", "/nodes"),
        Request("GET", "/status"), Request("GET", "/health"), Request("GET", "/ready"), Request("GET", "/openapi.json"),
        Request("GET", "/test"), Request("OPTIONS", "/blob/a", [("Origin", "http://evil.example")]), Request("POST", "/gc"),
        Request("GET", "/keys"), Request("PUT", "/blob/copy", [("X-Cairn-Copy-Source", "a"), ("X-Cairn-Replicas", "1")]),
        Request("GET", f"/nodes/{UPLOAD}"),
    ]


def s3():
    empty, unsigned = hashlib.sha256(b"").hexdigest(), ("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
    nothing = ("x-amz-content-sha256", empty)
    tags = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
    delete = b"<Delete><Quiet>true</Quiet><Object><Key>a</Key></Object><Object><Key>b&amp;c</Key></Object></Delete>"
    complete = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>x</ETag></Part></CompleteMultipartUpload>"
    policy = (b"<AccessControlPolicy><AccessControlList><Grant><Grantee><URI>http://acs.amazonaws.com/groups/global/AllUsers"
              b"</URI></Grantee><Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>")
    chunked = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n"
    get = [
        "/", "/honest", "/honest/key", "/honest/key?partNumber=1", "/honest?list-type=2&prefix=a&delimiter=%2F&max-keys=5",
        "/honest?list-type=2&continuation-token=AWFi&encoding-type=url&start-after=a&fetch-owner=true", "/honest?marker=a",
        "/honest?location", "/honest?versioning", "/honest?acl", "/honest?tagging", "/honest?uploads&prefix=a&key-marker=b",
        "/honest/key?acl", "/honest/key?tagging", "/honest/key?attributes", f"/honest/key?uploadId={UPLOAD}&max-parts=2",
        "/honest?policy", "/honest?versions", "/honest/key?versionId=null", "/honest/key?response-content-type=a%2Fb",
    ]
    return [Request("GET", target, [nothing]) for target in get] + [
        Request("HEAD", "/honest/a%20b", [nothing, ("Range", "bytes=-3"), ("x-amz-checksum-mode", "ENABLED")]),
        Request("GET", "/honest/key", [nothing, ("If-None-Match", '"x"'), ("Range", "bytes=1-2")]),
        Request("PUT", "/honest/a%20b", [unsigned, ("x-amz-meta-a", "b"), ("x-amz-tagging", "a=b"), ("Content-MD5", "XUFAKrxLKna5cZ2REBfFkg==")], b"hello"),
        Request("PUT", "/honest/%C3%A4/%2F", [unsigned, ("x-amz-checksum-crc32", "NhCmhg=="), ("x-amz-storage-class", "GLACIER")], b"hello"),
        Request("PUT", "/honest/chunks", [
            ("x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"), ("x-amz-decoded-content-length", "11"),
            ("Content-Encoding", "aws-chunked")], chunks=[b"hello", b" world"]),
        Request("PUT", "/honest/trailer", [
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), ("x-amz-decoded-content-length", "5"),
            ("x-amz-trailer", "x-amz-checksum-crc32"), ("Content-Encoding", "aws-chunked")], chunked),
        Request("PUT", "/honest/copy", [nothing, ("x-amz-copy-source", "/honest/key"), ("x-amz-metadata-directive", "REPLACE")]),
        Request("PUT", "/made", [unsigned], b"<CreateBucketConfiguration><LocationConstraint>us-east-1</LocationConstraint></CreateBucketConfiguration>"),
        Request("DELETE", "/made", [nothing]), Request("HEAD", "/made", [nothing]), Request("DELETE", "/honest/a", [nothing]),
        Request("PUT", "/made?tagging", [unsigned], tags), Request("PUT", "/honest/key?tagging", [unsigned], tags),
        Request("PUT", "/made?acl", [unsigned], policy), Request("PUT", "/honest/key?acl", [unsigned], policy),
        Request("POST", "/honest?delete", [unsigned], delete), Request("DELETE", "/honest/key?tagging", [nothing]),
        Request("POST", "/honest/parts?uploads", [nothing, ("x-amz-checksum-algorithm", "CRC32")]),
        Request("PUT", f"/honest/parts?partNumber=1&uploadId={UPLOAD}", [unsigned], b"part"),
        Request("PUT", f"/honest/parts?partNumber=2&uploadId={UPLOAD}", [nothing, ("x-amz-copy-source", "honest/key"), ("x-amz-copy-source-range", "bytes=0-9")]),
        Request("POST", f"/honest/parts?uploadId={UPLOAD}", [unsigned], complete),
        Request("DELETE", f"/honest/parts?uploadId={UPLOAD}", [nothing]),
        Request("OPTIONS", "/honest/key", [("Origin", "http://evil.example"), ("Access-Control-Request-Method", "PUT")]),
    ]


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def record(blob, payload):
    """A chunk as it is stored."""
    high, low = int(blob[:16], 16), int(blob[16:], 16)
    head = struct.pack("<4sBBHIIQQQI", b"CRN1", 1, 2, 0, 0, len(payload), high, low, time.time_ns(), crc32c(payload))
    return head + struct.pack("<I", crc32c(head)) + payload


def of_node():
    """Of a volume that no coordinator knows: the cluster's own stay as they are."""
    volume, blob = "00000000000000aa", UPLOAD
    stored = record(blob, b"hello")
    return [
        Request("GET", "/volumes"), Request("PUT", f"/volumes/{volume}"), Request("POST", f"/volumes/{volume}/records", [], stored),
        Request("POST", f"/volumes/{volume}/seal"), Request("GET", f"/volumes/{volume}/blobs/{blob}", [("Range", "bytes=0-9")]),
        Request("GET", f"/volumes/{volume}/records?from=128&kinds=names"), Request("GET", f"/volumes/{volume}/records?since=1700000000000"),
        Request("GET", f"/volumes/{volume}/records/{blob}"), Request("DELETE", f"/volumes/{volume}"),
        Request("GET", f"/volumes/{volume}/digest"), Request("GET", f"/volumes/{volume}/blobs"),
        Request("PUT", f"/volumes/{volume}/blobs/{blob}", [], stored), Request("POST", f"/volumes/{volume}/scrub?rate=1000000"),
        Request("GET", f"/volumes/{volume}/damaged"), Request("POST", f"/volumes/{volume}/rewrite"), Request("GET", "/health"),
    ]
