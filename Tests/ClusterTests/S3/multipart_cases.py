"""What boto3 gets from Cairn for uploads in parts, checksums and copies of large objects.

usage: multipart_cases.py S3-PORT NATIVE-PORT [PART-OF-A-NAME]
with the access key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
"""

import base64
import binascii
import hashlib
import os
import sys

import boto3

# The folder of sources stays as it is.
sys.dont_write_bytecode = True
import boto3_cases
from boto3.s3.transfer import TransferConfig
from boto3_cases import ENDPOINT, NATIVE, body, bucket, case, equal, fails, http, md5, s3
from botocore.config import Config

boto3_cases.CASES.clear()

MIB = 1 << 20
BIG = os.urandom(5 * MIB)
SMALL = os.urandom(100_000)
# As the SDKs do since 2025: a checksum with each upload, verified with each download.
checked = boto3.client(
    "s3",
    endpoint_url=ENDPOINT,
    region_name="us-east-1",
    config=Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        retries={"max_attempts": 0},
        request_checksum_calculation="when_supported",
        response_checksum_validation="when_supported",
    ),
)


def b64(data):
    return base64.b64encode(data).decode()


def crc32(data):
    return b64(binascii.crc32(data).to_bytes(4, "big"))


def sha1(data):
    return b64(hashlib.sha1(data).digest())


def sha256(data):
    return b64(hashlib.sha256(data).digest())


def etag_of_parts(*parts):
    digest = hashlib.md5(b"".join(hashlib.md5(part).digest() for part in parts)).hexdigest()
    return f'"{digest}-{len(parts)}"'


def begin(name, key="big", **arguments):
    return s3.create_multipart_upload(Bucket=name, Key=key, **arguments)["UploadId"]


def put(name, upload, number, data, key="big", **arguments):
    return s3.upload_part(Bucket=name, Key=key, UploadId=upload, PartNumber=number, Body=data, **arguments)


def complete(name, upload, parts, key="big", **arguments):
    listed = [{"PartNumber": number, "ETag": tag} for number, tag in parts]
    return s3.complete_multipart_upload(
        Bucket=name, Key=key, UploadId=upload, MultipartUpload={"Parts": listed}, **arguments
    )


def two_parts(name, key="big", **arguments):
    upload = begin(name, key, **arguments)
    tags = [(number, put(name, upload, number, data, key)["ETag"]) for number, data in [(1, BIG), (2, SMALL)]]
    return upload, tags


@case
def parts_become_an_object():
    name = bucket()
    upload = begin(
        name, ContentType="text/x-odd", Metadata={"colour": "blue"}, CacheControl="no-cache", Tagging="a=b",
        StorageClass="STANDARD_IA",
    )
    second = put(name, upload, 2, SMALL)["ETag"]
    first = put(name, upload, 1, BIG, ContentMD5=b64(hashlib.md5(BIG).digest()))["ETag"]
    equal(first, md5(BIG))
    fails("404", 404, s3.head_object, Bucket=name, Key="big")
    done = complete(name, upload, [(1, first), (2, second)])
    equal((done["Bucket"], done["Key"], done["ETag"]), (name, "big", etag_of_parts(BIG, SMALL)))
    assert done["Location"].endswith(f"/{name}/big")
    found = s3.get_object(Bucket=name, Key="big")
    equal(found["Body"].read(), BIG + SMALL)
    equal(found["ETag"], etag_of_parts(BIG, SMALL))
    equal((found["ContentType"], found["Metadata"], found["CacheControl"]), ("text/x-odd", {"colour": "blue"}, "no-cache"))
    equal((found["TagCount"], found["StorageClass"]), (1, "STANDARD_IA"))
    equal(body(name, "big", Range=f"bytes={5 * MIB - 2}-{5 * MIB + 1}"), BIG[-2:] + SMALL[:2])
    entry = s3.list_objects_v2(Bucket=name)["Contents"][0]
    equal((entry["Size"], entry["ETag"]), (len(BIG) + len(SMALL), etag_of_parts(BIG, SMALL)))
    # It is done once, and can be asked for again.
    equal(complete(name, upload, [(1, first), (2, second)])["ETag"], done["ETag"])
    fails("NoSuchUpload", 404, complete, name=name, upload=upload, parts=[(1, first)])
    fails("NoSuchUpload", 404, s3.abort_multipart_upload, Bucket=name, Key="big", UploadId=upload)


