"""What s3fs gets from Cairn.

usage: s3fs_cases.py S3-PORT FOLDER, with keys in the environment as clients.sh has them
"""
import os
import random
import sys
import urllib.request

import s3fs

ENDPOINT = f"http://127.0.0.1:{sys.argv[1]}"
BLOCK = 5 << 20
LARGE = random.Random(1).randbytes(4 * BLOCK + 1000)


def files(key, secret):
    return s3fs.S3FileSystem(key=key, secret=secret, endpoint_url=ENDPOINT, skip_instance_cache=True)


def equal(found, expected):
    assert found == expected, f"{found!r}, not {expected!r}"[:1000]


def fails(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}")


def round_trip(fs, folder):
    """There and back again, below a folder of the bucket."""
    odd = f"{folder}/a b/ö+%&=#?.txt"
    fs.pipe(odd, b"hello")
    equal(fs.cat(odd), b"hello")
    equal(fs.find(folder), [odd])
    equal([entry["name"] for entry in fs.ls(folder, detail=True)], [f"{folder}/a b"])
    assert fs.isdir(f"{folder}/a b") and fs.isfile(odd) and fs.exists(odd) and not fs.exists(odd + "x")
    with fs.open(odd, "ab") as file:
        file.write(b", cairn")
    equal(fs.cat(odd), b"hello, cairn")

    # In parts; ranges of it.
    large = f"{folder}/large"
    with fs.open(large, "wb", block_size=BLOCK) as file:
        for start in range(0, len(LARGE), 1 << 20):
            file.write(LARGE[start : start + (1 << 20)])
    info = fs.info(large)
    equal(info["size"], len(LARGE))
    assert "-" in info["ETag"], info
    equal(fs.cat(large), LARGE)
    equal(fs.cat_file(large, start=BLOCK - 3, end=BLOCK + 3), LARGE[BLOCK - 3 : BLOCK + 3])
    equal(fs.tail(large, 10), LARGE[-10:])
    with fs.open(large, "rb", block_size=1 << 20) as file:
        file.seek(2 * BLOCK - 5)
        equal(file.read(10), LARGE[2 * BLOCK - 5 : 2 * BLOCK + 5])
        file.seek(-4, os.SEEK_END)
        equal(file.read(), LARGE[-4:])
    with fs.open(large, "ab", block_size=BLOCK) as file:
        file.write(b"tail")
    equal(fs.cat(large), LARGE + b"tail")

    # Copies, names, what belongs to objects.
    fs.cp(large, f"{folder}/copy")
    fs.mv(f"{folder}/copy", f"{folder}/sub/moved")
    assert not fs.exists(f"{folder}/copy")
    equal(fs.cat(f"{folder}/sub/moved"), LARGE + b"tail")
    fs.touch(f"{folder}/empty")
    equal(fs.size(f"{folder}/empty"), 0)
    fs.setxattr(f"{folder}/empty", copy_kwargs={"ContentType": "text/x-odd"}, colour="blue")
    equal(fs.metadata(f"{folder}/empty"), {"colour": "blue"})
    equal(fs.info(f"{folder}/empty")["ContentType"], "text/x-odd")
    fs.put_tags(f"{folder}/empty", {"kind": "empty"})
    equal(fs.get_tags(f"{folder}/empty"), {"kind": "empty"})
    equal(sorted(fs.glob(f"{folder}/*/*")), sorted([odd, f"{folder}/sub/moved"]))
    equal(sorted(name for _, _, names in fs.walk(folder) for name in names), ["empty", "large", "moved", "ö+%&=#?.txt"])
    equal(fs.du(folder), 2 * len(LARGE) + 2 * 4 + 12)

    # A folder up and down.
    os.makedirs("tree/sub", exist_ok=True)
    for name in ["a", "sub/b"]:
        with open(f"tree/{name}", "w") as file:
            file.write(name)
    fs.put("tree", f"{folder}/tree", recursive=True)
    fs.get(f"{folder}/tree", "back", recursive=True)
    for name in ["a", "sub/b"]:
        with open(f"back/{name}") as file:
            equal(file.read(), name)

    equal(fs.list_multipart_uploads("attic"), [])
    fs.rm(folder, recursive=True)
    fs.invalidate_cache()
    equal(fs.find(folder), [])
    fails(FileNotFoundError, lambda: fs.cat(odd))


def main():
    os.chdir(sys.argv[2])
    owner = files(os.environ.pop("AWS_ACCESS_KEY_ID"), os.environ.pop("AWS_SECRET_ACCESS_KEY"))
    reader = files(os.environ["READER_ID"], os.environ["READER_SECRET"])
    writer = files(os.environ["WRITER_ID"], os.environ["WRITER_SECRET"])
    owner.mkdir("attic")
    assert "attic" in owner.ls("")
    round_trip(owner, "attic/folder")

    owner.pipe("attic/o", b"hello")
    equal(reader.cat("attic/o"), b"hello")
    equal(reader.ls("attic"), ["attic/o"])
    for call in [
        lambda: reader.pipe("attic/new", b"x"), lambda: reader.rm("attic/o"), lambda: reader.cp("attic/o", "attic/copy"),
        lambda: reader.chmod("attic/o", "public-read"), lambda: reader.mkdir("another"),
        lambda: reader.open("attic/large", "wb", block_size=BLOCK).write(LARGE),
    ]:
        equal(str(fails(PermissionError, call)), "Access Denied")
    owner.chmod("attic/o", "public-read")
    with urllib.request.urlopen(f"{ENDPOINT}/attic/o") as answer:
        equal(answer.read(), b"hello")

    writer.rm("attic/o")
    round_trip(writer, "attic/folder")
    equal(str(fails(PermissionError, lambda: writer.rmdir("attic"))), "Access Denied")

    # A bucket with all that is in it.
    owner.pipe("attic/a/b", b"x")
    owner.rm("attic", recursive=True)
    assert "attic" not in owner.ls("", refresh=True)


main()
