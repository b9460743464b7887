"""Makes bytes for the wire out of valid requests."""

WORDS = [
    b"", b"\0", b"\r", b"\n", b"\r\n", b" ", b"\t", b"\x7f", b"\xff", b"%", b"%00", b"%2F", b"%zz", b"+", b"/", b"//", b"..",
    b"/../", b"?", b"&", b"=", b";", b":", b",", b"\"", b"'", b"<", b">", b"*", b"{", b"[", b"\\", b"-1", b"-", b"0", b"1",
    b"1e999", b"65536", b"4294967296", b"9223372036854775807", b"9223372036854775808", b"18446744073709551615",
    b"18446744073709551616", b"ffffffffffffffff", b"Mon, 01 Jan 2555 00:00:00 GMT", b"99991231T235959Z", b"\xc3\xa9",
    b"e\xcc\x81", b"\xcc\xb8", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"null", b"true", b"a" * 300,
]
METHODS = [b"GET", b"HEAD", b"PUT", b"POST", b"DELETE", b"PATCH", b"OPTIONS", b"TRACE", b"CONNECT", b"PROPFIND", b"", b"get"]
FIELDS = [
    (b"Range", b"bytes=0-18446744073709551615"), (b"Range", b"bytes=-0,0-,1-1"), (b"If-Match", b"\"x\", *"),
    (b"If-None-Match", b"*"), (b"If-Range", b"Mon, 01 Jan 2555 00:00:00 GMT"), (b"Expect", b"100-continue"),
    (b"If-Modified-Since", b"Mon, 01 Jan 9999 00:00:00 GMT"), (b"Content-Length", b"5"), (b"Content-Length", b"+5"),
    (b"Content-Length", b"18446744073709551615"), (b"Transfer-Encoding", b"chunked"), (b"Transfer-Encoding", b"gzip, chunked"),
    (b"Host", b"evil.example"), (b"Origin", b"http://evil.example"), (b"Connection", b"close"), (b"Upgrade", b"h2c"),
    (b"Content-Type", b"multipart/form-data; boundary=b"), (b"Content-Type", b"application/json"),
    (b"x-amz-content-sha256", b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"), (b"x-amz-decoded-content-length", b"5"),
    (b"x-amz-copy-source", b"/honest/key"), (b"x-amz-tagging", b"a=b&a=c"), (b"x-amz-acl", b"public-read"),
    (b"x-amz-checksum-crc32", b"AAAAAA=="), (b"Content-MD5", b"1B2M2Y8AsgTpgAmY7PhCfg=="), (b"x-amz-meta-\xc3\xa9", b"\xc3\xa9"),
    (b"X-Cairn-Replicas", b"2"), (b"Repr-Digest", b"sha-256=:AAAA:"), (b"Authorization", b"Basic Og=="),
    (b"x-amz-trailer", b"x-amz-checksum-crc32"), (b"Trailer", b"a"),
]
# Fields that mean something only together.
PAIRS = [
    [(b"Date", b"Mon, 01 Jan 2555 00:00:00 GMT"),
     (b"Authorization",
      b"AWS4-HMAC-SHA256 Credential=A/25550101/us-east-1/s3/aws4_request,SignedHeaders=host,Signature=0")],
    [(b"Content-Length", b"3"), (b"Transfer-Encoding", b"chunked")],
    [(b"x-amz-content-sha256", b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"), (b"x-amz-decoded-content-length", b"18446744073709551615")],
    [(b"If-Match", b"*"), (b"If-None-Match", b"*")],
]
FLOOD_BYTES_MAX = 96 << 10
PIPELINED_MAX = 4


class Mutator:
    def __init__(self, rng):
        self.rng = rng

    def wire(self, sample, target):
        """-> the bytes of one request or of several, one behind the other."""
        count = self.rng.randrange(1, PIPELINED_MAX) if self.rng.random() < 0.1 else 1
        return b"".join(self._one(sample if number == 0 else self.rng.choice(target.samples), target)
                        for number in range(count))

    def _one(self, sample, target):
        request = sample.copied()
        for _ in range(self.rng.choice([0, 1, 1, 1, 2, 2, 3, 5])):
            self._change_request(request)
        request.frame_chunks(None)
        body = self._framed(request)
        # Before: the signature is right and covers what was changed.
        if self.rng.random() < 0.8:
            request.fields = target.authority.sign(request.method, request.target, request.fields, body)
            request.frame_chunks(target.authority)
            body = request.body if request.chunks and request.has_length else body
        wire = request.head() + body
        # And after, where nothing fits any more.
        if self.rng.random() < 0.3:
            for _ in range(self.rng.randrange(1, 4)):
                wire = self._change(wire)
        return wire

    def _change_request(self, request):
        rng = self.rng
        what = rng.randrange(10)
        if what == 0:
            request.method = rng.choice(METHODS) if rng.random() < 0.8 else self._change(request.method)
        elif what <= 2:
            request.target = self._change(request.target).replace(b" ", b"%20") if rng.random() < 0.9 else (
                rng.choice([b"*", b"http://h" + request.target, b"x", b"//" + request.target]))
        elif what == 3 and request.fields:
            place = rng.randrange(len(request.fields))
            name, value = request.fields[place]
            request.fields[place] = (name, self._change(value).replace(b"\n", b" ")) if rng.random() < 0.8 else (
                self._change(name), value)
        elif what == 4:
            request.fields.insert(rng.randrange(len(request.fields) + 1), rng.choice(FIELDS))
        elif what == 5 and request.fields:
            request.fields.pop(rng.randrange(len(request.fields)))
        elif what == 6 and rng.random() < 0.2:
            line = (b"x-amz-meta-" + rng.choice(WORDS).strip(b"\0\r\n :") + b"a", b"b" * rng.choice([1, 30, 3000]))
            request.fields += [line] * (rng.randrange(FLOOD_BYTES_MAX) // (sum(map(len, line)) + 4))
        elif what == 7 and rng.random() < 0.5:
            pair = rng.choice(PAIRS)
            names = [name.lower() for name, _ in pair]
            request.fields = [field for field in request.fields if field[0].lower() not in names] + pair
        elif what == 8 and rng.random() < 0.3:
            request.body = request.body * rng.choice([2, 50, 1000])
            request.body = request.body[:1 << 20]
        else:
            request.body = self._change(request.body)

    def _framed(self, request):
        rng, body = self.rng, request.body
        if request.has_length:
            return body
        if body or request.method in (b"PUT", b"POST"):
            if rng.random() < 0.7:
                length = len(body) if rng.random() < 0.9 else max(0, len(body) + rng.choice([-1, 1, 1000, 1 << 62]))
                request.fields.append((b"Content-Length", str(length).encode()))
                return body
            request.fields.append((b"Transfer-Encoding", b"chunked"))
            return self._chunked(body)
        return body

    def _chunked(self, body):
        rng, framed = self.rng, b""
        while body:
            size = rng.choice([1, 7, 100, 5000, 1 << 20])
            chunk, body = body[:size], body[size:]
            length = b"%x" % len(chunk) if rng.random() < 0.97 else rng.choice(WORDS)
            framed += length + rng.choice([b"", b"", b"", b";a=b", b" ; x"]) + b"\r\n" + chunk + b"\r\n"
        trailer = b"".join(name + b": " + value + b"\r\n" for name, value in rng.sample(FIELDS, rng.choice([0, 0, 1, 3])))
        if rng.random() < 0.02:
            trailer *= FLOOD_BYTES_MAX // (len(trailer) + 1)
        return framed + b"0\r\n" + trailer + b"\r\n"

    def _change(self, value):
        rng = self.rng
        start = rng.randrange(len(value) + 1)
        end = min(len(value), start + rng.choice([0, 0, 1, 2, 8, 40]))
        what = rng.randrange(6)
        if what == 0 and value:
            place = rng.randrange(len(value))
            return value[:place] + bytes([value[place] ^ 1 << rng.randrange(8)]) + value[place + 1:]
        if what == 1:
            return value[:start] + value[end:]
        if what == 2:
            return value[:start] + value[start:end] * rng.choice([2, 2, 3, 300]) + value[end:]
        if what == 3:
            return value[:start] + bytes(rng.randrange(256) for _ in range(rng.randrange(1, 5))) + value[end:]
        return value[:start] + rng.choice(WORDS) + value[end:]