@case
def part_numbers_may_have_gaps_and_parts_may_be_left_out():
    name = bucket()
    upload = begin(name)
    tags = {number: put(name, upload, number, data)["ETag"] for number, data in [(3, BIG), (7, b"x"), (10000, SMALL)]}
    complete(name, upload, [(3, tags[3]), (10000, tags[10000])])
    equal(body(name, "big"), BIG + SMALL)
    part = s3.get_object(Bucket=name, Key="big", PartNumber=2)
    equal((part["Body"].read(), part["PartsCount"]), (SMALL, 2))


@case
def a_part_is_replaced():
    name = bucket()
    upload = begin(name)
    old = put(name, upload, 1, b"old")["ETag"]
    new = put(name, upload, 1, b"new")["ETag"]
    fails("InvalidPart", 400, complete, name=name, upload=upload, parts=[(1, old)])
    complete(name, upload, [(1, new)])
    equal(body(name, "big"), b"new")


@case
def an_empty_part():
    name = bucket()
    upload = begin(name)
    complete(name, upload, [(1, put(name, upload, 1, b"")["ETag"])])
    equal(body(name, "big"), b"")


@case
def completion_errors():
    name = bucket()
    upload, tags = two_parts(name)
    fails("InvalidPartOrder", 400, complete, name=name, upload=upload, parts=tags[::-1])
    fails("InvalidPartOrder", 400, complete, name=name, upload=upload, parts=[tags[0], tags[0]])
    fails("InvalidPart", 400, complete, name=name, upload=upload, parts=[tags[0], (3, tags[1][1])])
    fails("InvalidPart", 400, complete, name=name, upload=upload, parts=[(1, tags[1][1])])
    fails("MalformedXML", 400, complete, name=name, upload=upload, parts=[])
    fails("NoSuchUpload", 404, complete, name=name, upload="0" * 32, parts=tags)
    fails("NoSuchUpload", 404, complete, name=name, upload="odd", parts=tags)
    fails("NoSuchUpload", 404, complete, name=name, upload=upload, parts=tags, key="other")
    fails("InvalidRequest", 400, complete, name=name, upload=upload, parts=tags, MpuObjectSize=7)
    status, _, text = http("POST", f"/{name}/big?uploadId={upload}", b"<CompleteMultipartUpload><Part/>")
    assert status == 400 and b"MalformedXML" in text
    little = begin(name, "little")
    parts = [(number, put(name, little, number, SMALL, "little")["ETag"]) for number in (1, 2)]
    fails("EntityTooSmall", 400, complete, name=name, upload=little, parts=parts, key="little")
    fails("NoSuchBucket", 404, begin, name="there-is-none-" + name)
    # After all that the upload is as it was.
    equal(complete(name, upload, tags, MpuObjectSize=len(BIG) + len(SMALL))["ETag"], etag_of_parts(BIG, SMALL))


@case
def part_errors():
    name = bucket()
    upload = begin(name)
    for number in (0, 10001):
        fails("InvalidArgument", 400, put, name=name, upload=upload, number=number, data=b"x")
    fails("NoSuchUpload", 404, put, name=name, upload="0" * 32, number=1, data=b"x")
    fails("NoSuchUpload", 404, put, name=name, upload=upload, number=1, data=b"x", key="other")
    fails("BadDigest", 400, put, name=name, upload=upload, number=1, data=b"x", ContentMD5=b64(hashlib.md5(b"y").digest()))
    fails("BadDigest", 400, put, name=name, upload=upload, number=1, data=b"x", ChecksumCRC32=crc32(b"y"))
    assert "Parts" not in s3.list_parts(Bucket=name, Key="big", UploadId=upload)


@case
def conditional_completion():
    name = bucket()
    upload, tags = two_parts(name)
    tag = s3.put_object(Bucket=name, Key="big", Body=b"there")["ETag"]
    fails("PreconditionFailed", 412, complete, name=name, upload=upload, parts=tags, IfNoneMatch="*")
    fails("PreconditionFailed", 412, complete, name=name, upload=upload, parts=tags, IfMatch='"other"')
    equal(body(name, "big"), b"there")
    complete(name, upload, tags, IfMatch=tag)
    equal(body(name, "big"), BIG + SMALL)


