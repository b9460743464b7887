#!/usr/bin/env bash
# What `aws s3` gets from Cairn. Prints each command, and ends with 1 at the first that fails.
#
# usage: aws_cases.sh S3-PORT FOLDER, with the access key in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY
set -euo pipefail

endpoint=http://127.0.0.1:$1
cd "$2"
export HOME=$2 AWS_DEFAULT_REGION=us-east-1 AWS_MAX_ATTEMPTS=1 AWS_PAGER=
# Its presigned URLs are of version 2 otherwise.
aws configure set default.s3.signature_version s3v4

fail() { printf 'FAIL %s\n' "$*"; exit 1; }
s3() {
  printf 'aws s3 %s\n' "$*" >&2
  aws --endpoint-url "$endpoint" s3 "$@"
}
api() {
  printf 'aws s3api %s\n' "$*" >&2
  aws --endpoint-url "$endpoint" s3api "$@"
}

s3 mb s3://attic
s3 ls | grep ' attic$' >/dev/null || fail 'the new bucket is not listed'

# Objects; the names need encoding.
printf 'hello' >hello.txt
s3 cp --no-progress hello.txt 's3://attic/a b/ö+%.txt'
[ "$(s3 cp 's3://attic/a b/ö+%.txt' -)" = hello ] || fail 'the bytes are others'
s3 ls 's3://attic/a b/' | grep ' 5 ö+%.txt$' >/dev/null || fail 'the object is not listed'
printf 'from a pipe' | s3 cp - s3://attic/pipe
[ "$(s3 cp s3://attic/pipe -)" = 'from a pipe' ] || fail 'the bytes of the pipe are others'
s3 mv --no-progress s3://attic/pipe s3://attic/moved
[ "$(s3 cp s3://attic/moved -)" = 'from a pipe' ] || fail 'the moved bytes are others'
! s3 cp s3://attic/pipe - 2>error || fail 'the moved object is still there'
grep -q '404' error || fail "$(cat error)"

# 200 MiB go up, down and from name to name in parts.
head -c $((200 << 20)) /dev/urandom >large
s3 cp large s3://attic/large --no-progress
api head-object --bucket attic --key large --query ETag --output text | grep -- '-25"$' >/dev/null || fail 'large has not 25 parts'
s3 cp s3://attic/large large.back --no-progress
cmp large large.back
rm large.back
s3 cp s3://attic/large s3://attic/large.copy --no-progress
s3 cp s3://attic/large.copy large.back --no-progress
cmp large large.back
rm large large.back
[ -z "$(api list-multipart-uploads --bucket attic --query 'Uploads[].Key' --output text | grep -v None)" ] ||
  fail 'uploads were left behind'

# sync: what is new, what changed, what is gone.
mkdir -p tree/sub/deep
for i in $(seq 1 40); do printf '%s' "$i" >"tree/sub/$i"; done
printf 'x' >tree/sub/deep/x
# Times are compared by the second: what was written in the same one as its object would go up again.
find tree -type f -exec touch -d '1 minute ago' {} +
s3 sync tree s3://attic/tree --only-show-errors
[ "$(s3 ls --recursive s3://attic/tree/ | wc -l)" = 41 ] || fail 'not 41 objects in tree'
[ -z "$(s3 sync tree s3://attic/tree)" ] || fail 'sync goes on without a difference'
printf 'changed' >tree/sub/1
rm tree/sub/2
[ "$(s3 sync --no-progress --delete tree s3://attic/tree | sort | sed 's/:.*//')" = $'delete\nupload' ] || fail 'sync did other things'
s3 sync s3://attic/tree tree.back --only-show-errors
diff -r tree tree.back
s3 sync s3://attic/tree s3://attic/mirror --only-show-errors
[ "$(s3 ls --recursive s3://attic/mirror/ | wc -l)" = 40 ] || fail 'not 40 objects in mirror'

# URLs for others.
url=$(s3 presign s3://attic/moved --expires-in 60)
[ "$(curl -sf "$url")" = 'from a pipe' ] || fail 'the presigned URL gives other bytes'
[ "$(curl -so /dev/null -w '%{http_code}' "${url/moved/large}")" = 403 ] || fail 'a changed URL was good'
[ "$(curl -so /dev/null -w '%{http_code}' "$endpoint/attic/moved")" = 403 ] || fail 'nobody asked for a key'
! AWS_SECRET_ACCESS_KEY=wrong s3 ls 2>error || fail 'a wrong secret was good'
grep -q SignatureDoesNotMatch error || fail "$(cat error)"

s3 rm s3://attic/moved
s3 rm --recursive s3://attic/tree --only-show-errors
[ -z "$(s3 ls s3://attic/tree/ || true)" ] || fail 'rm --recursive left objects'
! s3 rb s3://attic 2>error || fail 'a bucket with objects was deleted'
grep -q BucketNotEmpty error || fail "$(cat error)"
s3 rb --force s3://attic >/dev/null
! s3 ls | grep ' attic$' >/dev/null || fail 'the bucket is still listed'
