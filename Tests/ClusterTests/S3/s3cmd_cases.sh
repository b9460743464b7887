#!/usr/bin/env bash
# What s3cmd gets from Cairn. Prints each command, and ends with 1 at the first that fails.
#
# usage: s3cmd_cases.sh S3-PORT FOLDER, with keys in the environment as clients.sh has them
source "$(dirname "$0")/clients.sh"
unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY

use_key() {
  cat >.s3cfg <<END
[default]
access_key = $1
secret_key = $2
host_base = ${endpoint#http://}
host_bucket = ${endpoint#http://}
use_https = False
END
}
s3cmd() {
  printf 's3cmd %s\n' "$*" >&2
  command s3cmd --no-progress "$@"
}
refused_s3cmd() { refused AccessDenied command s3cmd --no-progress "$@"; }
status() { curl -so /dev/null -w '%{http_code}' "$1"; }

# There and back again, below a folder of the bucket.
round_trip() {
  local remote=$1
  s3cmd put 'tree/sub/a b/ö+%&=#?.txt' "$remote/b a/ö+%&=#?.txt"
  s3cmd get --force "$remote/b a/ö+%&=#?.txt" odd
  same 'odd' "$(cat odd)"
  s3cmd ls "$remote/b a/" | grep -F " 3  $remote/b a/ö+%&=#?.txt" >/dev/null || fail 'the object is not listed'
  s3cmd del "$remote/b a/ö+%&=#?.txt"

  s3cmd sync tree/ "$remote/tree/" >/dev/null
  same 8 "$(s3cmd ls --recursive "$remote/tree/" | wc -l)"
  same '' "$(s3cmd sync tree/ "$remote/tree/")"
  cp -a tree changed
  printf 'changed' >changed/plain.txt
  rm changed/sub/1
  s3cmd sync --delete-removed changed/ "$remote/tree/" >/dev/null
  mkdir back
  s3cmd sync "$remote/tree/" back/ >/dev/null
  diff -r changed back
  rm -r changed back

  s3cmd put --multipart-chunk-size-mb=5 large "$remote/large"
  s3cmd get --force "$remote/large" large.back
  cmp large large.back
  head -c 1000000 large >large.back
  s3cmd get --continue "$remote/large" large.back
  cmp large large.back
  same $(((24 << 20) + 14)) "$(s3cmd du "$remote/" | awk '{ print $1 }')"
  same 0 "$(s3cmd multipart s3://attic | grep -c large || true)"
  s3cmd del --recursive --force "$remote/" >/dev/null
  same '' "$(s3cmd ls --recursive "$remote/")"
}

# Copies of the server. They take access control lists along, so they are for the bucket's owner.
copies() {
  s3cmd put --multipart-chunk-size-mb=5 large s3://attic/large
  s3cmd cp s3://attic/large s3://attic/copy
  s3cmd mv s3://attic/copy s3://attic/moved
  s3cmd get --force s3://attic/moved large.back
  cmp large large.back
  s3cmd put tree/plain.txt s3://attic/plain.txt
  s3cmd modify --add-header=x-amz-meta-colour:blue --mime-type=text/x-odd s3://attic/plain.txt
  s3cmd info s3://attic/plain.txt >info
  grep -q 'File size: 5$' info && grep -q 'MIME type: text/x-odd$' info && grep -q 'x-amz-meta-colour: blue$' info ||
    fail "$(cat info)"
  s3cmd del --recursive --force s3://attic >/dev/null
}

make_files
use_key "$first_id" "$first_secret"
s3cmd mb s3://attic
s3cmd ls | grep ' s3://attic$' >/dev/null || fail 'the new bucket is not listed'
round_trip s3://attic
copies
s3cmd info s3://attic | grep 'Location: *us-east-1$' >/dev/null || fail 'the bucket has no location'

# What is public, anybody may read.
s3cmd put --acl-public tree/plain.txt s3://attic/plain.txt
s3cmd info s3://attic/plain.txt | grep 'ACL: *\*anon\*: READ' >/dev/null || fail 'the object is not public'
same 'hello' "$(curl -sf "$endpoint/attic/plain.txt")"
s3cmd setacl --acl-private s3://attic/plain.txt
same 403 "$(status "$endpoint/attic/plain.txt")"
s3cmd setacl --acl-public s3://attic/plain.txt
same 200 "$(status "$endpoint/attic/plain.txt")"
s3cmd del s3://attic/plain.txt
s3cmd put tree/plain.txt s3://attic/plain.txt
same 403 "$(status "$endpoint/attic/plain.txt")"
same 403 "$(status "$endpoint/attic")"
s3cmd setacl --acl-public s3://attic
s3cmd info s3://attic | grep 'ACL: *\*anon\*: READ' >/dev/null || fail 'the bucket is not public'
same 200 "$(status "$endpoint/attic")"
same 'hello' "$(curl -sf "$endpoint/attic/plain.txt")"
s3cmd setacl --acl-private s3://attic
same 403 "$(status "$endpoint/attic")"

use_key "$READER_ID" "$READER_SECRET"
s3cmd ls s3://attic | grep ' 5  s3://attic/plain.txt$' >/dev/null || fail 'the object is not listed'
same 'hello' "$(s3cmd get s3://attic/plain.txt - 2>/dev/null)"
refused_s3cmd put tree/plain.txt s3://attic/new.txt
refused_s3cmd put --multipart-chunk-size-mb=5 large s3://attic/large
refused_s3cmd cp s3://attic/plain.txt s3://attic/copy.txt
refused_s3cmd del s3://attic/plain.txt
refused_s3cmd setacl --acl-public s3://attic/plain.txt
refused_s3cmd mb s3://another

use_key "$WRITER_ID" "$WRITER_SECRET"
s3cmd del s3://attic/plain.txt
round_trip s3://attic/folder
s3cmd put tree/plain.txt s3://attic/plain.txt
refused_s3cmd cp s3://attic/plain.txt s3://attic/copy.txt
refused_s3cmd put --acl-public tree/plain.txt s3://attic/public.txt
refused_s3cmd rb s3://attic

use_key "$first_id" "$first_secret"
refused BucketNotEmpty command s3cmd rb s3://attic
s3cmd del s3://attic/plain.txt
s3cmd rb s3://attic
! s3cmd ls | grep ' s3://attic$' || fail 'the bucket is still listed'