@case
def abort():
    name = bucket()
    upload, tags = two_parts(name)
    equal(
        s3.abort_multipart_upload(Bucket=name, Key="big", UploadId=upload)["ResponseMetadata"]["HTTPStatusCode"], 204
    )
    fails("NoSuchUpload", 404, s3.abort_multipart_upload, Bucket=name, Key="big", UploadId=upload)
    fails("NoSuchUpload", 404, s3.list_parts, Bucket=name, Key="big", UploadId=upload)
    fails("NoSuchUpload", 404, complete, name=name, upload=upload, parts=tags)
    fails("404", 404, s3.head_object, Bucket=name, Key="big")


@case
def list_parts():
    name = bucket()
    upload = begin(name, StorageClass="STANDARD_IA", ChecksumAlgorithm="SHA1")
    for number in (2, 1, 9):
        put(name, upload, number, b"x" * number)
    found = s3.list_parts(Bucket=name, Key="big", UploadId=upload)
    equal([(p["PartNumber"], p["Size"], p["ETag"]) for p in found["Parts"]], [(n, n, md5(b"x" * n)) for n in (1, 2, 9)])
    equal([p["ChecksumSHA1"] for p in found["Parts"]], [sha1(b"x" * n) for n in (1, 2, 9)])
    equal((found["StorageClass"], found["ChecksumAlgorithm"], found["IsTruncated"]), ("STANDARD_IA", "SHA1", False))
    page = s3.list_parts(Bucket=name, Key="big", UploadId=upload, MaxParts=2)
    equal((page["IsTruncated"], page["NextPartNumberMarker"], len(page["Parts"])), (True, 2, 2))
    page = s3.list_parts(Bucket=name, Key="big", UploadId=upload, PartNumberMarker=2)
    equal([p["PartNumber"] for p in page["Parts"]], [9])


