"""The load: writers who put, overwrite, delete, on conditions and without, in one piece and in parts, by both APIs."""

import http.client
import itertools
import random
import re
import threading
import urllib.parse

import client
import history

NAMES = 12  # that each writer has, for each API
POOL_BYTES = 16 << 20
# More than one chunk.
LARGE_BYTES = (8 << 20) + 1, 10_000_000
# All but the last part of an upload have 5 MiB at least, as S3 wants it.
PART_BYTES = 5 << 20


class Pool:
    """The bytes of all values: a value is a list of slices of them."""

    def __init__(self, seed):
        self.bytes = random.Random(seed).randbytes(POOL_BYTES)

    def of(self, value):
        return b"".join(self.bytes[offset:offset + size] for offset, size in value)

    def is_same(self, value, found):
        """Whether `found`, as a `Client` reads it, is this value."""
        if value is None or isinstance(value, str):
            return value == found
        return isinstance(found, bytes) and found == self.of(value)


class Load:
    """All writers, who write down in the journal what they ask for and what they are told."""

    def __init__(self, seed, writers, pool, marks, bytes_max, is_cluster):
        self.pool, self.marks, self.is_cluster = pool, marks, is_cluster
        self.bytes_left = bytes_max
        self.lock = threading.Lock()
        self.stopping = threading.Event()
        self.statuses = {}
        self.writers = [Writer(number, seed * 1000 + number, self) for number in range(writers)]

    def run(self, ports, work):
        """Lets all work while `work()` runs, which may end the server, and raises what went wrong with them."""
        self.stopping.clear()
        threads = [threading.Thread(target=writer.run, args=(ports,), daemon=True) for writer in self.writers]
        for thread in threads:
            thread.start()
        try:
            work()
        finally:
            self.stopping.set()
            for thread in threads:
                thread.join()
        for writer in self.writers:
            if writer.failure:
                raise writer.failure

    @property
    def problems(self):
        return [problem for writer in self.writers for problem in writer.history.problems]

    @property
    def answered(self):
        return sum(writer.answered for writer in self.writers)

    def allows(self, count):
        with self.lock:
            self.bytes_left -= count
            return self.bytes_left > 0

    def count(self, status):
        with self.lock:
            self.statuses[status] = self.statuses.get(status, 0) + 1


