"""Signatures of AWS, version 4: of request heads and of URLs."""

import datetime
import hashlib
import hmac
import urllib.parse

UNSIGNED = "UNSIGNED-PAYLOAD"
URL_SECONDS = 3600


class Signer:
    """Signs for one access key, one day and the region us-east-1."""

    def __init__(self, key, secret):
        self.key = key
        self.time = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        self.scope = f"{self.time[:8]}/us-east-1/s3/aws4_request"
        signing = ("AWS4" + secret).encode()
        for word in self.scope.split("/"):
            signing = hmac.digest(signing, word.encode(), "sha256")
        self.signing = signing

    def _sign(self, canonical):
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = f"AWS4-HMAC-SHA256\n{self.time}\n{self.scope}\n{digest}"
        return hmac.digest(self.signing, text.encode(), "sha256").hex()

    def headers(self, method, host, path, body_hash=hashlib.sha256(b"").hexdigest()):
        """-> the fields that sign a request; `path` has nothing that must be percent-encoded."""
        names = "host;x-amz-content-sha256;x-amz-date"
        signature = self._sign(f"{method}\n{path}\n\nhost:{host}\nx-amz-content-sha256:{body_hash}\n"
                               f"x-amz-date:{self.time}\n\n{names}\n{body_hash}")
        return {"x-amz-content-sha256": body_hash, "x-amz-date": self.time,
                "Authorization": f"AWS4-HMAC-SHA256 Credential={self.key}/{self.scope}, SignedHeaders={names}, "
                                 f"Signature={signature}"}

    def head(self, method, host, path, body=b""):
        """-> the head of a signed request as it goes over the wire."""
        fields = self.headers(method, host, path, hashlib.sha256(body).hexdigest())
        if method == "PUT":
            fields["Content-Length"] = str(len(body))
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in fields.items())]
        return "\r\n".join(lines) + "\r\n\r\n"

    def url(self, method, host, path):
        """-> a presigned URL."""
        query = urllib.parse.urlencode(sorted({
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Credential": f"{self.key}/{self.scope}",
            "X-Amz-Date": self.time, "X-Amz-Expires": str(URL_SECONDS), "X-Amz-SignedHeaders": "host"}.items()),
            quote_via=urllib.parse.quote, safe="")
        signature = self._sign(f"{method}\n{path}\n{query}\nhost:{host}\n\nhost\n{UNSIGNED}")
        return f"http://{host}{path}?{query}&X-Amz-Signature={signature}"