@case
def list_multipart_uploads():
    name = bucket()
    keys = ["a", "a/b", "a/c", "a/c", "b ☃", "d/e", "d/f", "z"]
    uploads = [(key, begin(name, key)) for key in keys]
    found = s3.list_multipart_uploads(Bucket=name)
    equal([(u["Key"], u["UploadId"]) for u in found["Uploads"]], uploads)
    equal(found["IsTruncated"], False)
    walked, marker = [], {}
    while True:
        page = s3.list_multipart_uploads(Bucket=name, MaxUploads=3, **marker)
        walked += [(u["Key"], u["UploadId"]) for u in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        marker = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    equal(walked, uploads)
    found = s3.list_multipart_uploads(Bucket=name, Prefix="a/")
    equal([u["Key"] for u in found["Uploads"]], ["a/b", "a/c", "a/c"])
    found = s3.list_multipart_uploads(Bucket=name, Delimiter="/")
    equal([u["Key"] for u in found["Uploads"]], ["a", "b ☃", "z"])
    equal([p["Prefix"] for p in found["CommonPrefixes"]], ["a/", "d/"])
    walked, marker = [], {}
    while True:
        page = s3.list_multipart_uploads(Bucket=name, Delimiter="/", MaxUploads=1, **marker)
        walked += [u["Key"] for u in page.get("Uploads", [])] + [p["Prefix"] for p in page.get("CommonPrefixes", [])]
        if not page["IsTruncated"]:
            break
        marker = {"KeyMarker": page["NextKeyMarker"]}
        if page.get("NextUploadIdMarker"):
            marker["UploadIdMarker"] = page["NextUploadIdMarker"]
    equal(walked, ["a", "a/", "b ☃", "d/", "z"])
    found = s3.list_multipart_uploads(Bucket=name, KeyMarker="a/c")
    equal([u["Key"] for u in found["Uploads"]], ["b ☃", "d/e", "d/f", "z"])
    s3.abort_multipart_upload(Bucket=name, Key="z", UploadId=uploads[-1][1])
    assert "z" not in [u["Key"] for u in s3.list_multipart_uploads(Bucket=name)["Uploads"]]


@case
def parts_are_read_by_their_numbers():
    name = bucket()
    upload, tags = two_parts(name)
    complete(name, upload, tags)
    for number, data in [(1, BIG), (2, SMALL)]:
        found = s3.get_object(Bucket=name, Key="big", PartNumber=number)
        equal(found["Body"].read(), data)
        equal((found["PartsCount"], found["ResponseMetadata"]["HTTPStatusCode"]), (2, 206))
        head = s3.head_object(Bucket=name, Key="big", PartNumber=number)
        equal((head["ContentLength"], head["PartsCount"]), (len(data), 2))
    equal(found["ContentRange"], f"bytes {len(BIG)}-{len(BIG) + len(SMALL) - 1}/{len(BIG) + len(SMALL)}")
    fails("InvalidPartNumber", 416, s3.get_object, Bucket=name, Key="big", PartNumber=3)
    fails("InvalidRequest", 400, s3.get_object, Bucket=name, Key="big", PartNumber=1, Range="bytes=0-1")
    s3.put_object(Bucket=name, Key="plain", Body=b"plain")
    found = s3.get_object(Bucket=name, Key="plain", PartNumber=1)
    equal(found["Body"].read(), b"plain")
    assert "PartsCount" not in found
    fails("InvalidPartNumber", 416, s3.get_object, Bucket=name, Key="plain", PartNumber=2)


@case
def upload_part_copy():
    name, other = bucket(), bucket()
    s3.put_object(Bucket=other, Key="a b/☃", Body=BIG * 2)
    s3.put_object(Bucket=other, Key="small", Body=b"0123456789")
    upload = begin(name, ChecksumAlgorithm="SHA256")

    def copy(number, key, **arguments):
        return s3.upload_part_copy(
            Bucket=name, Key="big", UploadId=upload, PartNumber=number, CopySource={"Bucket": other, "Key": key},
            **arguments,
        )

    first = copy(1, "a b/☃", CopySourceRange=f"bytes={MIB}-{9 * MIB - 1}")["CopyPartResult"]
    data = (BIG * 2)[MIB : 9 * MIB]
    equal((first["ETag"], first["ChecksumSHA256"]), (md5(data), sha256(data)))
    second = copy(2, "small", CopySourceRange="bytes=2-4")["CopyPartResult"]["ETag"]
    third = copy(3, "small")["CopyPartResult"]["ETag"]
    fails("InvalidRange", 416, copy, number=4, key="small", CopySourceRange="bytes=0-10")
    fails("InvalidArgument", 400, copy, number=4, key="small", CopySourceRange="0-1")
    fails("NoSuchKey", 404, copy, number=4, key="none")
    fails("PreconditionFailed", 412, copy, number=4, key="small", CopySourceIfMatch='"x"')
    fails("EntityTooSmall", 400, complete, name=name, upload=upload, parts=[(1, first["ETag"]), (2, second), (3, third)])
    complete(name, upload, [(1, first["ETag"]), (3, third)])
    equal(body(name, "big"), data + b"0123456789")


@case
def transfers_of_the_sdk():
    name = bucket()
    data = os.urandom(20 * MIB + 7)
    path = f"/tmp/{name}"
    with open(path, "wb") as file:
        file.write(data)
    config = TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=6 * MIB, max_concurrency=4)
    try:
        checked.upload_file(path, name, "big", Config=config)
        checked.download_file(name, "big", path, Config=config)
        with open(path, "rb") as file:
            assert file.read() == data
        checked.copy({"Bucket": name, "Key": "big"}, name, "copy", Config=config)
    finally:
        os.unlink(path)
    equal(body(name, "copy"), data)
    assert s3.head_object(Bucket=name, Key="big")["ETag"].endswith('-4"')


# Checksums


