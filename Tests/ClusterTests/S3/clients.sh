# What the scripts of S3 clients share; they source it with their arguments S3-PORT FOLDER.
#
# The server's first key is in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; those that may only use the bucket `attic` are in
# WRITER_ID and WRITER_SECRET (read and write), READER_ID and READER_SECRET (read).
set -euo pipefail

endpoint=http://127.0.0.1:$1
first_id=$AWS_ACCESS_KEY_ID first_secret=$AWS_SECRET_ACCESS_KEY
cd "$2"
export HOME=$2

fail() { printf 'FAIL %s\n' "$*"; exit 1; }

# refused TEXT COMMAND…: expects the command to fail, and to say so with this text.
refused() {
  local text=$1
  shift
  ! "$@" >refusal 2>&1 || fail "not refused: $*"
  grep -q "$text" refusal || fail "refused otherwise: $*: $(cat refusal)"
}

# shows TEXT COMMAND…: whether a line of what the command prints has this text, or this regular expression. The command must
# succeed; all of it is read first, as a command whose reader goes away fails.
shows() {
  local text=$1 output
  shift
  output=$("$@") || fail "failed: $*"
  grep -q "$text" <<<"$output"
}

# same EXPECTED FOUND: compares texts.
same() { [ "$1" = "$2" ] || fail "'$2' instead of '$1'"; }

# Files with odd names in `tree`, and `large` with 24 MiB.
make_files() {
  mkdir -p 'tree/sub/a b'
  printf 'hello' >tree/plain.txt
  printf 'odd' >'tree/sub/a b/ö+%&=#?.txt'
  : >tree/empty
  local i
  for i in 1 2 3 4 5; do printf '%s' "$i" >"tree/sub/$i"; done
  # Times are compared by the second: what was written in the same one as its object would go up again.
  find tree -type f -exec touch -d '1 minute ago' {} +
  head -c $((24 << 20)) /dev/urandom >large
}
