"""What proves that a request may be sent: signatures of AWS, version 4, of any bytes, and the tokens of nodes."""

import datetime
import hashlib
import hmac
import struct
import time
import urllib.parse

REGION, SERVICE = "us-east-1", "s3"
UNRESERVED = "-_.~"


class Key:
    """An access key, for the region us-east-1."""

    def __init__(self, identifier, secret):
        self.identifier, self.secret = identifier, secret

    def signed(self, method, host, path, body):
        """-> the fields of an honest request."""
        fields = [(b"Host", host.encode()), (b"x-amz-content-sha256", hashlib.sha256(body).hexdigest().encode())]
        return {name.decode(): value.decode() for name, value in self.sign(method.encode(), path.encode(), fields, body)
                if name.lower() != b"host"}

    def sign(self, method, target, fields, body):
        """-> the fields with a time and a signature of all that must be signed, whatever they are made of."""
        now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        fields = [(name, value) for name, value in fields if name.lower() not in (b"authorization", b"x-amz-date")]
        fields.append((b"x-amz-date", now.encode()))
        scope = f"{now[:8]}/{REGION}/{SERVICE}/aws4_request"
        signed = {}
        for name, value in fields:
            name = name.lower().strip()
            if name == b"host" or name.startswith(b"x-amz-") or name.startswith(b"x-cairn-"):
                signed.setdefault(name, []).append(b" ".join(value.split()))
        payload = b",".join(signed.get(b"x-amz-content-sha256", [b"UNSIGNED-PAYLOAD"]))
        names = b";".join(sorted(signed))
        path, _, query = target.partition(b"?")
        canonical = b"\n".join([
            method, _encoded_path(path), _encoded_query(query),
            b"".join(name + b":" + b",".join(values) + b"\n" for name, values in sorted(signed.items())), names, payload])
        text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
        self.chain = (now, scope)
        self.signature = hmac.digest(self.signing_key(scope), text.encode(), "sha256").hex()
        authorization = f"AWS4-HMAC-SHA256 Credential={self.identifier}/{scope}, SignedHeaders=".encode() + names + (
            f", Signature={self.signature}".encode())
        return [*fields, (b"Authorization", authorization)]

    def signing_key(self, scope):
        key = ("AWS4" + self.secret).encode()
        for word in scope.split("/"):
            key = hmac.digest(key, word.encode(), "sha256")
        return key


def _encoded_path(path):
    return urllib.parse.quote(urllib.parse.unquote_to_bytes(path), safe="/" + UNRESERVED).encode() or b"/"


def _encoded_query(query):
    def encoded(part):
        return urllib.parse.quote(urllib.parse.unquote_to_bytes(part.replace(b"+", b" ")), safe=UNRESERVED).encode()

    pairs = [part.partition(b"=") for part in query.split(b"&") if part]
    return b"&".join(name + b"=" + value for name, value in sorted((encoded(n), encoded(v)) for n, _, v in pairs))


class NodeTokens:
    """Tokens of a cluster, for one node."""

    # Of the key that `cairn` derives from CLUSTER_SECRET.
    SALT, ITERATIONS, PURPOSE = b"cairn cluster secret 1", 100_000, b"cairn node tokens"

    def __init__(self, secret, node):
        stretched = hashlib.pbkdf2_hmac("sha256", secret.encode(), self.SALT, self.ITERATIONS)
        # HKDF (RFC 5869) without a salt, its first 32 bytes.
        extracted = hmac.digest(bytes(32), stretched, "sha256")
        self.key = hmac.digest(extracted, self.PURPOSE + b"\x01", "sha256")
        self.node = node

    def sign(self, method, target, fields, body):
        """-> the fields with the node's name and a token, which covers the body too where that is a record."""
        seconds = int(time.time())
        path, _, query = target.partition(b"?")
        values = {name.lower(): value for name, value in fields}
        bits = bytes.fromhex(self.node)
        head = bits[7::-1] + bits[:7:-1] + struct.pack("<QQ", seconds, self._length(values))
        for text in (method, path, query, values.get(b"range", b"").strip()):
            head += struct.pack("<Q", len(text)) + text
        token = f"Cairn {seconds}:{hmac.digest(self.key, head, 'sha256').hex()}"
        if body.startswith(b"CRN1"):
            prefix = body[:48 + int.from_bytes(body[8:12], "little")]
            token += ":" + hmac.digest(self.key, head + prefix, "sha256").hex()
        own = (b"authorization", b"x-cairn-node")
        return [(name, value) for name, value in fields if name.lower() not in own] + [
            (b"X-Cairn-Node", self.node.encode()), (b"Authorization", token.encode())]

    @staticmethod
    def _length(values):
        """What a server takes for the length of the body."""
        if b"content-length" in values:
            text = values[b"content-length"].strip()
            return int(text) & (1 << 64) - 1 if text.isdigit() else 0
        return (1 << 64) - 1 if b"transfer-encoding" in values else 0
