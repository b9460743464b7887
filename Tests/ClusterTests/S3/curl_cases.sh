#!/usr/bin/env bash
# What curl gets from Cairn that signs its requests. Prints each command, and ends with 1 at the first that fails.
#
# usage: curl_cases.sh S3-PORT FOLDER, with keys in the environment as clients.sh has them
source "$(dirname "$0")/clients.sh"

use_key() { user=$1:$2; }
s3() {
  local path=$1
  shift
  printf 'curl %s %s\n' "$path" "$*" >&2
  curl --silent --show-error --path-as-is --aws-sigv4 aws:amz:us-east-1:s3 --user "$user" "$@" "$endpoint$path"
}
# What is sent needs a hash, or the word that it has none; older curls, as 7.88, do not say it by themselves.
unsigned=(-H 'x-amz-content-sha256: UNSIGNED-PAYLOAD')
status() { s3 "$@" --output answer --write-out '%{http_code}'; }
denied() {
  same 403 "$(status "$@")"
  grep -q '<Code>AccessDenied</Code><Message>Access Denied</Message>' answer || fail "$(cat answer)"
}
header() { tr -d '\r' <answer | sed -n "s/^$1: //Ip"; }
keys() { s3 "$@" | grep -o '<Key>[^<]*</Key>' | sed 's/<[^>]*>//g'; }

