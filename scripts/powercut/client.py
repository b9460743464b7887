"""Requests to a server or a coordinator, by both of its APIs."""

import http.client
import json
import re
import time
import urllib.parse

ACCESS_KEY, SECRET_KEY = "POWERCUTKEY", "powercut-secret-key-of-no-worth"
ADMINISTRATOR = {"Authorization": f"Bearer {ACCESS_KEY}:{SECRET_KEY}"}
TIMEOUT_SECONDS = 60
# Of reads that are answered 503 while a catalog is compared with the disks.
PATIENCE_SECONDS = 60


class Client:
    """Two connections, one for each API. For one thread at a time."""

    def __init__(self, port, s3_port):
        self.ports = (port, s3_port)
        self.connections = {}

    def native(self, method, path, body=None, headers=None):
        return self._request(self.ports[0], method, path, body, headers)

    def s3(self, method, path, body=None, headers=None):
        return self._request(self.ports[1], method, path, body, headers)

    def _request(self, port, method, path, body, headers):
        """-> status, fields, body; raises OSError or HTTPException where there is no answer."""
        connection = self.connections.get(port)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
            self.connections[port] = connection
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except BaseException:
            self.connections.pop(port).close()
            raise

    def close(self):
        for connection in self.connections.values():
            connection.close()
        self.connections.clear()

    # What a resource is

    def read(self, resource):
        """-> its bytes, "there" for what has none, or None; a `ReadFailure` where the answer is neither."""
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                status, body = self._read(resource)
            except (OSError, http.client.HTTPException) as error:
                status, body = 0, str(error).encode()
            if status == 200:
                return body
            if status == 404:
                return None
            if status not in (0, 503) or time.monotonic() > end:
                raise ReadFailure(f"{resource}: status {status}: {body[:300].decode(errors='replace')}")
            time.sleep(0.1)

    def _read(self, resource):
        kind, _, name = resource.partition(":")
        if kind == "blob":
            status, _, body = self.native("GET", blob_path(name))
            return status, body
        if kind == "object":
            status, _, body = self.s3("GET", "/" + urllib.parse.quote(name))
            return status, body
        if kind == "bucket":
            status, _, body = self.s3("HEAD", f"/{name}")
            return status, "there" if status == 200 else body
        status, _, body = self.native("GET", "/keys", headers=ADMINISTRATOR)
        if status == 200 and name not in [key["id"] for key in json.loads(body)["keys"]]:
            return 404, b""
        return status, "there" if status == 200 else body

    # Lists

    def blob_names(self):
        names, after = set(), None
        while True:
            query = f"?start_after={urllib.parse.quote(after)}" if after else ""
            status, _, body = self.native("GET", f"/blobs{query}")
            if status != 200:
                raise ReadFailure(f"the list of files: status {status}: {body[:300].decode(errors='replace')}")
            page = json.loads(body)
            names |= {blob["name"] for blob in page["blobs"]}
            after = page.get("next_start_after")
            if not after:
                return names

    def object_names(self, bucket):
        status, _, body = self.s3("GET", f"/{bucket}?list-type=2")
        if status == 404:
            return set()
        if status != 200:
            raise ReadFailure(f"the list of {bucket}: status {status}: {body[:300].decode(errors='replace')}")
        return {f"{bucket}/{name}" for name in re.findall(r"<Key>([^<]*)</Key>", body.decode())}


class ReadFailure(Exception):
    pass


def blob_path(name):
    return "/blob/" + urllib.parse.quote(name)
