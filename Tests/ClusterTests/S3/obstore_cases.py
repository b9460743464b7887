"""What obstore gets from Cairn, which stands on the crate object_store.

usage: obstore_cases.py S3-PORT FOLDER, with keys in the environment as clients.sh has them
"""
import os
import random
import sys
import urllib.request
from datetime import timedelta

import obstore
from obstore.exceptions import AlreadyExistsError, PermissionDeniedError, PreconditionError
from obstore.store import S3Store

ENDPOINT = f"http://127.0.0.1:{sys.argv[1]}"
PART = 5 << 20
LARGE = random.Random(1).randbytes(4 * PART + 1000)


def store(key, secret, prefix=None):
    return S3Store(
        "attic", prefix=prefix, endpoint=ENDPOINT, region="us-east-1", access_key_id=key, secret_access_key=secret,
        client_options={"allow_http": True})


def equal(found, expected):
    assert found == expected, f"{found!r}, not {expected!r}"[:1000]


def fails(kind, call, text=""):
    try:
        call()
    except kind as error:
        assert text in str(error), error
        return
    raise AssertionError(f"no {kind.__name__}")


def read(store, path, **options):
    return bytes(obstore.get(store, path, options=options or None).bytes())


def round_trip(store):
    """There and back again."""
    odd = "a b/ö+%&=#?.txt"
    obstore.put(store, odd, b"hello", attributes={"Content-Type": "text/x-odd", "colour": "blue"}, tags={"kind": "odd"})
    found = obstore.get(store, odd)
    equal(bytes(found.bytes()), b"hello")
    equal({**found.attributes}, {"Content-Type": "text/x-odd", "colour": "blue"})
    equal(obstore.head(store, odd)["e_tag"], '"5d41402abc4b2a76b9719d911017c592"')

    # In parts, both ways to do it; ranges of it.
    obstore.put(store, "large", LARGE, use_multipart=True, chunk_size=PART)
    head = obstore.head(store, "large")
    equal(head["size"], len(LARGE))
    assert head["e_tag"].endswith('-5"'), head
    equal(read(store, "large"), LARGE)
    with obstore.open_writer(store, "written", buffer_size=PART) as file:
        file.write(LARGE)
    equal(read(store, "written"), LARGE)
    equal(bytes(obstore.get_range(store, "large", start=PART - 3, end=PART + 3)), LARGE[PART - 3 : PART + 3])
    ranges = obstore.get_ranges(store, "large", starts=[0, 4 * PART], lengths=[3, 10])
    equal([bytes(part) for part in ranges], [LARGE[:3], LARGE[4 * PART : 4 * PART + 10]])
    equal(read(store, "large", range={"suffix": 4}), LARGE[-4:])
    equal(read(store, "large", range={"offset": 4 * PART}), LARGE[4 * PART :])

    # Names and lists.
    obstore.copy(store, "large", "copy")
    obstore.rename(store, "copy", "sub/moved")
    equal(read(store, "sub/moved"), LARGE)
    listed = [entry["path"] for page in obstore.list(store, chunk_size=2) for entry in page]
    equal(sorted(listed), [odd, "large", "sub/moved", "written"])
    found = obstore.list_with_delimiter(store)
    equal((found["common_prefixes"], [entry["path"] for entry in found["objects"]]), (["a b", "sub"], ["large", "written"]))
    equal([entry["path"] for page in obstore.list(store, offset="large") for entry in page], ["sub/moved", "written"])

    # Conditions.
    obstore.put(store, "new", b"1", mode="create")
    fails(AlreadyExistsError, lambda: obstore.put(store, "new", b"2", mode="create"), "PreconditionFailed")
    tag = obstore.head(store, "new")["e_tag"]
    obstore.put(store, "new", b"3", mode={"e_tag": tag})
    fails(PreconditionError, lambda: obstore.put(store, "new", b"4", mode={"e_tag": tag}), "PreconditionFailed")
    equal(read(store, "new"), b"3")
    fails(PreconditionError, lambda: read(store, "new", if_match=tag))

    url = obstore.sign(store, "GET", odd, timedelta(seconds=60))
    with urllib.request.urlopen(url) as answer:
        equal(answer.read(), b"hello")
    obstore.delete(store, [odd, "large", "written", "sub/moved", "new", "missing"])
    equal([entry for page in obstore.list(store) for entry in page], [])
    fails(FileNotFoundError, lambda: obstore.head(store, odd))


def main():
    first = os.environ.pop("AWS_ACCESS_KEY_ID"), os.environ.pop("AWS_SECRET_ACCESS_KEY")
    owner = store(*first)
    # It has no call that makes a bucket.
    bucket = urllib.request.Request(obstore.sign(store(*first), "PUT", "", timedelta(seconds=60)), method="PUT")
    urllib.request.urlopen(bucket).close()
    round_trip(owner)
    obstore.put(owner, "o", b"hello")

    reader = store(os.environ["READER_ID"], os.environ["READER_SECRET"])
    equal(read(reader, "o"), b"hello")
    for call in [
        lambda: obstore.put(reader, "new", b"x"), lambda: obstore.copy(reader, "o", "copy"),
        lambda: obstore.put(reader, "large", LARGE, use_multipart=True, chunk_size=PART),
    ]:
        fails(PermissionDeniedError, call, "AccessDenied")
    fails(Exception, lambda: obstore.delete(reader, "o"), "Access Denied")
    equal(read(reader, "o"), b"hello")

    writer = os.environ["WRITER_ID"], os.environ["WRITER_SECRET"]
    round_trip(store(*writer, prefix="folder"))
    obstore.delete(store(*writer), "o")
    equal([entry for page in obstore.list(owner) for entry in page], [])


main()