# There and back again; the last part of each path is a key that stays as it is.
round_trip() {
  local path
  for path in plain.txt 'sp%20ace' '100%25' 'pl+us' 'pl%2Bus' '%C3%B6%E2%82%AC' 'a//b' '/lead' 'a/../b' '../../b' 'a/./b' \
    'a%2Fb' '%2e%2e/c' 'trailing/' "tilde~!*'()" 'semi;colon=and@' '%26%3D%3F%23'; do
    same 200 "$(status "/attic/$path" "${unsigned[@]}" --request PUT --data-binary "$path")"
    same "$path" "$(s3 "/attic/$path")"
    same 200 "$(status "/attic/$path" --head)"
    same ${#path} "$(header content-length)"
  done
  keys '/attic' >listed
  # One of two keys was written twice: as `pl+us`, and `%2B` is the same letter; `a/b` is a key of its own.
  printf '%s\n' "../../b" "../c" "/lead" "100%" "&amp;=?#" "a/../b" "a/./b" "a//b" "a/b" "ö€" "pl+us" "plain.txt" \
    "semi;colon=and@" "sp ace" "tilde~!*'()" "trailing/" | LC_ALL=C sort >expected
  LC_ALL=C sort listed | sed "s/&#x27;/'/g; s/&apos;/'/g" | diff expected - || fail 'the list has other keys'

  # Queries in any order, encoded or not.
  same $'a/../b\na/./b\na//b\na/b' "$(keys '/attic?prefix=a/&list-type=2')"
  same $'a/../b\na/./b\na//b\na/b' "$(keys '/attic?list-type=2&prefix=a%2F')"
  same $'a/../b\na/./b' "$(keys '/attic?prefix=a/&max-keys=2')"
  same 'sp ace' "$(keys '/attic?prefix=sp%20&list-type=2')"
  same 'pl+us' "$(keys '/attic?prefix=pl%2B&list-type=2')"
  s3 '/attic?prefix=a/&delimiter=/&list-type=2' >answer
  grep -q '<CommonPrefixes><Prefix>a/../</Prefix></CommonPrefixes>' answer || fail "$(cat answer)"

  # Ranges, conditions and what comes back of an object.
  same 200 "$(status /attic/o "${unsigned[@]}" -T tree/plain.txt -H 'Content-Type: text/x-odd' -H 'x-amz-meta-colour: blue')"
  same 200 "$(status /attic/o --head)"
  same text/x-odd "$(header content-type)"
  same blue "$(header x-amz-meta-colour)"
  same '"5d41402abc4b2a76b9719d911017c592"' "$(header etag)"
  same 206 "$(status /attic/o --range 1-2)"
  same el "$(cat answer)"
  same lo "$(s3 /attic/o --range -2)"
  same 416 "$(status /attic/o --range 5-)"
  same 304 "$(status /attic/o -H 'If-None-Match: "5d41402abc4b2a76b9719d911017c592"')"
  same 412 "$(status /attic/o "${unsigned[@]}" -T tree/plain.txt -H 'If-None-Match: *')"
  same 400 "$(status /attic/o "${unsigned[@]}" -T tree/plain.txt -H 'Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==')"
  grep -q '<Code>BadDigest</Code>' answer || fail "$(cat answer)"
  same 200 "$(status /attic/large "${unsigned[@]}" -T large)"
  s3 /attic/large --output large.back
  cmp large large.back
  same 200 "$(status /attic/copy "${unsigned[@]}" --request PUT -H 'x-amz-copy-source: /attic/o')"
  same hello "$(s3 /attic/copy)"
  same 200 "$(status '/attic?delete=' "${unsigned[@]}" --data-binary '<Delete><Object><Key>copy</Key></Object></Delete>')"
  same 404 "$(status /attic/copy)"
  grep -q '<Code>NoSuchKey</Code>' answer || fail "$(cat answer)"

  local key
  for key in $(keys '/attic?encoding-type=url'); do same 204 "$(status "/attic/${key//+/%20}" --request DELETE)"; done
  same '' "$(keys /attic)"
}

make_files
use_key "$first_id" "$first_secret"
same 200 "$(status /attic --request PUT)"
shows '<Name>attic</Name>' s3 / || fail 'the new bucket is not listed'
round_trip
same 200 "$(status /attic/o "${unsigned[@]}" -T tree/plain.txt)"

use_key "$READER_ID" "$READER_SECRET"
same hello "$(s3 /attic/o)"
same o "$(keys /attic)"
denied /attic/new "${unsigned[@]}" -T tree/plain.txt
denied /attic/o "${unsigned[@]}" -T tree/plain.txt
denied /attic/o --request DELETE
denied /attic/copy "${unsigned[@]}" --request PUT -H 'x-amz-copy-source: /attic/o'
denied '/attic/o?uploads=' "${unsigned[@]}" --request POST
denied '/attic?delete=' "${unsigned[@]}" --data-binary '<Delete><Object><Key>o</Key></Object></Delete>'
denied /attic --request DELETE
denied /another --request PUT
denied /default
same hello "$(s3 /attic/o)"

use_key "$WRITER_ID" "$WRITER_SECRET"
same 204 "$(status /attic/o --request DELETE)"
round_trip
denied /attic --request DELETE
denied /attic/new "${unsigned[@]}" -T tree/plain.txt -H 'x-amz-acl: public-read'
denied '/attic/new?uploads=' "${unsigned[@]}" --request POST -H 'x-amz-acl: public-read'

# Who doesn't sign, and who signs with something else.
anybody() { curl --silent --output answer --write-out '%{http_code}' "$endpoint$1"; }
same 403 "$(anybody /attic)"
use_key "$first_id" wrong
same 403 "$(status /attic)"
grep -q '<Code>SignatureDoesNotMatch</Code>' answer || fail "$(cat answer)"

# What is public, anybody may read, and nobody else may write.
use_key "$first_id" "$first_secret"
same 200 "$(status '/attic?acl' "${unsigned[@]}" --request PUT -H 'x-amz-acl: public-read')"
same 200 "$(status /attic/o "${unsigned[@]}" -T tree/plain.txt)"
same 200 "$(status /attic/hidden "${unsigned[@]}" -T tree/plain.txt -H 'x-amz-acl: private')"
for path in /attic '/attic/o?acl'; do
  s3 "${path%\?acl}?acl" >answer
  grep -q '<URI>http://acs.amazonaws.com/groups/global/AllUsers</URI></Grantee><Permission>READ</Permission>' answer || fail "$path: $(cat answer)"
done
! shows AllUsers s3 '/attic/hidden?acl' || fail 'the private object is public'
same 200 "$(anybody /attic/o)"
same hello "$(cat answer)"
same 200 "$(anybody /attic)"
grep -q '<Key>o</Key>' answer || fail "$(cat answer)"
same 403 "$(anybody /attic/hidden)"
same 403 "$(anybody '/attic?acl')"
same 403 "$(curl -so /dev/null -w '%{http_code}' -T tree/plain.txt "$endpoint/attic/new")"
same 403 "$(curl -so /dev/null -w '%{http_code}' --request DELETE "$endpoint/attic/o")"
for path in /attic/o /attic/hidden /attic; do same 204 "$(status $path --request DELETE)"; done
same 404 "$(status /attic)"
grep -q '<Code>NoSuchBucket</Code>' answer || fail "$(cat answer)"