class Writer:
    def __init__(self, number, seed, load):
        self.number, self.load, self.random = number, load, random.Random(seed)
        self.history = history.History(load.is_cluster)
        self.numbers = itertools.count()
        self.etags = {}
        self.keys = []
        self.answered = 0
        self.failure = None

    def run(self, ports):
        self.client = client.Client(*ports)
        try:
            # First what the last end left open: a reader may find it before anybody writes again.
            for resource in self.history.owed():
                self._settled(resource)
            while not self.load.stopping.is_set():
                self._step()
        except (OSError, http.client.HTTPException, client.ReadFailure) as error:
            # The end of the server ends the turn of a writer.
            if not self.load.stopping.wait(client.TIMEOUT_SECONDS):
                self.failure = error
        except Exception as error:  # a mistake in here
            self.failure = error
        finally:
            self.client.close()

    def _step(self):
        draw = self.random.random()
        if draw < 0.01:
            return self._bucket()
        if draw < 0.02:
            return self._key()
        bucket = f"bucket-{self.number}"
        if draw < 0.7:
            resource = f"blob:writer {self.number}/{self.random.randrange(NAMES)}"
        elif self._settled(f"bucket:{bucket}") == "there":
            resource = f"object:{bucket}/key {self.random.randrange(NAMES)}"
        else:
            return self._make_bucket(bucket)
        present = self._settled(resource)
        draw = self.random.random()
        if draw < 0.5:
            self._put(resource, "any")
        elif draw < 0.64:
            self._put(resource, "absent")
        elif draw < 0.72 and present is not None and resource in self.etags:
            # Now and then on a version that was replaced long ago.
            is_stale = self.random.random() < 0.2
            condition, etag = ("never", None) if is_stale else (["is", present], self.etags[resource])
            self._put(resource, condition, etag)
        elif draw < 0.77:
            self._upload(resource, self.random.choice(["any", "absent"]))
        else:
            self._delete(resource)

    # Requests

    def _put(self, resource, condition, etag=None):
        value = self._value()
        body = self.load.pool.of(value)
        headers = {"Content-Type": "application/octet-stream"}
        query = ""
        if condition == "absent" and resource.startswith("blob:"):
            query = "?on_conflict=reject"
        elif condition == "absent":
            headers["If-None-Match"] = "*"
        elif condition != "any":
            headers["If-Match"] = etag or '"00000000000000000000000000000001"'
        self._ask(resource, value, condition, lambda path, ask: ask("PUT", path + query, body, headers))

    def _delete(self, resource):
        self._ask(resource, None, "exists" if resource.startswith("blob:") else "any",
                  lambda path, ask: ask("DELETE", path))

    def _upload(self, resource, condition):
        """An upload in parts."""
        sizes = [PART_BYTES] if self.load.allows(PART_BYTES) else []
        value = [self._slice(size) for size in [*sizes, self.random.randrange(1, 65_536)]]
        complete = self._native_upload if resource.startswith("blob:") else self._s3_upload
        self._ask(resource, value, condition, complete(resource, value, condition))

    def _native_upload(self, resource, value, condition):
        name = resource.partition(":")[2]
        status, _, body = self.client.native("POST", f"/uploads?name={urllib.parse.quote(name)}")
        self._expect(status, 201, body)
        upload = re.search(rb'"upload_id": ?"([^"]*)"', body)[1].decode()
        for number, part in enumerate(value, 1):
            status, _, body = self.client.native("PUT", f"/uploads/{upload}/{number}", self.load.pool.of([part]))
            self._expect(status, 200, body)
        query = "?on_conflict=reject" if condition == "absent" else ""
        return lambda path, ask: ask("POST", f"/uploads/{upload}/complete{query}")

    def _s3_upload(self, resource, value, condition):
        path = "/" + urllib.parse.quote(resource.partition(":")[2])
        status, _, body = self.client.s3("POST", path + "?uploads")
        self._expect(status, 200, body)
        upload = re.search(rb"<UploadId>([^<]*)<", body)[1].decode()
        parts = ""
        for number, part in enumerate(value, 1):
            status, fields, body = self.client.s3(
                "PUT", f"{path}?partNumber={number}&uploadId={upload}", self.load.pool.of([part]))
            self._expect(status, 200, body)
            parts += f"<Part><PartNumber>{number}</PartNumber><ETag>{fields['ETag']}</ETag></Part>"
        text = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        headers = {"If-None-Match": "*"} if condition == "absent" else {}
        return lambda path, ask: ask("POST", f"{path}?uploadId={upload}", text, headers)

    def _bucket(self):
        bucket = f"passing-{self.number}-{self.random.randrange(2)}"
        if self._settled(f"bucket:{bucket}") is None:
            self._make_bucket(bucket)
        else:
            self._ask(f"bucket:{bucket}", None, "any", lambda path, ask: ask("DELETE", path))

    def _make_bucket(self, bucket):
        self._ask(f"bucket:{bucket}", "there", "any", lambda path, ask: ask("PUT", path))

    def _key(self):
        if self.keys and self.random.random() < 0.5:
            key = self.keys.pop()
            self._ask(f"key:{key}", None, "any",
                      lambda path, ask: self.client.native("DELETE", f"/keys/{key}", headers=client.ADMINISTRATOR))
            return
        # Its id is not known before the answer.
        status, _, body = self.client.native("POST", "/keys", headers=client.ADMINISTRATOR)
        if status == 201:
            key = re.search(rb'"id": ?"([^"]*)"', body)[1].decode()
            self.keys.append(key)
            operation = self._begin(f"key:{key}", "there", "any")
            self._end(operation, status, "done")

    # Marks

    def _ask(self, resource, value, condition, request):
        kind, _, name = resource.partition(":")
        path = client.blob_path(name) if kind == "blob" else "/" + urllib.parse.quote(name)
        operation = self._begin(resource, value, condition)
        self.etags.pop(resource, None)
        try:
            status, fields, body = request(path, self.client.native if kind == "blob" else self.client.s3)
        except (OSError, http.client.HTTPException):
            self._end(operation, 0, "unknown")
            raise
        if status in (200, 201, 204) and b"<Error>" not in body[:200]:
            if value is not None and fields["ETag"]:
                self.etags[resource] = fields["ETag"]
            result = "done"
        else:
            result = "refused" if status in (404, 409, 412) else "unknown"
        self._end(operation, status, result)

    def _begin(self, resource, value, condition):
        operation = f"{self.number}.{next(self.numbers)}"
        self._mark({"begin": operation, "on": resource, "to": value, "if": condition})
        return operation

    def _end(self, operation, status, result):
        self.answered += result != "unknown"
        self.load.count(status)
        self._mark({"end": operation, "status": status, "result": result})

    def _mark(self, mark):
        self.load.marks.put(mark)
        self.history.take(mark)

    def _settled(self, resource):
        """What the resource is; read where an answer is missing."""
        values = self.history.now(resource)
        if len(values) == 1:
            return next(iter(values))
        found = self.client.read(resource)
        for value in values:
            if self.load.pool.is_same(value, found):
                self._mark({"seen": resource, "value": value})
                return value
        self.history.problems.append(f"{resource} is none of {len(values)} values that it may be")
        self._mark({"seen": resource, "value": None if found is None else "other bytes"})
        return None

    def _expect(self, status, expected, body):
        """Of requests that change no name."""
        if status != expected:
            raise http.client.HTTPException(f"status {status}: {body[:300].decode(errors='replace')}")

    # Values

    def _value(self):
        draw = self.random.random()
        if draw < 0.02:
            size = self.random.randint(*LARGE_BYTES)
        elif draw < 0.06:
            size = self.random.randrange(65_536, 1 << 20)
        elif draw < 0.3:
            size = self.random.randrange(4096, 65_536)
        else:
            size = self.random.randrange(4096)
        if size > 4096 and not self.load.allows(size):
            size = self.random.randrange(4096)
        return [self._slice(size)]

    def _slice(self, size):
        return [self.random.randrange(POOL_BYTES - size), size]
