"""One connection: sends bytes, however they are cut, and reads what comes back."""

import re
import socket
import struct
import time

ANSWER_BYTES_MAX = 4 << 20
# Many requests have no end, and their servers wait for it as long as they may.
PATIENCE_SECONDS = 0.5
STATUS_LINE = re.compile(rb"HTTP/1\.1 (\d{3}) ([^\r\n]*)\r\n")


class Answer:
    def __init__(self, status, text):
        self.status, self.text = status, text

    @property
    def reason(self):
        """What the answer says, without what differs from one to the next."""
        body = self.text.partition(b"\r\n\r\n")[2][:400].decode(errors="replace")
        return re.sub(r"[0-9a-fA-F]{8,}|<RequestId>.*?</RequestId>|<Resource>.*?</Resource>", "…", body)

    @property
    def is_unexplained(self):
        """Whether it blames the server, which has no reason to be at fault: 501 and 505 blame the request, and 503
        with a time to come back tells of a limit."""
        return self.status >= 500 and self.status not in (501, 505) and not (
            self.status == 503 and b"retry-after" in self.text.lower())


def exchange(port, wire, rng):
    """-> the answers to `wire`, as far as some came."""
    received = b""
    with socket.socket() as connection:
        connection.settimeout(PATIENCE_SECONDS)
        try:
            connection.connect(("127.0.0.1", port))
            for piece in _pieces(wire, rng):
                connection.sendall(piece)
            manner = rng.random()
            if manner < 0.05:  # gone without a word
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return []
            if manner < 0.97:
                connection.shutdown(socket.SHUT_WR)
            end = time.monotonic() + PATIENCE_SECONDS
            while len(received) < ANSWER_BYTES_MAX and time.monotonic() < end:
                piece = connection.recv(1 << 16)
                if not piece:
                    break
                received += piece
        except OSError:
            pass
    places = list(STATUS_LINE.finditer(received))
    ends = [place.start() for place in places[1:]] + [len(received)]
    return [Answer(int(place.group(1)), received[place.start():end]) for place, end in zip(places, ends)
            if place.group(1) != b"100"]


def _pieces(wire, rng):
    if rng.random() < 0.7 or len(wire) < 2:
        return [wire]
    cuts = sorted(rng.randrange(1, len(wire)) for _ in range(rng.randrange(1, 6)))
    return [wire[start:end] for start, end in zip([0, *cuts], [*cuts, len(wire)])]