@case
def checksums_of_objects():
    name = bucket()
    values = {"CRC32": "y/Q5Jg==", "CRC32C": "4waSgw==", "CRC64NVME": "rosUhgp5mIg=", "SHA1": sha1(b"123456789"),
              "SHA256": sha256(b"123456789")}
    for algorithm, value in values.items():
        member = "Checksum" + algorithm
        put_answer = s3.put_object(Bucket=name, Key=algorithm, Body=b"123456789", **{member: value})
        equal((put_answer[member], put_answer["ChecksumType"]), (value, "FULL_OBJECT"))
        head = s3.head_object(Bucket=name, Key=algorithm, ChecksumMode="ENABLED")
        equal((head[member], head["ChecksumType"]), (value, "FULL_OBJECT"))
        found = s3.get_object(Bucket=name, Key=algorithm)
        assert member not in found
        found = s3.get_object(Bucket=name, Key=algorithm, ChecksumMode="ENABLED", Range="bytes=0-1")
        assert member not in found
        attributes = s3.get_object_attributes(Bucket=name, Key=algorithm, ObjectAttributes=["Checksum", "ObjectParts"])
        equal(attributes["Checksum"], {member: value, "ChecksumType": "FULL_OBJECT"})
        assert "ObjectParts" not in attributes
        wrong = b64(b"x" * len(base64.b64decode(value)))
        fails("BadDigest", 400, s3.put_object, Bucket=name, Key="wrong", Body=b"123456789", **{member: wrong})
        fails("InvalidRequest", 400, s3.put_object, Bucket=name, Key="wrong", Body=b"1", **{member: "eA=="})
        copied = s3.copy_object(Bucket=name, Key="copy", CopySource=f"{name}/{algorithm}")["CopyObjectResult"]
        equal(copied[member], value)
    fails("404", 404, s3.head_object, Bucket=name, Key="wrong")
    both = {"x-amz-checksum-crc32": values["CRC32"], "x-amz-checksum-sha1": values["SHA1"]}
    status, _, text = http("PUT", f"/{name}/wrong", b"123456789", both)
    assert status == 400 and b"InvalidRequest" in text
    copied = s3.copy_object(Bucket=name, Key="copy", CopySource=f"{name}/SHA1", ChecksumAlgorithm="CRC32")
    equal(copied["CopyObjectResult"]["ChecksumCRC32"], values["CRC32"])


@case
def checksums_that_the_sdk_makes_and_verifies():
    name = bucket()
    for algorithm in ("CRC32", "SHA1", "SHA256"):
        answer = checked.put_object(Bucket=name, Key=algorithm, Body=BIG, ChecksumAlgorithm=algorithm)
        assert answer["Checksum" + algorithm]
        equal(checked.get_object(Bucket=name, Key=algorithm)["Body"].read(), BIG)
    equal(checked.put_object(Bucket=name, Key="default", Body=BIG)["ChecksumCRC32"], crc32(BIG))
    equal(checked.get_object(Bucket=name, Key="default", Range="bytes=1-5")["Body"].read(), BIG[1:6])


@case
def composite_checksums():
    name = bucket()
    for algorithm, reckon in [("CRC32", crc32), ("SHA1", sha1), ("SHA256", sha256)]:
        member = "Checksum" + algorithm
        upload = begin(name, algorithm, ChecksumAlgorithm=algorithm)
        parts = []
        for number, data in [(1, BIG), (2, SMALL)]:
            answer = put(name, upload, number, data, algorithm, **{member: reckon(data)})
            equal(answer[member], reckon(data))
            parts.append({"PartNumber": number, "ETag": answer["ETag"], member: reckon(data)})
        call = dict(Bucket=name, Key=algorithm, UploadId=upload)
        bad = [dict(parts[0], **{member: reckon(b"x")}), parts[1]]
        fails("InvalidPart", 400, s3.complete_multipart_upload, MultipartUpload={"Parts": bad}, **call)
        done = s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **call)
        whole = reckon(base64.b64decode(reckon(BIG)) + base64.b64decode(reckon(SMALL))) + "-2"
        equal((done[member], done["ChecksumType"]), (whole, "COMPOSITE"))
        head = s3.head_object(Bucket=name, Key=algorithm, ChecksumMode="ENABLED")
        equal((head[member], head["ChecksumType"]), (whole, "COMPOSITE"))
        found = s3.get_object_attributes(Bucket=name, Key=algorithm, ObjectAttributes=["Checksum", "ObjectParts"])
        equal(found["Checksum"][member], whole)
        listed = found["ObjectParts"]
        equal((listed["TotalPartsCount"], listed["IsTruncated"]), (2, False))
        equal([(p["PartNumber"], p["Size"], p[member]) for p in listed["Parts"]],
              [(1, len(BIG), reckon(BIG)), (2, len(SMALL), reckon(SMALL))])
        page = s3.get_object_attributes(
            Bucket=name, Key=algorithm, ObjectAttributes=["ObjectParts"], MaxParts=1, PartNumberMarker=1)["ObjectParts"]
        equal([p["PartNumber"] for p in page["Parts"]], [2])
        part = checked.get_object(Bucket=name, Key=algorithm, PartNumber=2)
        equal(part["Body"].read(), SMALL)
        equal(checked.get_object(Bucket=name, Key=algorithm)["Body"].read(), BIG + SMALL)


