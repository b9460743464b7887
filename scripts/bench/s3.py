"""What is measured of S3: small and large objects, signed or not, and lists."""

import http.client
import os
import time
import urllib.parse
import xml.etree.ElementTree

import load
import report
import servers

SMALL_SIZE = 1024
SMALL_COUNT = 20_000
PUTS_A_SECOND_MAX = 25_000  # heads that are made beforehand
LARGE_SIZE = 64 * load.MIB
LARGE_EACH = 2
LIST_COUNT = 200_000
LIST_SIZE = 100
PAGE = 1000
FIRST_PAGES = 300


class Pair:
    """Cairn's S3 port, and SeaweedFS's gateway beside it."""

    def __init__(self, bench, name):
        self.bench = bench
        self.cairn, self.seaweedfs = bench.cairn(name), servers.SeaweedFS(bench.processes, bench.work / f"{name}-weed")
        self.cairn.start()
        self.sides = [servers.S3(self.cairn, "Cairn", "sync"),
                      servers.S3(self.seaweedfs, "SeaweedFS S3", self.seaweedfs.durability)]

    def row(self, what, unit, figures, **options):
        cairn, other = self.sides
        return report.row(what, unit, figures[cairn.name], figures[other.name], name=other.name,
                          durability=("sync", other.durability), **options)

    def stop(self):
        for server in (self.cairn, self.seaweedfs):
            self.bench.processes.stop(server.process)


def small(bench):
    report.say("S3, small objects: starting the servers and storing 20,000 objects on each")
    pair = Pair(bench, "s3")
    body = bench.work / "s3-body"
    body.write_bytes(os.urandom(SMALL_SIZE))
    for side in pair.sides:
        load.fill(side, SMALL_COUNT, SMALL_SIZE)
    runs = {}

    def run(kind, side, round_number):
        seconds = bench.arguments.seconds
        first = round_number * 100_000_000
        if kind == "PUT, anonymous":
            return load.small(side, "put", seconds, first=first, size=SMALL_SIZE)
        if kind == "GET, anonymous":
            return load.small(side, "get", seconds, count=SMALL_COUNT)
        is_put = kind == "PUT, signed"
        count = PUTS_A_SECOND_MAX * seconds if is_put else SMALL_COUNT
        heads = write_heads(bench.work / "s3-heads", side, "PUT" if is_put else "GET",
                            (f"{'s' if is_put else 'b'}{first * is_put + number}" for number in range(count)),
                            body.read_bytes() if is_put else b"")
        return load.heads(side, heads, seconds, body if is_put else "")

    kinds = ["PUT, signed", "PUT, anonymous", "GET, signed", "GET, anonymous"]
    for round_number in range(1, bench.arguments.rounds + 1):
        report.say(f"S3, small objects: round {round_number} of {bench.arguments.rounds}")
        for kind in kinds:
            for side in pair.sides:
                os.sync()
                result = run(kind, side, round_number)
                if result["refused"] or result["broken"]:
                    raise servers.Failure(f"{side.name}, {kind}: {result['refused']} requests were refused and "
                                          f"{result['broken']} broke")
                runs.setdefault((kind, side.name), []).append(result)
    pair.stop()

    def figures(kind, field="rate"):
        return {side.name: [result[field] for result in runs[(kind, side.name)]] for side in pair.sides}

    def details(kind):
        p99, processor = figures(kind, "p99_ms"), figures(kind, "cpu_us")
        return tuple(f" (p99 {report.number(report.median(p99[side.name]))} ms, "
                     f"{report.number(report.median(processor[side.name]))} µs of processor each)"
                     for side in pair.sides)

    signed, anonymous = figures("GET, signed", "cpu_us")["Cairn"], figures("GET, anonymous", "cpu_us")["Cairn"]
    return [*(pair.row(f"S3 {kind}, 1 KiB", "/s", figures(kind), goal=5, details=details(kind)) for kind in kinds),
            report.row("Processor time of a signature, GET signed less anonymous", "µs",
                       [report.median(signed) - report.median(anonymous)], limit=30, durability=("–", ""))]


def write_heads(file, side, method, names, body):
    with open(file, "w", encoding="ascii") as output:
        output.writelines(side.signer.head(method, side.host, side.prefix + name, body) for name in names)
    return file


def large(bench):
    report.say("S3, large objects: starting the servers")
    pair = Pair(bench, "s3-large")
    source = bench.work / "s3-source"
    with open(source, "wb") as file:
        for _ in range(LARGE_SIZE // load.MIB):
            file.write(os.urandom(load.MIB))
    put, get = {}, {}
    for side in pair.sides:
        load.large(side, ["warm"], source, upload=True)
        bench.check_copy(side, "warm", source)
    for round_number in range(1, bench.arguments.rounds + 1):
        report.say(f"S3, large objects: round {round_number} of {bench.arguments.rounds}")
        names = [f"large-{round_number}-{number}" for number in range(load.STREAMS * LARGE_EACH)]
        for figures, upload in ((put, True), (get, False)):
            for side in pair.sides:
                os.sync()
                figures.setdefault(side.name, []).append(load.large(side, names, source, upload=upload))
    pair.stop()
    return [pair.row(f"S3 {verb} 64 MiB, 4 streams, presigned", "MiB/s", figures, goal=1.5)
            for verb, figures in (("PUT", put), ("GET", get))]


def lists(bench):
    report.say(f"S3 lists: storing {LIST_COUNT:,} objects on each server")
    pair = Pair(bench, "s3-lists")
    for side in pair.sides:
        load.fill(side, LIST_COUNT, LIST_SIZE)
    first, walk = {}, {}
    for round_number in range(1, bench.arguments.rounds + 1):
        report.say(f"S3 lists: round {round_number} of {bench.arguments.rounds}")
        for side in pair.sides:
            connection = http.client.HTTPConnection(side.host, timeout=60)
            times = sorted(timed(connection, side)[0] for _ in range(FIRST_PAGES))
            first.setdefault(side.name, []).append(times[FIRST_PAGES * 99 // 100] * 1000)
            # Their text is looked at only for where to go on, so that the client's parser does not count.
            count, seconds, token = 0, 0.0, ""
            while token is not None:
                took, text = timed(connection, side, token)
                seconds += took
                count += text.count(b"<Key>")
                token = next_token(text)
            if count < LIST_COUNT:
                raise servers.Failure(f"{side.name} lists {count:,} of {LIST_COUNT:,} objects")
            walk.setdefault(side.name, []).append(count / seconds)
            connection.close()
    pair.stop()
    return [pair.row(f"S3 list of {LIST_COUNT:,} objects, whole, by pages of {PAGE:,}", "keys/s", walk, goal=1),
            report.row(f"First page of a list of {LIST_COUNT:,}, p99", "ms", first["Cairn"], limit=20,
                       durability=("–", ""), note=f"SeaweedFS: {report.number(report.median(first['SeaweedFS S3']))} ms")]


def timed(connection, side, token=""):
    query = {"list-type": "2", "max-keys": str(PAGE)} | ({"continuation-token": token} if token else {})
    start = time.perf_counter()
    connection.request("GET", f"{side.prefix.rstrip('/')}?{urllib.parse.urlencode(query)}")
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise servers.Failure(f"{side.name} answers a list with {answer.status}: {text[:500]}")
    return time.perf_counter() - start, text


def next_token(text):
    """-> where the list goes on; None at its end."""
    start = text.find(b"<NextContinuationToken>")
    if start < 0:
        return None
    end = text.index(b"</NextContinuationToken>", start)
    return xml.etree.ElementTree.fromstring(text[start:end] + b"</NextContinuationToken>").text