@case
def full_object_checksums():
    name = bucket()
    for algorithm, arguments in [("CRC32", {"ChecksumType": "FULL_OBJECT"}), ("CRC64NVME", {}),
                                 ("CRC32C", {"ChecksumType": "FULL_OBJECT"})]:
        member = "Checksum" + algorithm
        plain = s3.put_object(Bucket=name, Key="plain", Body=BIG + SMALL, ChecksumAlgorithm="CRC32")
        upload = begin(name, algorithm, ChecksumAlgorithm=algorithm, **arguments)
        tags = [(number, put(name, upload, number, data, algorithm)["ETag"]) for number, data in [(1, BIG), (2, SMALL)]]
        done = complete(name, upload, tags, algorithm)
        equal(done["ChecksumType"], "FULL_OBJECT")
        if algorithm == "CRC32":
            equal(done[member], crc32(BIG + SMALL))
            equal(done[member], plain[member])
            equal(checked.get_object(Bucket=name, Key=algorithm)["Body"].read(), BIG + SMALL)
        # The same, reckoned from the whole.
        whole = s3.put_object(Bucket=name, Key="whole", Body=BIG + SMALL, **{member: done[member]})
        equal(whole[member], done[member])
    upload = begin(name, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    tag = put(name, upload, 1, SMALL)["ETag"]
    fails("BadDigest", 400, complete, name=name, upload=upload, parts=[(1, tag)], ChecksumCRC32=crc32(b"x"))
    fails("InvalidRequest", 400, put, name=name, upload=upload, number=2, data=SMALL, ChecksumSHA1=sha1(SMALL))
    complete(name, upload, [(1, tag)], ChecksumCRC32=crc32(SMALL), ChecksumType="FULL_OBJECT")
    fails("InvalidRequest", 400, begin, name=name, ChecksumAlgorithm="SHA1", ChecksumType="FULL_OBJECT")
    fails("InvalidRequest", 400, begin, name=name, ChecksumAlgorithm="CRC64NVME", ChecksumType="COMPOSITE")
    fails("InvalidRequest", 400, begin, name=name, ChecksumType="COMPOSITE")


# Copies


@case
def copies_of_large_objects_live_on_without_their_source():
    name = bucket()
    upload, tags = two_parts(name, "first", Metadata={"a": "b"})
    complete(name, upload, tags, "first")
    data = BIG * 3
    s3.put_object(Bucket=name, Key="second", Body=data)
    for key, expected in [("first", BIG + SMALL), ("second", data)]:
        before = s3.head_object(Bucket=name, Key=key)
        answer = s3.copy_object(Bucket=name, Key="copy of " + key, CopySource=f"{name}/{key}")["CopyObjectResult"]
        equal(answer["ETag"], before["ETag"])
        after = s3.head_object(Bucket=name, Key=key)
        equal((after["ETag"], after["LastModified"]), (before["ETag"], before["LastModified"]))
        s3.delete_object(Bucket=name, Key=key)
        copied = s3.get_object(Bucket=name, Key="copy of " + key)
        equal(copied["Body"].read(), expected)
        equal(copied["Metadata"], before["Metadata"])


@case
def the_native_api_reads_what_came_in_parts():
    name = "in-parts-" + os.urandom(4).hex()
    upload, tags = two_parts("default", name)
    complete("default", upload, tags, name)
    status, headers, data = http("GET", f"/blob/{name}", headers={"Want-Repr-Digest": "sha-256=1"}, base=NATIVE)
    equal((status, data), (200, BIG + SMALL))
    equal(headers["ETag"], etag_of_parts(BIG, SMALL))
    assert "Repr-Digest" not in headers
    s3.delete_object(Bucket="default", Key=name)


boto3_cases.main()
